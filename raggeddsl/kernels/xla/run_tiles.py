"""A `TileStep`, buffers and tables in, its products added to C out: the traced half of `tiles.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from raggeddsl.kernels.xla.arithmetic import product, scaled
from raggeddsl.kernels.xla.fusion import apart, last_use
from raggeddsl.kernels.xla.gathering import add_wide_strips, tile_operand, tile_starts
from raggeddsl.kernels.xla.steps import Box, TileStep


def add_tiles(
    step: TileStep, out: jax.Array, used: jax.Array, memory: dict[int, Any], table: Callable[[int], Any]
) -> tuple[jax.Array, jax.Array]:
    """`out` with the products of one chunk added, and a scalar that is `used` until all boxes are.

    So each box has memory of its own, and threads compute them side by side.  `table(number)` is that
    chunk's row of a table.
    """
    operands = step.operands
    a_data, b_data = memory[operands.a_buffer], memory[operands.b_buffer]
    inner = ((1,) if operands.a_t else (2,), (2,) if operands.b_t else (1,))
    lengths = table(step.pieces)[4]
    places = apart(lambda: _places(step, memory, table, out.shape[0]), table(step.pieces))
    temporaries, products = [], []
    for (box, tasks, pieces), (a_start, b_start, _, _) in zip(_boxes(step), places, strict=True):
        length = lengths[pieces].reshape(box.tasks, box.pieces)
        a = tile_operand(a_data, a_start, length, (box.bm, box.bk), operands.a_t, box.a_ends)
        b = tile_operand(b_data, b_start, length, (box.bn, box.bk), not operands.b_t, box.b_ends)
        c = product(operands, a, b, (inner, ((0,), (0,))))
        c = scaled(step.scale, c, out.dtype, memory, table, tasks)
        products.append(c.reshape(-1, step.width))
        temporaries += [a, b, c]
    for box, strips, (_, _, start, length) in zip(step.boxes, products, places, strict=True):
        last = table(box.last) if box.last >= 0 else None
        out = add_wide_strips(out, strips, start, length, last)
    return out, last_use(used, temporaries, table(step.pieces))


def _places(
    step: TileStep, memory: dict[int, Any], table: Callable[[int], Any], size: int
) -> list[list[jax.Array]]:
    """Of each box int32[T, …] where the rows of its tiles of A begin, and those of B; of the strips of
    its results int32[L] where they begin, and how much of them is real.

    `size` is that of C's buffer: a strip that is not real, or would reach past it, begins there.
    """
    operands = step.operands
    a_end, b_end = memory[operands.a_buffer].shape[0], memory[operands.b_buffer].shape[0]
    places = []
    for box, tasks, pieces in _boxes(step):
        a, a_stride, b, b_stride, _ = table(step.pieces)[:, pieces].reshape(5, box.tasks, box.pieces)
        a_last = a_end - (1 if box.a_ends else box.bm if operands.a_t else box.bk)
        b_last = b_end - (1 if box.b_ends else box.bk if operands.b_t else box.bn)
        a_start = tile_starts(a, a_stride, box.bm, box.bk, operands.a_t, a_last)
        b_start = tile_starts(b, b_stride, box.bn, box.bk, not operands.b_t, b_last)
        places.append([a_start, b_start, *_strips(table(step.tiles)[:, tasks], box, step.width, size)])
    return places


def _boxes(step: TileStep) -> Iterator[tuple[Box, slice, slice]]:
    """Each box, its tasks among those of a chunk, and its pieces."""
    task = piece = 0
    for box in step.boxes:
        count = box.tasks * box.pieces
        yield box, slice(task, task + box.tasks), slice(piece, piece + count)
        task, piece = task + box.tasks, piece + count


def _strips(tiles: jax.Array, box: Box, width: int, size: int) -> tuple[jax.Array, jax.Array]:
    """int32[L]: where each strip of the results begins in C, and how much of it is real."""
    rows, columns, offset, stride = tiles[:, :, None, None]
    row = jnp.arange(box.bm, dtype=jnp.int32)[:, None]
    first = jnp.arange(0, box.bn, width, dtype=jnp.int32)
    start = offset + row * stride + first
    length = jnp.where(row < rows, columns - first, 0)
    start = jnp.where((length > 0) & (start <= size - width), start, size)
    return start.reshape(-1), length.reshape(-1)
