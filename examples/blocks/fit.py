"""Fit the left tensor of the block-sparse contraction, by gradients of the contraction.

    python examples/blocks/fit.py [--iterations 30]

C is the contraction of a tensor X, which is then forgotten, with Z; sought is the X that minimises
|contract(X, Z) - C|² / 2.  First, value and gradients are compared with those of dense matrices.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from make import blocks, results, sizes

import raggeddsl as rd

program = rd.compile_file(Path(__file__).parent / "blocks.rmm")


def tensors(seed: int) -> tuple[rd.Ragged, rd.Ragged]:
    """X and Z, normally distributed."""
    found = program.random_inputs(seed)
    return rd.Ragged.from_list(found["X"]), rd.Ragged.from_list(found["Z"])


def contract(X: rd.Ragged, Z: rd.Ragged) -> rd.Ragged:
    return program({"X": X, "Z": Z})["C"]


def inner(a: rd.Ragged, b: rd.Ragged) -> jax.Array:
    return jnp.vdot(a.data, b.data)


def mismatch(X: rd.Ragged, Z: rd.Ragged, C: rd.Ragged) -> jax.Array:
    """`|contract(X, Z) - C|² / 2`."""
    difference = contract(X, Z) - C
    return inner(difference, difference) / 2


# ---------------------------------------------------------------- against dense matrices


def dense(tensor: rd.Ragged, places: list[tuple[int, int]]) -> jax.Array:
    """The blocks in their places, zeros elsewhere."""
    starts = np.concatenate([[0], np.cumsum(sizes)])
    whole = np.zeros((starts[-1], starts[-1]), np.float32)
    for (r, c), block in zip(places, tensor.to_numpy(), strict=True):
        whole[starts[r] : starts[r + 1], starts[c] : starts[c + 1]] = block
    return jnp.asarray(whole)


def dense_mismatch(X: jax.Array, Z: jax.Array, C: jax.Array) -> jax.Array:
    difference = X @ Z - C
    return jnp.vdot(difference, difference) / 2


def compare(X: rd.Ragged, Z: rd.Ragged, C: rd.Ragged) -> dict[str, float]:
    """How far value and gradients by X and Z are from dense ones (`value`, `gradient`: relative), and the
    milliseconds that each way takes."""
    ours = jax.jit(jax.value_and_grad(mismatch, argnums=(0, 1)))
    theirs = jax.jit(jax.value_and_grad(dense_mismatch, argnums=(0, 1)))
    whole = dense(X, blocks), dense(Z, blocks), dense(C, results)
    value, gradients = ours(X, Z, C)
    right, rights = theirs(*whole)
    free = dense(rd.ones_like(X), blocks)  # what lies between the blocks is zero, and no variable
    apart = [
        float(jnp.abs(dense(one, blocks) - free * other).max() / jnp.abs(free * other).max())
        for one, other in zip(gradients, rights, strict=True)
    ]
    return {
        "value": abs(float(value / right) - 1),
        "gradient": max(apart),
        "blocks_ms": _milliseconds(ours, X, Z, C),
        "dense_ms": _milliseconds(theirs, *whole),
    }


def _milliseconds(function: Callable[..., Any], *arguments: Any) -> float:
    """The least of five calls."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(1e3 * (time.perf_counter() - start))
    return min(times)


# ---------------------------------------------------------------- fitting


def fit(Z: rd.Ragged, C: rd.Ragged, start: rd.Ragged, iterations: int) -> list[float]:
    """The mismatch at the start and after each iteration of conjugate gradients."""

    @jax.jit
    def step(X: rd.Ragged, downhill: rd.Ragged, along: rd.Ragged) -> tuple[Any, ...]:
        bend = jax.grad(mismatch)(along, Z, rd.zeros_like(C))  # the second derivative times `along`
        length = inner(downhill, downhill) / inner(along, bend)
        X, after = X + length * along, downhill - length * bend
        along = after + inner(after, after) / inner(downhill, downhill) * along
        return X, after, along, mismatch(X, Z, C)

    value, uphill = jax.value_and_grad(mismatch)(start, Z, C)
    found, X, downhill, along = [float(value)], start, -uphill, -uphill
    for _ in range(iterations):
        X, downhill, along, value = step(X, downhill, along)
        found.append(float(value))
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--iterations", type=int, default=30)
    iterations = words.parse_args().iterations
    X, Z = tensors(0)
    C = contract(X, Z)
    other, _ = tensors(1)
    found = compare(other, Z, C)
    print(f"value:     {found['value']:.0e} from that of dense matrices")
    print(f"gradients: {found['gradient']:.0e} of the largest entry from those of dense matrices")
    print(f"both take  {found['blocks_ms']:.1f} ms, and {found['dense_ms']:.1f} ms with dense matrices")
    falling = fit(Z, C, rd.zeros_like(X), iterations)
    for at in np.unique(np.linspace(0, iterations, 7).astype(int)):
        print(f"iteration {at:<4} mismatch {falling[at]:.3e}")


if __name__ == "__main__":
    main()
