"""A plan and where its schedule puts intermediates in, the place of every computed member out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raggeddsl.kernels.native.table import DTYPE_CODES, ITEM_SIZES
from raggeddsl.plan.plan import Plan
from raggeddsl.proof.fault import refuse

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule


@dataclass(frozen=True, eq=False)
class Homes:
    """The members that the plan computes, one entry each, by buffer; empty ones are among them.

    `buffer` and `place` (elements) are the plan's; `rows`, `cols` and the `type` code its shape;
    `number` and `offset` (bytes) say where the schedule has it.  `written[R]` is the member that each
    row of the plan's table adds to, and `a`, `b` and `s` are those that it reads: -1 for inputs.
    """

    buffer: np.ndarray
    place: np.ndarray
    rows: np.ndarray
    cols: np.ndarray
    type: np.ndarray
    number: np.ndarray
    offset: np.ndarray
    written: np.ndarray
    a: np.ndarray
    b: np.ndarray
    s: np.ndarray

    def __len__(self) -> int:
        return len(self.buffer)

    @property
    def bytes(self) -> np.ndarray:
        """int64: the size of each member."""
        return self.rows * self.cols * ITEM_SIZES[self.type]


def find_homes(plan: Plan, schedule: NativeSchedule) -> Homes:
    """Where every computed member lies, by what the schedule says of its scratch."""
    computed = [b for b, buffer in enumerate(plan.buffers) if buffer.kind != "input"]
    types = [plan.type(b) for b in computed]
    nothing = [np.zeros(0, np.int64)]
    buffer = np.repeat(np.array(computed, np.int64), [len(type) for type in types])
    place = np.concatenate([*nothing, *(plan.places[plan.buffers[b].node].offsets for b in computed)])
    code = np.array([DTYPE_CODES[b.dtype] for b in plan.buffers] + [0], np.int8)[buffer]
    rows = np.concatenate([*nothing, *(type.rows for type in types)])
    cols = np.concatenate([*nothing, *(type.cols for type in types)])

    arena = len(plan.inputs) + len(plan.outputs)
    number = np.full(len(plan.buffers) + 1, arena, np.int64)
    number[list(plan.outputs)] = np.arange(len(plan.inputs), arena)
    base = np.append(schedule.scratch.arena_base, 0)
    local = schedule.scratch.is_local
    offset = np.where(local, schedule.scratch.local_offset, base[buffer] + place * ITEM_SIZES[code])

    t = plan.tasks
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum([b.size + 1 for b in plan.buffers])])
    sized = np.flatnonzero(rows * cols > 0)
    order = sized[np.argsort(starts[buffer[sized]] + place[sized], kind="stable")]
    keys = starts[buffer[order]] + place[order]
    is_input = np.array([b.kind == "input" for b in plan.buffers] + [True], bool)  # and buffer -1

    def member(buffers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        wanted = starts[buffers] + offsets
        at = np.searchsorted(keys, wanted)
        there = at < len(keys)
        there[there] = keys[at[there]] == wanted[there]
        of_input = is_input[buffers]
        refuse(~of_input & ~there, "no member begins where it says", "row")
        members = np.full(len(buffers), -1, np.int64)
        members[~of_input] = order[at[~of_input]]
        return members

    return Homes(
        buffer=buffer,
        place=place,
        rows=rows,
        cols=cols,
        type=code,
        number=np.where(local, arena + 1, number[buffer]),
        offset=offset,
        written=member(t.c_buffer, t.c_offset),
        a=member(t.a_buffer, t.a_offset),
        b=member(t.b_buffer, t.b_offset),
        s=member(t.s_buffer, t.s_offset),
    )
