"""Combine rows in, elementwise steps out: on ranges of buffers where the order agrees, else on strips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from raggeddsl.kernels.kernel import ShapeClass
from raggeddsl.kernels.xla.rows import Group
from raggeddsl.kernels.xla.scale import is_constant, scale_of
from raggeddsl.kernels.xla.steps import RangeStep, Scale, StripStep
from raggeddsl.kernels.xla.tables import Tables, in_chunks
from raggeddsl.tuning import XlaTuning


def combine_steps(
    tables: Tables, group: Group, past: int, tuning: XlaTuning
) -> Iterator[tuple[RangeStep | StripStep, ShapeClass, int]]:
    """The steps that add the group's rows, what their classes are, and the bytes a chunk takes.

    `past` is an offset past C's end.
    """
    t = group.table
    size = t.m * t.n
    flop = 2.0 * float(size.sum())
    report = ShapeClass("elementwise", len(t), int(t.m.max()), int(t.n.max()), 0, flop, flop)
    flat = not group.a_t or bool(((t.m == 1) | (t.n == 1)).all())
    starts = _ranges(t.a_offset, t.c_offset, size)
    if flat and is_constant(group) and len(starts) <= tuning.most_ranges:
        lengths = np.add.reduceat(size, starts)
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            scale = Scale(1.0 if group.alpha is None else group.alpha)
            a, c = int(t.a_offset[start]), int(t.c_offset[start])
            range_report = ShapeClass(
                "elementwise", len(t), report.m, report.n, 0, 2.0 * length, 2.0 * length
            )
            yield RangeStep(group.a_buffer, a, c, length, scale), range_report, 0
        return
    long = flat and float(size.mean()) >= 4 * tuning.long_strip
    width = tuning.long_strip if long else tuning.short_strip
    row, *columns = _flat_strips(group, width) if flat else _crossing_strips(group, width)
    chunks = max(1, -(-len(row) * width // tuning.chunk_elements))
    missing = np.array([0, 0, past, 0])
    filled = in_chunks(np.stack(columns, axis=1), chunks)
    filled.reshape(-1, 4)[len(row) :] = missing
    step = StripStep(
        group.a_buffer,
        width,
        chunks,
        tables.add(filled.swapaxes(1, 2)),
        scale_of(tables, group, [row], chunks),
    )
    yield step, report, 8 * width * filled.shape[1]


def _ranges(a: np.ndarray, c: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The rows at which A or C does not go on where the row before ended."""
    goes_on = (a[1:] == (a + size)[:-1]) & (c[1:] == (c + size)[:-1])
    return np.flatnonzero(np.concatenate([[True], ~goes_on]))


def _flat_strips(group: Group, width: int) -> tuple[np.ndarray, ...]:
    """Strips of rows in which A and C have the same order."""
    t = group.table
    size = t.m * t.n
    each = -(-size // width)
    row = np.repeat(np.arange(len(t)), each)
    at = (np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)) * width
    length = np.minimum(width, size[row] - at)
    return row, t.a_offset[row] + at, np.ones(len(row), np.int64), t.c_offset[row] + at, length


def _crossing_strips(group: Group, width: int) -> tuple[np.ndarray, ...]:
    """Strips along the rows of C, which are columns of the stored A."""
    t = group.table
    across = -(-t.n // width)
    each = t.m * across
    row = np.repeat(np.arange(len(t)), each)
    within = np.arange(len(row)) - np.repeat(np.cumsum(each) - each, each)
    i, j = within // across[row], within % across[row] * width
    m, n = t.m[row], t.n[row]
    return row, t.a_offset[row] + j * m + i, m, t.c_offset[row] + i * n + j, np.minimum(width, n - j)
