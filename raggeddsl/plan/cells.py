"""A plan in, its cells out: which member each row of the task table writes, and which it reads.

A *cell* is one member of one buffer.  The table names members by (buffer, offset); cells are numbered.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.plan.plan import Plan


@dataclass(frozen=True, eq=False)
class Cells:
    """`written[T]` is the cell of each row's C; `read[T, 3]` those of its A, B and scalar, -1: none.

    `buffer`, `offset` and `elements` (one entry a cell) say in which plan buffer a cell lies, where in it,
    and its size; `first[b]` is buffer b's first cell, -1 for a buffer whose members are not numbered.
    """

    written: np.ndarray
    read: np.ndarray
    buffer: np.ndarray
    offset: np.ndarray
    elements: np.ndarray
    first: np.ndarray

    def __len__(self) -> int:
        return len(self.buffer)

    def of_buffer(self, buffer: int) -> range:
        """The cells of a buffer, in member order."""
        first = int(self.first[buffer])
        return range(first, first + int(np.count_nonzero(self.buffer == buffer)))


def find_cells(plan: Plan, *, inputs: bool) -> Cells:
    """The members of all buffers that are computed, with `inputs` of all buffers, numbered in order.

    They are found by offset: members of a buffer lie in ascending order.
    """
    numbered = [b for b, buffer in enumerate(plan.buffers) if inputs or buffer.kind != "input"]
    types = [plan.type(b) for b in numbered]
    counts = np.array([len(t) for t in types], np.int64)
    first = np.full(len(plan.buffers), -1, np.int64)
    first[numbered] = np.cumsum(counts) - counts
    buffer = np.repeat(np.array(numbered, np.int64), counts)
    elements = np.concatenate([t.sizes for t in types]) if types else np.zeros(0, np.int64)
    # One axis for all buffers: buffer b starts at base[b], in elements.
    base = np.full(len(plan.buffers), -1, np.int64)
    spans = np.array([plan.buffers[b].size + 1 for b in numbered], np.int64)
    base[numbered] = np.concatenate([np.zeros(1, np.int64), np.cumsum(spans)])[:-1]
    places = [plan.places[plan.buffers[b].node].offsets for b in numbered]
    offset = np.concatenate(places) if places else np.zeros(0, np.int64)
    starts = offset + base[buffer]

    t = plan.tasks
    base = np.append(base, -1)  # that of buffer -1, which is none

    def lookup(buffers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        begins = base[buffers]
        known = begins >= 0
        cell = np.full(len(buffers), -1, np.int64)
        if known.any():
            # An empty member shares its start with the next; side="right" finds the one with elements.
            cell[known] = np.searchsorted(starts, (begins + offsets)[known], side="right") - 1
        return cell

    read = np.empty((len(t), 3), np.int64)
    read[:, 0] = lookup(t.a_buffer, t.a_offset)
    read[:, 1] = lookup(t.b_buffer, t.b_offset)
    read[:, 2] = lookup(t.s_buffer, t.s_offset)
    written = lookup(t.c_buffer, t.c_offset)
    return Cells(written, read, buffer, offset, elements, first)
