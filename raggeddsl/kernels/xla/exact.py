"""Products of one exact shape in, `ExactStep`s and their tables out."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from raggeddsl.kernels.kernel import ShapeClass
from raggeddsl.kernels.xla import cost
from raggeddsl.kernels.xla.rows import Group
from raggeddsl.kernels.xla.scale import is_constant, scale_of
from raggeddsl.kernels.xla.steps import Blocks, ExactStep, Operands, Picked, Shared, Whole
from raggeddsl.kernels.xla.tables import Tables, in_chunks
from raggeddsl.tuning import XlaTuning


def exact_steps(
    tables: Tables,
    group: Group,
    operands: Operands,
    rows: np.ndarray,
    past: int,
    tuning: XlaTuning,
) -> Iterator[tuple[ExactStep, ShapeClass, int]]:
    """The steps that add the products `rows` of the group, all of one shape.

    `past` is an offset past C's end.  With each step, what its class is and how many bytes a chunk takes.
    """
    c = group.table.c_offset[rows]
    one_block = is_constant(group) and len(rows) > 1 and bool((c == c[0]).all())
    chunks = _chunks(group, rows, one_block, tuning.exact_bytes)
    # What fills a chunk up is dropped where it would be written, but would count in a sum: cut it off.
    rest = len(rows) % chunks if one_block else 0
    yield _step(tables, group, operands, rows[: len(rows) - rest], chunks, past, one_block, tuning)
    if rest:
        yield _step(tables, group, operands, rows[len(rows) - rest :], 1, past, one_block, tuning)


def _chunks(group: Group, rows: np.ndarray, one_block: bool, most: int) -> int:
    t = group.table
    m, n, k = int(t.m[rows[0]]), int(t.n[rows[0]]), int(t.k[rows[0]])
    gathered = m * k * _scattered(t.a_offset[rows], m * k) + k * n * _scattered(t.b_offset[rows], k * n)
    placed = 0 if one_block else m * n * _scattered(t.c_offset[rows], m * n)
    taken = np.array([4 * (gathered + placed)])
    each = np.array([float(cost.exact(m, n, k))])
    return cost.chunks(np.array([len(rows)]), each, taken, most, most)


def _step(
    tables: Tables,
    group: Group,
    operands: Operands,
    rows: np.ndarray,
    chunks: int,
    past: int,
    one_block: bool,
    tuning: XlaTuning,
) -> tuple[ExactStep, ShapeClass, int]:
    t = group.table
    m, n, k = int(t.m[rows[0]]), int(t.n[rows[0]]), int(t.k[rows[0]])
    c = t.c_offset[rows]
    a = _blocks(tables, t.a_offset[rows], m * k, chunks)
    b = _blocks(tables, t.b_offset[rows], k * n, chunks)
    if isinstance(a, Shared) and isinstance(b, Shared):
        # One product many times over: it has to have an axis of tasks from somewhere.
        a = Picked(tables.add(in_chunks(t.a_offset[rows], chunks)))
    step = ExactStep(
        operands=operands,
        m=m,
        n=n,
        k=k,
        tasks=-(-len(rows) // chunks),
        chunks=chunks,
        a=a,
        b=b,
        c=Shared(int(c[0])) if one_block else _blocks(tables, c, m * n, chunks, fill=past),
        singly=not one_block and len(rows) > chunks and 2 * m * n * k >= tuning.singly_flop,
        scale=scale_of(tables, group, [rows], chunks),
    )
    flop = 2.0 * m * n * k * len(rows)
    report = ShapeClass("exact", len(rows), m, n, k, flop, 2.0 * m * n * k * step.tasks * chunks)
    picked = ((step.a, m * k), (step.b, k * n), (step.c, m * n))
    chunk = 4 * step.tasks * sum(size for blocks, size in picked if isinstance(blocks, Picked))
    return step, report, chunk


def _scattered(offsets: np.ndarray, size: int) -> bool:
    """Whether blocks of `size` elements must be picked one by one."""
    return not ((np.diff(offsets) == size).all() or (offsets == offsets[0]).all())


def _blocks(tables: Tables, offsets: np.ndarray, size: int, chunks: int, fill: int | None = None) -> Blocks:
    """Where the blocks lie; with `fill` they are written, each its own, and missing ones are at `fill`."""
    if chunks == 1 and bool((np.diff(offsets) == size).all()):
        return Whole(int(offsets[0]))
    if fill is None and bool((offsets == offsets[0]).all()):
        return Shared(int(offsets[0]))
    return Picked(tables.add(in_chunks(offsets, chunks, 0 if fill is None else fill)))
