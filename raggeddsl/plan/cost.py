"""A task table and its buffers in, what they cost out: FLOP, bytes, distinct shapes, padding."""

from __future__ import annotations

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import FamilyType
from raggeddsl.plan.plan import Buffer, Op, Stage, TaskTable


def buffer_bytes(buffers: tuple[Buffer, ...], kind: str) -> int:
    """Bytes of all buffers of one kind, each counted alone (scratch: as if nothing were shared)."""
    return sum(buffer.size * DTYPES[buffer.dtype].itemsize for buffer in buffers if buffer.kind == kind)


def padded_size(type: FamilyType) -> int:
    """Elements that `type` takes with every member padded to the family's largest shape."""
    return len(type) * int(np.max(type.rows, initial=0)) * int(np.max(type.cols, initial=0))


def padded_bytes(graph: Graph, buffer: Buffer) -> int:
    """Bytes of `buffer` if each member were padded to its family's largest shape."""
    return padded_size(graph.type(buffer.node)) * DTYPES[buffer.dtype].itemsize


def padded_flop(tasks: TaskTable, stages: tuple[Stage, ...]) -> float:
    """FLOP if every stage's rows of one kind were padded to the largest of them."""
    starts = np.array([stage.start for stage in stages if stage.start < stage.stop], np.int64)
    if not len(starts):
        return 0.0
    total = 0.0
    for op in (Op.PRODUCT, Op.COMBINE):
        chosen = tasks.op == op
        count = np.add.reduceat(chosen.astype(np.int64), starts)
        m, n, k = (np.maximum.reduceat(sizes * chosen, starts) for sizes in (tasks.m, tasks.n, tasks.k))
        total += float(np.sum(2.0 * count * m * n * (k if op == Op.PRODUCT else 1)))
    return total


def itemsizes(buffers: tuple[Buffer, ...]) -> np.ndarray:
    """f64[buffers + 1]: bytes of an element of each buffer, and 0 for the buffer -1, which is none."""
    return np.array([DTYPES[buffer.dtype].itemsize for buffer in buffers] + [0], np.float64)


def moved_bytes(tasks: TaskTable, itemsize: np.ndarray) -> tuple[int, int]:
    """(read, written): operands once a task, a member of a result once however many tasks add to it.

    `itemsize` is that of `itemsizes`.  f64 sums of whole numbers are exact up to 2^53 bytes, and
    cannot wrap beyond.  Not by `np.dot`: waking the BLAS library's threads takes longer than the sums.
    """
    a_sizes = tasks.m * np.where(tasks.op == Op.PRODUCT, tasks.k, tasks.n)
    c_sizes = tasks.m * tasks.n
    c_sizes[tasks.accumulate] = 0
    read = (
        np.sum(a_sizes * itemsize[tasks.a_buffer])
        + np.sum(tasks.k * tasks.n * itemsize[tasks.b_buffer])
        + np.sum(itemsize[tasks.s_buffer])
    )
    return int(read), int(np.sum(c_sizes * itemsize[tasks.c_buffer]))


def distinct_shapes(tasks: TaskTable) -> int:
    """How many different (m, n, k) the products have; of the combines where nothing is a product."""
    chosen = tasks.op == Op.PRODUCT
    if not chosen.any():
        chosen = tasks.op == Op.COMBINE
    if chosen.all():
        return count_distinct(tasks.m, tasks.n, tasks.k)
    return count_distinct(tasks.m[chosen], tasks.n[chosen], tasks.k[chosen])


def count_distinct(*columns: np.ndarray) -> int:
    """How many different rows the int64 columns (all ≥ 0) have."""
    key = columns[0]
    for column in columns[1:]:
        key = _pair(key, column)
    return _count_sorted(np.sort(key))


def _pair(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """One int64 key that is equal exactly where both are; ranks where the plain key would overflow."""
    if not len(a):
        return a
    if (int(np.max(a)) + 1) * (int(np.max(b)) + 1) >= 1 << 63:
        a, b = (np.unique(column, return_inverse=True)[1] for column in (a, b))
    key: np.ndarray = a * (int(np.max(b)) + 1) + b
    return key


def _count_sorted(key: np.ndarray) -> int:
    return len(key) and 1 + int(np.count_nonzero(key[1:] != key[:-1]))
