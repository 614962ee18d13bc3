"""Products and the boxes that cut them in, a `TileStep` and its tables out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.kernels.kernel import ShapeClass
from raggeddsl.kernels.xla import cost
from raggeddsl.kernels.xla.classes import STRIP
from raggeddsl.kernels.xla.rows import Group
from raggeddsl.kernels.xla.scale import is_constant, scale_of
from raggeddsl.kernels.xla.steps import Box, Operands, TileStep
from raggeddsl.kernels.xla.tables import Tables, in_chunks
from raggeddsl.tuning import XlaTuning


@dataclass(frozen=True, eq=False)
class Tiles:
    """Tasks of one box: `row[T]` of the group, tile indices i and j; stretches `at[T, R]` of `pieces`.

    `at` numbers a stretch (its row of the group in `piece_row`, its index along k in `piece`), -1: none.
    """

    row: np.ndarray
    i: np.ndarray
    j: np.ndarray
    at: np.ndarray
    piece_row: np.ndarray
    piece: np.ndarray
    repeats: bool

    def __len__(self) -> int:
        return len(self.row)


def tile_step(
    tables: Tables,
    group: Group,
    operands: Operands,
    rows: list[np.ndarray],
    sizes: np.ndarray,
    lengths: tuple[int, int],
    past: int,
    tuning: XlaTuning,
) -> tuple[TileStep, list[ShapeClass], int]:
    """The step that adds the products `rows[q]` of the group, cut by boxes int64[Q, 3] (bm, bn, bk).

    `lengths` are those of the buffers of A and B, `past` is that of C's.  Also says what its classes
    are and how many bytes a chunk takes.
    """
    joined = is_constant(group)
    tiles = [
        _tiles(group, chosen, size, joined, tuning.deepest) for chosen, size in zip(rows, sizes, strict=True)
    ]
    chunks = _chunks(tiles, sizes, tuning)
    pieces = [_piece_columns(group, t, size) for t, size in zip(tiles, sizes, strict=True)]
    columns = [_tile_columns(group, t, size) for t, size in zip(tiles, sizes, strict=True)]
    boxes = tuple(
        _box(tables, group, (*lengths, past), size, chunks, piece, column)
        for size, piece, column in zip(sizes, pieces, columns, strict=True)
    )
    step = TileStep(
        operands=operands,
        boxes=boxes,
        chunks=chunks,
        width=STRIP,
        pieces=tables.add(_side_by_side(pieces, chunks)),
        tiles=tables.add(_side_by_side(columns, chunks)),
        repeats=any(t.repeats for t in tiles),
        scale=scale_of(tables, group, [t.row for t in tiles], chunks),
    )
    flop = 2.0 * group.table.m * group.table.n * group.table.k
    reports = [
        ShapeClass(
            form="padded" if len(chosen) == len(t) else "tiled",
            tasks=len(chosen),
            m=box.bm,
            n=box.bn,
            k=box.bk,
            flop=float(flop[chosen].sum()),
            padded_flop=box.flop * box.tasks * chunks,
        )
        for chosen, t, box in zip(rows, tiles, boxes, strict=True)
    ]
    chunk = sum(_bytes(box.tasks, box.pieces, size) for box, size in zip(boxes, sizes, strict=True))
    return step, reports, chunk


def _box(
    tables: Tables,
    group: Group,
    lengths: tuple[int, int, int],
    size: np.ndarray,
    chunks: int,
    pieces: np.ndarray,
    tiles: np.ndarray,
) -> Box:
    """`lengths` are those of the buffers of A, of B and of C."""
    bm, bn, bk = size.tolist()
    a, a_stride, b, b_stride, k = pieces.swapaxes(0, 1)
    ends = (
        _ends(a, a_stride, k, tiles[:, 0], bm if group.a_t else bk, group.a_t, lengths[0]),
        _ends(b, b_stride, k, tiles[:, 1], bk if group.b_t else bn, not group.b_t, lengths[1]),
    )
    last = _last_strips(tables, tiles, bm, bn, chunks, lengths[2])
    return Box(bm, bn, bk, pieces.shape[2], -(-len(tiles) // chunks), *ends, last)


def _ends(
    offset: np.ndarray,
    stride: np.ndarray,
    k: np.ndarray,
    side: np.ndarray,
    width: int,
    k_first: bool,
    length: int,
) -> bool:
    """Whether `width` elements from the start of some stored row would reach past `length`."""
    rows = k if k_first else np.where(k > 0, side, 0)
    return bool(((rows > 0) & (offset + (rows - 1) * stride + width > length)).any())


def _chunks(tiles: list[Tiles], sizes: np.ndarray, tuning: XlaTuning) -> int:
    """How many chunks keep to the bounds and leave few places empty."""
    taken = np.array([_bytes(1, t.at.shape[1], size) for t, size in zip(tiles, sizes, strict=True)])
    count = np.array([len(t) for t in tiles])
    return cost.chunks(count, _times(tiles, sizes), taken, tuning.tile_bytes, tuning.workspace_bytes)


def _times(tiles: list[Tiles], sizes: np.ndarray) -> np.ndarray:
    """f64[Q]: nanoseconds for one task of each box."""
    depth = np.array([t.at.shape[1] for t in tiles])
    bm, bn, bk = sizes.T
    return depth * cost.tile(bm, bn, bk) + cost.SCATTER * bm * bn


def _bytes(tasks: int, pieces: int, size: np.ndarray) -> int:
    bm, bn, bk = size.tolist()
    return 4 * tasks * (pieces * bk * (bm + bn) + 2 * bm * bn)


def _tiles(group: Group, rows: np.ndarray, size: np.ndarray, joined: bool, deepest: int) -> Tiles:
    """Cut `rows` into tiles of one box; with `joined`, stretches that add to one tile share tasks."""
    t = group.table
    bm, bn, bk = size.tolist()
    across, deep = -(-t.n[rows] // bn), -(-t.k[rows] // bk)
    each = -(-t.m[rows] // bm) * across * deep
    source = np.repeat(np.arange(len(rows)), each)
    within = np.arange(len(source)) - np.repeat(np.cumsum(each) - each, each)
    tile, piece = within // deep[source], within % deep[source]
    i, j = tile // across[source], tile % across[source]
    row = rows[source]
    if not joined:
        return Tiles(row, i, j, np.arange(len(row))[:, None], row, piece, bool(piece.any()))
    c = t.c_offset[rows]
    if len(rows) > 1 and (c[1:] == c[:-1]).any():
        block = np.cumsum(np.concatenate([[0], c[1:] != c[:-1]]))[source]
        order = np.lexsort((j, i, block))
        row, i, j, piece = row[order], i[order], j[order], piece[order]
    return _join(row, i, j, piece, t.c_offset[row], size, deepest)


def _join(
    row: np.ndarray,
    i: np.ndarray,
    j: np.ndarray,
    piece: np.ndarray,
    c: np.ndarray,
    size: np.ndarray,
    deepest: int,
) -> Tiles:
    """Neighbouring stretches of one tile put into tasks of so many each as should be fastest."""
    starts = np.flatnonzero(
        np.concatenate([[True], (c[1:] != c[:-1]) | (i[1:] != i[:-1]) | (j[1:] != j[:-1])])
    )
    runs = np.diff(np.append(starts, len(row)))
    bm, bn, bk = size.tolist()
    depth = _best_depth(runs, bk, deepest, float(cost.tile(bm, bn, bk)), cost.SCATTER * bm * bn)
    each = -(-runs // depth)
    run = np.repeat(np.arange(len(runs)), each)
    first = starts[run] + depth * (np.arange(len(run)) - np.repeat(np.cumsum(each) - each, each))
    at = first[:, None] + np.arange(depth)
    at = np.where(at < (starts + runs)[run][:, None], at, -1)
    return Tiles(row[first], i[first], j[first], at, row, piece, len(run) > len(runs))


def _best_depth(runs: np.ndarray, bk: int, deepest: int, time: float, scatter: float) -> int:
    """How many stretches a task should have: few waste none, many scatter less."""
    depths = [d for d in (1, 2, 4, 8, 16) if d == 1 or d * bk <= deepest]
    return min(depths, key=lambda d: float((-(-runs // d)).sum()) * (d * time + scatter))


def _piece_columns(group: Group, tiles: Tiles, size: np.ndarray) -> np.ndarray:
    """int64[T, 5, R]: offset and row stride in A, in B, and the length of each stretch."""
    t = group.table
    bm, bn, bk = size.tolist()
    none = tiles.at < 0
    at = np.where(none, 0, tiles.at)
    row, k0 = tiles.piece_row[at], tiles.piece[at] * bk
    m, n, k = t.m[row], t.n[row], t.k[row]
    i0, j0 = (tiles.i * bm)[:, None], (tiles.j * bn)[:, None]
    a = t.a_offset[row] + (k0 * m + i0 if group.a_t else i0 * k + k0)
    b = t.b_offset[row] + (j0 * k + k0 if group.b_t else k0 * n + j0)
    length = np.where(none, 0, np.minimum(bk, k - k0))
    return np.stack([a, m if group.a_t else k, b, k if group.b_t else n, length], axis=1)


def _tile_columns(group: Group, tiles: Tiles, size: np.ndarray) -> np.ndarray:
    """int64[T, 4, 1]: rows, columns, offset and row stride in C."""
    t, row = group.table, tiles.row
    bm, bn, _ = size.tolist()
    i0, j0 = tiles.i * bm, tiles.j * bn
    n = t.n[row]
    rows, columns = np.minimum(bm, t.m[row] - i0), np.minimum(bn, n - j0)
    return np.stack([rows, columns, t.c_offset[row] + i0 * n + j0, n], axis=1)[:, :, None]


def _side_by_side(columns: list[np.ndarray], chunks: int) -> np.ndarray:
    """[T_q, F, R_q] a box as [chunks, F, Σ tasks · R]; the tiles that fill a chunk up have no rows."""
    parts = []
    for column in columns:
        cut = in_chunks(column, chunks).swapaxes(1, 2)
        parts.append(cut.reshape(chunks, cut.shape[1], -1))
    return np.concatenate(parts, axis=2)


def _last_strips(tables: Tables, tiles: np.ndarray, bm: int, bn: int, chunks: int, past: int) -> int:
    """A table of the strips of each chunk that, whole, would reach past the end of C; -1 if none does.

    int[chunks, 3, L]: their numbers, where they begin, and how much of them is real.
    """
    rows, width, offset, stride = tiles[:, :, 0].T
    near = np.flatnonzero(offset + (rows - 1) * stride + width > past - STRIP)
    tasks, across = -(-len(tiles) // chunks), bn // STRIP
    task, row, s = (x.reshape(-1) for x in np.meshgrid(near, np.arange(bm), np.arange(across), indexing="ij"))
    start = offset[task] + row * stride[task] + s * STRIP
    over = (row < rows[task]) & (s * STRIP < width[task]) & (start > past - STRIP)
    if not over.any():
        return -1
    owner = task[over] // tasks
    number = ((task[over] % tasks) * bm + row[over]) * across + s[over]
    real = np.minimum(width[task] - s * STRIP, STRIP)[over]
    count = np.bincount(owner, minlength=chunks)
    # A strip of this number does not exist: it is none.
    none = np.array([tasks * bm * across, past, 0])
    table = np.broadcast_to(none[:, None], (chunks, 3, int(count.max()))).copy()
    order = np.argsort(owner, kind="stable")
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    table[owner[order], :, place] = np.stack([number, start[over], real], axis=1)[order]
    return tables.add(table)
