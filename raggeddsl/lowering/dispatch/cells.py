"""A plan in, its members numbered out: which cell every operand of every task is.

A cell is one member of one buffer.  The table names members by (buffer, offset); here members
stay separate arrays, so offsets become numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.plan.plan import Plan


@dataclass(frozen=True, eq=False)
class Cells:
    """`first[b]` is the number of buffer b's first member, `total` how many there are in all."""

    first: np.ndarray
    total: int
    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    s: np.ndarray
    """int64, one a task: the cell of each operand, -1 where there is none."""

    def of_buffer(self, buffer: int) -> range:
        """The cells of one buffer, in member order."""
        stop = int(self.first[buffer + 1]) if buffer + 1 < len(self.first) else self.total
        return range(int(self.first[buffer]), stop)


def number(plan: Plan) -> Cells:
    """Number the members of all buffers and find each operand of each task among them."""
    counts = [len(plan.type(buffer)) for buffer in range(len(plan.buffers))]
    first = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    tasks = plan.tasks
    return Cells(
        first[:-1],
        int(first[-1]),
        a=_cells(plan, first, tasks.a_buffer, tasks.a_offset),
        b=_cells(plan, first, tasks.b_buffer, tasks.b_offset),
        c=_cells(plan, first, tasks.c_buffer, tasks.c_offset),
        s=_cells(plan, first, tasks.s_buffer, tasks.s_offset),
    )


def _cells(plan: Plan, first: np.ndarray, buffers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    cells = np.full(len(buffers), -1, np.int64)
    for buffer in np.unique(buffers).tolist():
        if buffer < 0:
            continue
        # Empty members share an offset with the next one, but no task touches them.
        sized = np.flatnonzero(plan.type(buffer).sizes)
        starts = plan.places[plan.buffers[buffer].node].offsets[sized]
        rows = np.flatnonzero(buffers == buffer)
        found = np.searchsorted(starts, offsets[rows])
        assert np.array_equal(starts[found], offsets[rows]), f"a task splits a member of buffer {buffer}"
        cells[rows] = first[buffer] + sized[found]
    return cells
