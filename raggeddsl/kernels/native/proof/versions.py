"""A schedule in, its *versions* out: what a block of memory holds from a store until the next store there.

A version is a member, a panel of one, or a partial sum.  A partial sum is read once, by a task that
carries it on to another version of the same member: so each ends in a *root*, which lies where the
member does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raggeddsl.kernels.native.proof.homes import Homes
from raggeddsl.kernels.native.proof.table import Timeline
from raggeddsl.kernels.native.table import ACCUMULATE
from raggeddsl.plan.plan import Op
from raggeddsl.proof.fault import refuse

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule


@dataclass(frozen=True, eq=False)
class Versions:
    """Columns, one entry a version: its `first` and `last` task, the member it is of, whether it lies at
    home there, the task that carries it on (`reader`, -1 at home) and its `root`.

    `written[T]` is the version that each task writes; `tasks[T]` lists tasks by version and within it in
    order, those of version v from `starts[v]` on.
    """

    first: np.ndarray
    last: np.ndarray
    member: np.ndarray
    at_home: np.ndarray
    reader: np.ndarray
    root: np.ndarray
    written: np.ndarray
    tasks: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.first)


def find_versions(schedule: NativeSchedule, time: Timeline, homes: Homes) -> Versions:
    """The versions, each stored first, by one job at a time, of one shape, and carried to its root."""
    tasks, local = schedule.tasks, int(schedule.local_buffer)
    carries = np.flatnonzero(schedule.carries)
    # One number for each block that is written or carried from: buffer, offset and, in the workers' own
    # memory, the job.
    buffer = np.concatenate([tasks["c_buffer"], tasks["a_buffer"][carries]]).astype(np.int64)
    offset = np.concatenate([tasks["c_offset"], tasks["a_offset"][carries]])
    job = np.where(buffer == local, np.concatenate([time.job, time.job[carries]]), -1)
    place = _dense(buffer, job, offset)
    where, read_from = place[: len(tasks)], place[len(tasks) :]

    order = np.lexsort((np.arange(len(tasks)), where))
    new = np.ones(len(tasks), bool)
    new[1:] = where[order][1:] != where[order][:-1]
    stores = (tasks["flags"][order] & ACCUMULATE) == 0
    refuse(_back(order, new & ~stores), "it adds to what nothing has stored")
    opens = new | stores
    number = np.cumsum(opens) - 1
    starts = np.flatnonzero(opens)
    written = np.empty(len(tasks), np.int64)
    written[order] = number
    first, last = order[starts], order[np.append(starts[1:], len(order)) - 1] if len(starts) else order[:0]
    member = homes.written[schedule.source]
    head = first[number]
    for name in ("m", "n", "c_row", "c_type"):
        refuse(
            _back(order, tasks[name][order] != tasks[name][head]),
            "it adds to a block of another shape or type",
        )
    refuse(_back(order, member[order] != member[head]), "it adds to another member's sum")
    follows = np.flatnonzero(~opens)
    unordered = np.zeros(len(tasks), bool)
    unordered[follows] = ~time.before(order[follows - 1], order[follows])
    refuse(_back(order, unordered), "it adds to a block that another job of its phase writes")

    owner = member[first]
    begin = homes.offset[owner]
    inside = (tasks["c_offset"][first] >= begin) & (tasks["c_offset"][first] < begin + homes.bytes[owner])
    at_home = inside & (tasks["c_buffer"][first] == homes.number[owner])
    versions = Versions(
        first,
        last,
        owner,
        at_home,
        np.full(len(first), -1, np.int64),
        np.arange(len(first)),
        written,
        order,
        starts,
    )
    return _carried(schedule, time, versions, where, read_from, carries)


def _carried(
    schedule: NativeSchedule,
    time: Timeline,
    versions: Versions,
    where: np.ndarray,
    read_from: np.ndarray,
    carries: np.ndarray,
) -> Versions:
    """`versions` with the reader and the root of each version that is carried on."""
    tasks, count = schedule.tasks, len(schedule.tasks) + 1
    # The latest version of the block that was opened before the task that carries it; versions are in the
    # order of blocks, and then of time.
    opened = where[versions.first] * count + versions.first
    version = np.searchsorted(opened, read_from * count + carries) - 1
    there = version >= 0
    there[there] = where[versions.first[version[there]]] == read_from[there]
    refuse(_at(schedule, carries[~there]), "it carries on what nothing has stored")
    head, t = tasks[versions.first[version]], tasks[carries]
    plain = (t["op"] == Op.COMBINE) & (t["alpha"] == 1) & (t["s_buffer"] == -1) & (t["a_col"] == 1)
    plain &= (t["m"] == head["m"]) & (t["n"] == head["n"]) & (t["a_type"] == head["c_type"])
    plain &= (t["a_row"] == head["c_row"]) | (t["m"] == 1)
    plain &= versions.member[version] == versions.member[versions.written[carries]]
    refuse(_at(schedule, carries[~plain]), "it does not carry on a partial sum of its member as it is")
    refuse(_at(schedule, carries[versions.at_home[version]]), "it carries on what is at home")
    refuse(
        _at(schedule, carries[~time.before(versions.last[version], carries)]),
        "it carries on a sum that is not complete",
    )
    times_read = np.bincount(version, minlength=len(versions))
    refuse(
        _at(schedule, versions.last[~versions.at_home & (times_read != 1)]),
        "its partial sum is not carried on exactly once",
    )
    reader = np.full(len(versions), -1, np.int64)
    reader[version] = carries
    # A reader comes after all tasks of what it reads, so following them ends.
    root = np.where(reader >= 0, versions.written[reader], np.arange(len(versions)))
    while not np.array_equal(root, root[root]):
        root = root[root]
    return Versions(
        versions.first,
        versions.last,
        versions.member,
        versions.at_home,
        reader,
        root,
        versions.written,
        versions.tasks,
        versions.starts,
    )


def _dense(*columns: np.ndarray) -> np.ndarray:
    """int64: equal numbers, from 0, for equal rows of `columns`, ascending in them."""
    order = np.lexsort(columns[::-1])
    new = np.zeros(len(order), bool)
    for column in columns:
        new[1:] |= column[order][1:] != column[order][:-1]
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(new)
    return numbers


def _back(order: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """`wrong`, which is in `order`, by task."""
    by_task = np.zeros(len(order), bool)
    by_task[order] = wrong
    return by_task


def _at(schedule: NativeSchedule, tasks: np.ndarray) -> np.ndarray:
    """bool[T]: true at these tasks."""
    mask = np.zeros(len(schedule.tasks), bool)
    mask[tasks] = True
    return mask
