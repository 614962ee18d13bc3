"""A `TileStep`, buffers and tables in, its products added to C out: the traced half of `tiles.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from raggeddsl.kernels.xla.arithmetic import product, scaled
from raggeddsl.kernels.xla.gathering import add_wide_strips, tile_operand, tile_starts
from raggeddsl.kernels.xla.steps import Box, TileStep

Places: TypeAlias = dict[str, Any]
"""Of one box, a row of each a chunk: `a`, `b` where rows of tiles begin, `c` and `length` of its strips."""


def tile_places(step: TileStep, memory: dict[int, Any], tables: Any) -> list[Places]:
    """Where all rows of all boxes begin.

    Computed before the loop over chunks: within it XLA would compute a row's start again for each of
    its elements.
    """
    operands = step.operands
    a_end, b_end = memory[operands.a_buffer].shape[0], memory[operands.b_buffer].shape[0]
    places = []
    for box, tasks, pieces in _boxes(step):
        a, a_stride, b, b_stride, _ = _columns(tables[step.pieces][:, :, pieces], box)
        a_last = a_end - (1 if box.a_ends else box.bm if operands.a_t else box.bk)
        b_last = b_end - (1 if box.b_ends else box.bk if operands.b_t else box.bn)
        c, length = _strips(tables[step.tiles][:, :, tasks], box, step.width)
        places.append(
            {
                "a": tile_starts(a, a_stride, box.bm, box.bk, operands.a_t, a_last),
                "b": tile_starts(b, b_stride, box.bn, box.bk, not operands.b_t, b_last),
                "c": c,
                "length": length,
            }
        )
    return places


def add_tiles(
    step: TileStep,
    out: jax.Array,
    memory: dict[int, Any],
    table: Callable[[int], Any],
    places: list[Places],
) -> jax.Array:
    """`out` with the products of one chunk added; `table(number)` is that chunk's row of a table."""
    operands = step.operands
    a_data, b_data = memory[operands.a_buffer], memory[operands.b_buffer]
    inner = ((1,) if operands.a_t else (2,), (2,) if operands.b_t else (1,))
    lengths = table(step.pieces)[4]
    for (box, tasks, pieces), at in zip(_boxes(step), places, strict=True):
        length = lengths[pieces].reshape(box.tasks, box.pieces)
        a = tile_operand(a_data, at["a"], length, (box.bm, box.bk), operands.a_t, box.a_ends)
        b = tile_operand(b_data, at["b"], length, (box.bn, box.bk), not operands.b_t, box.b_ends)
        found = product(operands, a, b, (inner, ((0,), (0,))))
        found = scaled(step.scale, found, out.dtype, memory, table, tasks).reshape(-1, step.width)
        out = add_wide_strips(out, found, at["c"], at["length"], table(box.last) if box.last >= 0 else None)
    return out


def _boxes(step: TileStep) -> Iterator[tuple[Box, slice, slice]]:
    """Each box, its tasks among those of a chunk, and its pieces."""
    task = piece = 0
    for box in step.boxes:
        count = box.tasks * box.pieces
        yield box, slice(task, task + box.tasks), slice(piece, piece + count)
        task, piece = task + box.tasks, piece + count


def _columns(pieces: jax.Array, box: Box) -> Iterator[jax.Array]:
    shaped = pieces.reshape(*pieces.shape[:2], box.tasks, box.pieces)
    return (shaped[:, column] for column in range(shaped.shape[1]))


def _strips(tiles: jax.Array, box: Box, width: int) -> tuple[jax.Array, jax.Array]:
    """int32[chunks, strips]: where each strip of the results begins in C, and how much of it is real."""
    rows, columns, offset, stride = (tiles[:, column, :, None, None] for column in range(4))
    row = jnp.arange(box.bm, dtype=jnp.int32)[:, None]
    first = jnp.arange(0, box.bn, width, dtype=jnp.int32)
    start = offset + row * stride + first
    length = jnp.where(row < rows, columns - first, 0)
    return start.reshape(tiles.shape[0], -1), length.reshape(tiles.shape[0], -1)
