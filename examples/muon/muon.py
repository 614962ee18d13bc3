"""Muon as an optax transformation that orthogonalises all matrices of a network in one program.

Muon (Keller Jordan, 2024) replaces the momentum U S Vᵀ of a weight matrix by about U Vᵀ, found by
five steps of a Newton-Schulz iteration.  A network has dozens of matrices of many shapes; here
their momentum is one `rd.Ragged`, and the iteration one program, `newton_schulz.rmm`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import raggeddsl as rd

SPEC = Path(__file__).parent / "newton_schulz.rmm"


def muon(
    learning_rate: Any,
    *,
    beta: float = 0.95,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    nesterov: bool = True,
    labels: Callable[[Any], Any] | None = None,
) -> optax.GradientTransformation:
    """Muon for the matrices among the parameters, AdamW for the others; as `optax.contrib.muon`.

    A parameter with two or more axes is a matrix `f32[…, outputs]` whose other axes are its
    inputs, as flax has it: a convolution kernel `f32[3, 3, 64, 128]` is taken as `f32[576, 128]`.
    `labels(params)` may say otherwise, by "muon" or "adam" for each parameter.
    """
    return optax.partition(
        {
            "muon": optax.chain(
                scale_by_muon(beta, eps, nesterov),
                scale_by_shape(),
                optax.add_decayed_weights(weight_decay),
                optax.scale_by_learning_rate(learning_rate),
            ),
            "adam": optax.adamw(learning_rate, eps=eps, weight_decay=0.0, nesterov=nesterov),
        },
        labels or (lambda params: jax.tree.map(lambda p: "muon" if p.ndim >= 2 else "adam", params)),
    )


class MuonState(NamedTuple):
    """`momentum` has one member for each matrix."""

    count: jax.Array
    momentum: rd.Ragged


def scale_by_muon(
    beta: float = 0.95, eps: float = 1e-8, nesterov: bool = True
) -> optax.GradientTransformation:
    """Updates become the orthogonalised momentum; optax's functions take a `Ragged` as it is."""

    def init(params: Any) -> MuonState:
        return MuonState(jnp.zeros([], jnp.int32), rd.zeros_like(pack(params)))

    def update(updates: Any, state: MuonState, params: Any = None) -> tuple[Any, MuonState]:
        gradient = pack(updates)
        count = optax.safe_increment(state.count)
        momentum = optax.tree.update_moment(gradient, state.momentum, beta, 1)
        if nesterov:
            ahead = optax.tree.bias_correction(momentum, beta, optax.safe_increment(count))
            now = optax.tree.bias_correction(gradient, beta, count)
            direction = beta * ahead + (1 - beta) * now
        else:
            direction = optax.tree.bias_correction(momentum, beta, count)
        return unpack(orthogonal(direction, eps), updates), MuonState(count, momentum)

    return optax.GradientTransformation(init, update)


def scale_by_shape() -> optax.GradientTransformation:
    """Updates times `sqrt(max(1, outputs / inputs))`."""

    def scaled(update: jax.Array) -> jax.Array:
        inputs, outputs = math.prod(update.shape[:-1]), update.shape[-1]
        return math.sqrt(max(1, outputs / inputs)) * update

    return optax.stateless(lambda updates, _: jax.tree.map(scaled, updates))


def pack(tree: Any) -> rd.Ragged:
    """The leaves of a tree, each as a matrix, in one buffer."""
    return rd.Ragged.from_list([leaf.reshape(-1, leaf.shape[-1]) for leaf in jax.tree.leaves(tree)])


def unpack(matrices: Iterable[jax.Array], like: Any) -> Any:
    """The tree that `pack` took, with the shapes of `like`."""
    leaves, tree = jax.tree.flatten(like)
    return tree.unflatten([m.reshape(leaf.shape) for m, leaf in zip(matrices, leaves, strict=True)])


def orthogonal(matrices: rd.Ragged, eps: float = 1e-8) -> list[jax.Array]:
    """About U Vᵀ for each member U S Vᵀ: singular values come between 0.7 and 1.2."""
    normalised = matrices.scale(1 / (matrices.norm() + eps))
    found = newton_schulz(matrices.layout)({"X": normalised})
    wide, tall = iter(found["W"]), iter(found["T"])
    return [next(wide if rows <= cols else tall) for rows, cols in matrices.shapes]


@lru_cache
def newton_schulz(layout: Any) -> rd.Program:
    """`newton_schulz.rmm` for matrices of these shapes."""
    wide = layout.rows <= layout.cols
    tables = {
        "shapes.csv": ("rows,cols", layout.shapes),
        "wide.csv": ("matrix", wide.nonzero()[0][:, None]),
        "tall.csv": ("matrix", (~wide).nonzero()[0][:, None]),
    }
    with TemporaryDirectory() as folder:
        for name, (columns, rows) in tables.items():
            lines = [columns, *(",".join(map(str, row)) for row in rows.tolist())]
            (Path(folder) / name).write_text("\n".join(lines) + "\n")
        return rd.compile_file(SPEC, folder=folder, ahead=False)
