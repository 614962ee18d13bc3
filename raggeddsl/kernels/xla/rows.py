"""A stage's rows in, the same work in groups of like rows out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from raggeddsl.plan.plan import Op, TaskTable


@dataclass(frozen=True, eq=False)
class Group:
    """Rows that read the same buffers in the same way; `alpha` is their common factor, or None."""

    table: TaskTable
    a_buffer: int
    b_buffer: int
    s_buffer: int
    a_t: bool
    b_t: bool
    alpha: float | None


def take(table: TaskTable, rows: np.ndarray) -> TaskTable:
    """The chosen rows, by index or mask, in that order."""
    return TaskTable(*(getattr(table, field.name)[rows] for field in fields(TaskTable)))


def merge_tall(table: TaskTable) -> TaskTable:
    """Product rows that continue each other, joined: A and C go on where the row before ended.

    `X[i] @ W` for every i is then one product of all the rows of X with W, whatever their number.
    """
    if len(table) < 2:
        return table
    alone = (table.op != Op.PRODUCT) | table.a_t | table.accumulate
    # A block that later rows add to must stay a block of its own.
    alone[:-1] |= table.accumulate[1:]
    joins = ~(alone[1:] | alone[:-1])
    for name in ("n", "k", "a_buffer", "b_buffer", "b_offset", "b_t", "s_buffer", "s_offset", "alpha"):
        column = getattr(table, name)
        joins &= column[1:] == column[:-1]
    joins &= table.a_offset[1:] == (table.a_offset + table.m * table.k)[:-1]
    joins &= table.c_offset[1:] == (table.c_offset + table.m * table.n)[:-1]
    if not joins.any():
        return table
    starts = np.flatnonzero(np.concatenate([[True], ~joins]))
    return replace(take(table, starts), m=np.add.reduceat(table.m, starts))


def merge_deep(table: TaskTable) -> TaskTable:
    """Product rows that add to one block, A stored transposed and B not, joined where both go on.

    `sum(X[i].T @ X[i] for i)` is then one product whose inner size is that of all members together.
    """
    if len(table) < 2:
        return table
    fits = (table.op == Op.PRODUCT) & table.a_t & ~table.b_t
    joins = fits[1:] & fits[:-1] & table.accumulate[1:] & (table.c_offset[1:] == table.c_offset[:-1])
    for name in ("a_buffer", "b_buffer", "s_buffer", "s_offset", "alpha"):
        column = getattr(table, name)
        joins &= column[1:] == column[:-1]
    joins &= table.a_offset[1:] == (table.a_offset + table.m * table.k)[:-1]
    joins &= table.b_offset[1:] == (table.b_offset + table.n * table.k)[:-1]
    if not joins.any():
        return table
    starts = np.flatnonzero(np.concatenate([[True], ~joins]))
    return replace(take(table, starts), k=np.add.reduceat(table.k, starts))


def groups(table: TaskTable, op: Op, most_factors: int) -> Iterator[Group]:
    """The rows of one operation, by what they read and how; their order is kept within a group.

    Rows of more than `most_factors` different factors share a group, and each has its own in a table.
    """
    rows = np.flatnonzero(table.op == op)
    if not len(rows):
        return
    chosen = table if len(rows) == len(table) else take(table, rows)
    columns = (chosen.a_buffer, chosen.b_buffer, chosen.s_buffer, chosen.a_t, chosen.b_t)
    keys = np.stack([column.astype(np.int64) for column in columns])
    if op != Op.PRODUCT:
        keys[[1, 4]] = 0
    if (keys == keys[:, :1]).all():
        yield from _groups_of(chosen, keys[:, 0], most_factors)
        return
    distinct, index = np.unique(keys, axis=1, return_inverse=True)
    for number in range(distinct.shape[1]):
        yield from _groups_of(take(chosen, index.reshape(-1) == number), distinct[:, number], most_factors)


def _groups_of(table: TaskTable, key: np.ndarray, most_factors: int) -> Iterator[Group]:
    """One group, or one for each factor where there are few."""
    a, b, s, a_t, b_t = key.tolist()
    factors = np.unique(table.alpha)
    if len(factors) > most_factors:
        yield Group(table, a, b, s, bool(a_t), bool(b_t), None)
        return
    for alpha in factors.tolist():
        part = table if len(factors) == 1 else take(table, table.alpha == alpha)
        yield Group(part, a, b, s, bool(a_t), bool(b_t), alpha)
