"""Derivatives of a program in f64: forwards against the reference's, backwards against forwards.

The reference's is by a complex step (Squire and Trapp, "Using complex variables to estimate
derivatives of real functions", 1998): a central difference along i, whose imaginary part has no
cancellation.  It is exact to rounding, so every element of every result can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.graph.compare import Value
from raggeddsl.tuning import DEFAULT, Tuning
from tests.real_size.finding import Finding
from tests.real_size.results import compiled, in_numpy
from tests.real_size.spec import Spec
from tests.references import magnitudes

STEP = 1e-30
FORWARDS = 1e-10
"""What a derivative may be off by, as a share of the result's magnitude on absolute values."""
BACKWARDS = 1e-11


def check_derivatives(
    spec: Spec, ways: tuple[str, ...], seed: int, tuning: Tuning = DEFAULT
) -> Iterator[Finding]:
    """`jvp` of each kernel along a random direction, and `vjp` of a random functional of all results."""
    text = spec.in_dtype("f64").render()
    first = compiled(text, ways[0], tuning)
    x, dx = first.random_inputs(seed), first.random_inputs(seed + 1)
    reference = complex_step(spec, x, dx)
    if not _finite(reference):
        return
    for way in ways:
        program = first if way == ways[0] else compiled(text, way, tuning)
        y, dy = jax.jvp(program, (x,), (dx,))
        yield from _forwards(way, in_numpy(dy), reference)
        weights = random_like(y, seed + 2)
        back = jax.vjp(program, x)[1](weights)[0]
        yield from _backwards(way, weights, dy, back, dx, reference)


@dataclass(frozen=True, eq=False)
class Derivative:
    """By name, the change of each result, and `sizes`: the results of the program on absolute values."""

    values: dict[str, Value]
    sizes: dict[str, Value]


def complex_step(spec: Spec, x: Mapping[str, Any], dx: Mapping[str, Any]) -> Derivative:
    """The derivative at `x` along `dx` by the reference."""
    program = compiled(spec.in_dtype("c128").render(), "reference")
    moved = jax.tree.map(lambda a, b: np.asarray(a) + 1j * STEP * np.asarray(b), dict(x), dict(dx))
    found = program.reference(moved)
    changes = {name: _derivative(value) for name, value in found.values.items()}
    return Derivative(changes, magnitudes(program.plan.graph, in_numpy(moved)))


def _derivative(value: Value) -> Value:
    if isinstance(value, list):
        return [np.imag(member) / STEP for member in value]
    return np.imag(value) / STEP


def _members(value: Any) -> list[np.ndarray]:
    return [np.asarray(member) for member in value] if isinstance(value, list) else [np.asarray(value)]


def _finite(reference: Derivative) -> bool:
    return all(
        np.isfinite(member).all() and np.asarray(size).max(initial=0.0) < 1e60
        for name, value in reference.values.items()
        for member, size in zip(_members(value), _members(reference.sizes[name]), strict=True)
    )


def _forwards(way: str, found: Mapping[str, Any], reference: Derivative) -> Iterator[Finding]:
    worst, where = 0.0, ""
    for name, wanted in reference.values.items():
        sizes = _members(reference.sizes[name])
        for at, (want, have, size) in enumerate(
            zip(_members(wanted), _members(found[name]), sizes, strict=True)
        ):
            if have.shape != want.shape:
                yield Finding(f"forwards by {way}", f"{name}[{at}] is {have.shape}, not {want.shape}")
            elif want.size:
                allowed = FORWARDS * max(np.abs(want).max(), size.max()) + 1e-200
                share = float(np.abs(have - want).max() / allowed)
                if not share <= worst:
                    worst, where = share, f"{name}[{at}]" if isinstance(wanted, list) else name
    if not worst <= 1.0:
        yield Finding(f"forwards by {way}", f"the change of {where} is off by {worst:.3g} times", worst)


def _backwards(
    way: str, weights: Any, dy: Any, back: Any, dx: Any, reference: Derivative
) -> Iterator[Finding]:
    """<weights, J dx> = <Jᵀ weights, dx>."""
    forwards, allowed = 0.0, 1e-200
    for name, value in in_numpy(weights).items():
        change = in_numpy({name: dy[name]})[name]
        sizes = _members(reference.sizes[name])
        for w, change_of, size in zip(_members(value), _members(change), sizes, strict=True):
            forwards += float((w * change_of).sum())
            allowed += BACKWARDS * float((np.abs(w) * np.maximum(np.abs(change_of), size)).sum())
    pairs = zip(jax.tree.leaves(back), jax.tree.leaves(dx), strict=True)
    backwards = sum(float((np.asarray(a) * np.asarray(b)).sum()) for a, b in pairs)
    share = abs(forwards - backwards) / allowed
    if not share <= 1.0:
        detail = f"a functional changes by {forwards:.17g} forwards and by {backwards:.17g} backwards"
        yield Finding(f"backwards by {way}", detail, share)


def random_like(values: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Normal numbers in the form of results."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.standard_normal(leaf.shape), leaf.dtype), dict(values))
