"""Members and partial sums in scratch in: that no two of them share a byte while both are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raggeddsl.kernels.native.proof.homes import Homes
from raggeddsl.kernels.native.proof.order import Lives
from raggeddsl.kernels.native.proof.table import Timeline
from raggeddsl.kernels.native.proof.versions import Versions
from raggeddsl.kernels.native.table import ITEM_SIZES
from raggeddsl.proof.fault import ScheduleFault, listed, refuse

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule

PAIRS = 1 << 22
"""Pairs of things alive together that are looked at at a time."""


def check_overlaps(
    schedule: NativeSchedule, time: Timeline, homes: Homes, versions: Versions, lives: Lives
) -> None:
    """No two things that share bytes of the arena are alive in one phase, nor of a worker's at once."""
    local = int(schedule.local_buffer)
    sums = np.flatnonzero(~versions.at_home)
    t = schedule.tasks[versions.first[sums]]
    elsewhere = np.zeros(len(schedule.tasks), bool)
    elsewhere[versions.first[sums]] = t["c_buffer"] < local - 1
    refuse(elsewhere, "it keeps a partial sum outside of scratch")
    touched = np.flatnonzero(lives.last >= 0)
    length = ((t["m"] - 1) * t["c_row"] + t["n"]) * ITEM_SIZES[t["c_type"]]
    buffer = np.concatenate([homes.number[touched], t["c_buffer"]])
    start = np.concatenate([homes.offset[touched], t["c_offset"]])
    end = start + np.concatenate([homes.bytes[touched], length])
    first = np.concatenate([lives.first[touched], versions.first[sums]])
    last = np.concatenate([lives.last[touched], np.maximum(versions.last[sums], versions.reader[sums])])
    shared, private = np.flatnonzero(buffer == local - 1), np.flatnonzero(buffer == local)
    _check_arena(
        start[shared], end[shared], time.phase[first[shared]], time.phase[last[shared]], first[shared]
    )
    _check_local(start[private], end[private], first[private], last[private], time.job[first[private]])


def _check_arena(
    start: np.ndarray, end: np.ndarray, birth: np.ndarray, death: np.ndarray, task: np.ndarray
) -> None:
    """Phase by phase: what is alive lies end to end or apart."""
    order = np.argsort(start, kind="stable")
    start, end, birth, death, task = start[order], end[order], birth[order], death[order], task[order]
    for phase in np.unique(np.concatenate([birth, death])).tolist():
        alive = np.flatnonzero((birth <= phase) & (phase <= death))
        over = start[alive][1:] < np.maximum.accumulate(end[alive])[:-1]
        if over.any():
            named = listed(np.sort(task[alive[1:][over]]).tolist(), "task")
            raise ScheduleFault(
                f"{named}: what it writes shares bytes of the arena with what phase {phase} still needs"
            )


def _check_local(
    start: np.ndarray, end: np.ndarray, first: np.ndarray, last: np.ndarray, job: np.ndarray
) -> None:
    """Within each job: whatever is written while something lives lies beside it."""
    order = np.lexsort((first, job))
    start, end, first, last, job = start[order], end[order], first[order], last[order], job[order]
    span = int(last.max(initial=0)) + 1
    # Those that begin while this one lives are the next ones in this order.
    until = np.searchsorted(job * span + first, job * span + last, side="right")
    count = until - np.arange(len(order)) - 1
    total = np.cumsum(count)
    at = 0
    while at < len(order):
        stop = max(at + 1, int(np.searchsorted(total, (total[at - 1] if at else 0) + PAIRS, side="right")))
        earlier = np.repeat(np.arange(at, stop), count[at:stop])
        later = (
            earlier
            + 1
            + np.arange(len(earlier))
            - np.repeat(np.cumsum(count[at:stop]) - count[at:stop], count[at:stop])
        )
        over = (start[earlier] < end[later]) & (start[later] < end[earlier])
        if over.any():
            named = listed(sorted(set(first[later[over]].tolist())), "task")
            raise ScheduleFault(f"{named}: what it writes shares local memory with what its job still needs")
        at = stop
