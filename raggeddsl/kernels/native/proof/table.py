"""A schedule's tables in, the phase and job of each task out; and that every address is inside its buffer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.native.table import ITEM_SIZES
from raggeddsl.plan.plan import Op, Plan
from raggeddsl.proof.fault import ScheduleFault, refuse

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule


@dataclass(frozen=True, eq=False)
class Timeline:
    """`phase[T]` and `job[T]` of each task; both ascend, and so does the order within a job.

    Of two tasks the one with the smaller number is sure to have run before the other starts where their
    phases differ or their jobs are the same.
    """

    phase: np.ndarray
    job: np.ndarray

    def before(self, first: np.ndarray, then: np.ndarray) -> np.ndarray:
        """Whether each task of `first` is sure to have run before that of `then` starts."""
        ordered = (self.phase[first] < self.phase[then]) | (self.job[first] == self.job[then])
        sure: np.ndarray = (first < then) & ordered
        return sure


def timeline(schedule: NativeSchedule) -> Timeline:
    """The phases and jobs, which must each be a run of the table, none left out."""
    first, count = schedule.jobs[:, 0], schedule.jobs[:, 1]
    ends = np.cumsum(count)
    if (count < 0).any() or not np.array_equal(first, ends - count) or ends[-1:].sum() != len(schedule.tasks):
        raise ScheduleFault("the jobs of a schedule do not follow each other through all of its tasks")
    fences = np.diff(schedule.phases)
    if schedule.phases[0] != 0 or (fences < 0).any() or schedule.phases[-1] != len(schedule.jobs):
        raise ScheduleFault("the phases of a schedule do not follow each other through all of its jobs")
    phase_of_job = np.repeat(np.arange(len(fences)), fences)
    return Timeline(np.repeat(phase_of_job, count), np.repeat(np.arange(len(count)), count))


def check_bounds(plan: Plan, schedule: NativeSchedule) -> None:
    """Every element that a task reads or writes lies inside its buffer, and no input is written."""
    tasks = schedule.tasks
    sizes = [
        plan.buffers[b].size * DTYPES[plan.buffers[b].dtype].itemsize for b in (*plan.inputs, *plan.outputs)
    ]
    # The last is that of buffer -1.
    room = np.array([*sizes, schedule.arena_bytes, schedule.local_bytes, 0], np.int64)
    product, reads = tasks["op"] == Op.PRODUCT, tasks["op"] != Op.ZERO
    inner = np.where(product, tasks["k"], tasks["n"])
    always, ones = np.ones(len(tasks), bool), np.ones(len(tasks), np.int64)
    operands = (
        ("a", reads, tasks["m"], inner, tasks["a_row"], tasks["a_col"]),
        ("b", product, tasks["k"], tasks["n"], tasks["b_row"], tasks["b_col"]),
        ("c", always, tasks["m"], tasks["n"], tasks["c_row"], ones),
        ("s", reads & (tasks["s_buffer"] != -1), ones, ones, ones, ones),
    )
    for name, used, rows, cols, down, across in operands:
        buffer, offset = tasks[f"{name}_buffer"], tasks[f"{name}_offset"]
        item = ITEM_SIZES[tasks[f"{name}_type"]]
        known = (buffer >= 0) & (buffer < len(room) - 1)
        refuse(used & ~known, f"{name.upper()} is in a buffer that there is not")
        refuse(used & ((rows < 1) | (cols < 1)), f"{name.upper()} is empty")
        refuse(used & ((offset < 0) | (offset % item != 0)), f"the offset of {name.upper()} is not aligned")
        end = offset + ((rows - 1) * down + (cols - 1) * across + 1) * item
        refuse(used & ((down < 1) | (across < 1) | (end > room[buffer])), f"{name.upper()} leaves its buffer")
    refuse(tasks["c_buffer"] < len(plan.inputs), "C is an input")
