"""Flat buffers and index tables in, operands of batched products out, and their results back in.

All of it is plain lax with derivatives and batching rules.  What is masked is replaced, never
multiplied by zero, so a NaN stays in its own member.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

_ELEMENT = lax.GatherDimensionNumbers(offset_dims=(), collapsed_slice_dims=(0,), start_index_map=(0,))
_BLOCK = lax.GatherDimensionNumbers(offset_dims=(1,), collapsed_slice_dims=(), start_index_map=(0,))
_TO_ELEMENT = lax.ScatterDimensionNumbers(
    update_window_dims=(), inserted_window_dims=(0,), scatter_dims_to_operand_dims=(0,)
)
_TO_BLOCK = lax.ScatterDimensionNumbers(
    update_window_dims=(1,), inserted_window_dims=(), scatter_dims_to_operand_dims=(0,)
)
_IN_BOUNDS = lax.GatherScatterMode.PROMISE_IN_BOUNDS


def stretches(
    data: jax.Array, start: jax.Array, length: jax.Array, width: int, stride: Any = None
) -> jax.Array:
    """`dtype[…, width]`: from each of `start` on `length` elements, the rest zeros."""
    # Without the barrier XLA would compute a row's start again for each of its elements.
    start, length = lax.optimization_barrier((start, length))
    along = lax.broadcasted_iota(jnp.int32, (*start.shape, width), start.ndim)
    step = along if stride is None else along * stride[..., None]
    real = along < length[..., None]
    at = jnp.where(real, start[..., None] + step, 0)
    elements = lax.gather(data, at[..., None], _ELEMENT, (1,), mode=_IN_BOUNDS)
    return jnp.where(real, elements, jnp.zeros((), data.dtype))


def tile_starts(
    offset: jax.Array, stride: jax.Array, side: int, depth: int, k_first: bool, last: int
) -> jax.Array:
    """Where each stored row of an operand's tiles begins, given int32[T, R] of its pieces.

    int32[T, R * depth] with `k_first`, else int32[T, side * R]; what begins past `last` is none of
    the product's rows, and begins at `last`.
    """
    rows = jnp.arange(depth if k_first else side, dtype=jnp.int32)
    if k_first:
        start = offset[..., None] + stride[..., None] * rows
    else:
        start = offset[:, None, :] + stride[:, None, :] * rows[:, None]
    return jnp.minimum(start, last).reshape(offset.shape[0], -1)


def tile_operand(
    data: jax.Array, start: jax.Array, length: jax.Array, shape: tuple[int, int], k_first: bool, ends: bool
) -> jax.Array:
    """Tiles of a product's operand: `[T, R * depth, side]` with `k_first`, else `[T, side, R * depth]`.

    `start` is from `tile_starts`, `length` int32[T, R] how much of the inner axis is real: the rest is
    zeros.  Rows and columns beyond the product's hold whatever lies there.  `shape` is (side, depth).
    With `ends`, some rows would reach past the end of `data`, and elements are picked one by one.
    """
    (side, depth), (tasks, count) = shape, length.shape
    width = side if k_first else depth
    if ends:
        along = lax.broadcasted_iota(jnp.int32, (*start.shape, width), 2)
        at = jnp.minimum(start[..., None] + along, data.shape[0] - 1)
        tiles = lax.gather(data, at[..., None], _ELEMENT, (1,), mode=_IN_BOUNDS)
    else:
        tiles = pick_blocks(data, start.reshape(-1), width)
    zero = jnp.zeros((), data.dtype)
    if k_first:
        tiles = tiles.reshape(tasks, count, depth, side)
        along = lax.broadcasted_iota(jnp.int32, tiles.shape, 2)
        return jnp.where(along < length[:, :, None, None], tiles, zero).reshape(tasks, count * depth, side)
    tiles = tiles.reshape(tasks, side, count, depth)
    along = lax.broadcasted_iota(jnp.int32, tiles.shape, 3)
    return jnp.where(along < length[:, None, :, None], tiles, zero).reshape(tasks, side, count * depth)


def add_strips(out: jax.Array, values: jax.Array, start: jax.Array, length: jax.Array) -> jax.Array:
    """`out` with `values[L, width]` added: `length` elements of each strip at `start`, int32[L]."""
    along = lax.broadcasted_iota(jnp.int32, values.shape, 1)
    at = jnp.where(along < length[:, None], start[:, None] + along, out.shape[0])
    return lax.scatter_add(out, at.reshape(-1, 1), values.reshape(-1), _TO_ELEMENT, mode="drop")


def add_wide_strips(
    out: jax.Array, values: jax.Array, start: jax.Array, length: jax.Array, last: jax.Array | None
) -> jax.Array:
    """`add_strips`, several times faster: whole strips are added, zeros past their length.

    A strip that would reach past the end of `out` is not added that way: its `start` is that end, and
    `last`, int32[3, …], says its number, start and length (None where there are none).
    """
    width = values.shape[1]
    if out.shape[0] >= width:
        along = lax.broadcasted_iota(jnp.int32, values.shape, 1)
        whole = jnp.where(along < length[:, None], values, jnp.zeros((), values.dtype))
        out = add_blocks(out, whole, start)
    if last is None:
        return out
    number, begin, real = last
    return add_strips(out, values.at[number].get(mode="fill", fill_value=0), begin, real)


def pick_blocks(data: jax.Array, start: jax.Array, size: int) -> jax.Array:
    """`dtype[T, size]`: whole blocks from each of `start`, int32[T]."""
    return lax.gather(data, start[:, None], _BLOCK, (size,), mode=_IN_BOUNDS)


def add_blocks(out: jax.Array, values: jax.Array, start: jax.Array) -> jax.Array:
    """`out` with `values[T, size]` added at `start`, int32[T]; blocks that start past the end are dropped."""
    return lax.scatter_add(out, start[:, None], values, _TO_BLOCK, mode="drop")


def add_range(out: jax.Array, values: jax.Array, start: int, alone: bool) -> jax.Array:
    """`out` with `values` (1-D) added from `start` on; with `alone` there are only zeros yet."""
    if start == 0 and values.shape == out.shape:
        return values if alone else out + values
    if alone:
        return lax.dynamic_update_slice(out, values, (start,))
    # Not a slice, a sum and an update: XLA copies all of `out` for that.
    return add_blocks(out, values[None, :], jnp.full(1, start, jnp.int32))
