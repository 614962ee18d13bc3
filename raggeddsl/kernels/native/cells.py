"""A plan in, its cells out: which computed member each row writes and reads.

A *cell* is one member of a buffer that the plan computes.  Cells are numbered from 0 through all
such buffers; inputs have none (-1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.plan.plan import Plan


@dataclass(frozen=True, eq=False)
class Cells:
    """`written[T]` is the cell of each row's C; `read[T, 3]` those of its A, B and scalar, or -1.

    `buffer` and `elements` (one entry a cell) say which plan buffer a cell lies in and its size.
    """

    written: np.ndarray
    read: np.ndarray
    buffer: np.ndarray
    elements: np.ndarray
    offset: np.ndarray

    def __len__(self) -> int:
        return len(self.buffer)


def find_cells(plan: Plan) -> Cells:
    """The cells of `plan`, found by offset: members of a buffer lie in ascending order."""
    computed = [b for b, buffer in enumerate(plan.buffers) if buffer.kind != "input"]
    types = [plan.type(b) for b in computed]
    counts = np.array([len(t) for t in types], np.int64)
    buffer = np.repeat(np.array(computed, np.int64), counts)
    elements = np.concatenate([t.sizes for t in types]) if types else np.zeros(0, np.int64)
    # One axis for all buffers: buffer b starts at base[b], in elements.
    base = np.full(len(plan.buffers), -1, np.int64)
    spans = np.array([plan.buffers[b].size + 1 for b in computed], np.int64)
    base[computed] = np.concatenate([np.zeros(1, np.int64), np.cumsum(spans)])[:-1]
    places = [plan.places[plan.buffers[b].node].offsets for b in computed]
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
    return Cells(written, read, buffer, elements, offset)
