"""Operands in, their product in the right precision out; results in, scaled ones out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.xla.steps import Operands, Scale

FAR = 2.0**42
"""Three factors up to this one, or down to its reciprocal, are in range of f32 together."""


def product(operands: Operands, a: jax.Array, b: jax.Array, dims: Any) -> jax.Array:
    """`a` and `b` contracted along `dims`, those of `lax.dot_general`, in the dtypes of `operands`."""
    work = DTYPES[operands.work].numpy
    if operands.work == "bf16" and jax.default_backend() == "cpu":
        # XLA's CPU backend widens bf16 anyway, but refuses some products of it that are not part of a
        # larger program.  Products of two bf16 are exact in f32.
        work = jnp.promote_types(work, jnp.float32)
    precision = None if operands.precision == "default" else lax.Precision(operands.precision)
    accum = DTYPES[operands.accum].numpy
    return lax.dot_general(
        a.astype(work), b.astype(work), dims, precision=precision, preferred_element_type=accum
    )


def scaled(
    scale: Scale,
    values: jax.Array,
    dtype: Any,
    memory: dict[int, Any],
    table: Callable[[int], Any],
    part: slice = slice(None),
) -> jax.Array:
    """`values` in `dtype`, multiplied: one factor for all, or one for each of the first axis.

    Those are `part` of the tasks that `scale` has factors for.  16-bit floats are multiplied in f32
    and rounded once.
    """
    work = jnp.promote_types(values.dtype, dtype)
    work = jnp.float32 if work in (jnp.bfloat16, jnp.float16) else work
    if scale.factor != 1:
        values = _times_constant(values.astype(work), scale.factor)
    if scale.factors >= 0:
        values = _times(values.astype(work), table(scale.factors)[part].astype(work))
    if scale.s_buffer >= 0:
        s = memory[scale.s_buffer].at[table(scale.s_offsets)[part]].get(mode="promise_in_bounds")
        values = _times(values.astype(work), s.astype(work))
    return values.astype(dtype)


def _times_constant(values: jax.Array, factor: float) -> jax.Array:
    """`factor * values`; a far factor alone, since XLA makes `1e30 * (1e30 * X)` an infinity times X."""
    far = jnp.issubdtype(values.dtype, jnp.inexact) and not 1 / FAR <= abs(factor) <= FAR
    if not far:
        return values * jnp.asarray(factor).astype(values.dtype)
    values = lax.optimization_barrier(values) * jnp.asarray(factor).astype(values.dtype)
    return lax.optimization_barrier(values)


def _times(values: jax.Array, factors: jax.Array) -> jax.Array:
    return values * factors.reshape(-1, *[1] * (values.ndim - 1))
