"""Versions in: that each member is written once everywhere, and complete before anything reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from raggeddsl.kernels.native.proof.homes import Homes
from raggeddsl.kernels.native.proof.table import Timeline
from raggeddsl.kernels.native.proof.versions import Versions
from raggeddsl.kernels.native.table import ITEM_SIZES, MIRROR
from raggeddsl.plan.plan import Op, Plan
from raggeddsl.proof.fault import ScheduleFault, listed, refuse

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule


@dataclass(frozen=True, eq=False)
class Shapes:
    """Of each version that is at home: where it begins in its member (`row`, `col`), and whether it is a
    *step*: rows of a symmetric member up to their part of the diagonal, the rest being mirrored."""

    row: np.ndarray
    col: np.ndarray
    step: np.ndarray


def check_members(schedule: NativeSchedule, homes: Homes, versions: Versions) -> Shapes:
    """The versions at home tile each member, as panels of rows, of columns, or as steps."""
    t = schedule.tasks[versions.first]
    member, home = versions.member, versions.at_home
    within = (t["c_offset"] - homes.offset[member]) // ITEM_SIZES[homes.type[member]]
    cols = np.maximum(homes.cols[member], 1)
    row, col = np.divmod(within, cols)
    refuse(
        _first(schedule, versions, home & (t["c_type"] != homes.type[member])),
        "it is not of its member's type",
    )
    dense = (t["c_row"] == cols) | (t["m"] == 1)
    refuse(_first(schedule, versions, home & ~dense), "its rows do not lie as its member's do")
    mirrors = np.zeros(len(versions), bool)
    mirrors[versions.written[(schedule.tasks["flags"] & MIRROR) != 0]] = True
    whole = (t["m"] == homes.rows[member]) & (t["n"] == cols)
    step = home & mirrors & ~whole
    refuse(
        _first(schedule, versions, ~home & mirrors & (t["m"] != t["n"])), "half of a partial sum is missing"
    )
    refuse(_first(schedule, versions, step & (t["n"] != row + t["m"])), "its rows do not end at the diagonal")

    chosen = np.flatnonzero(home)
    chosen = chosen[np.lexsort((col[chosen], row[chosen], member[chosen]))]
    owner = member[chosen]
    opens = np.ones(len(chosen), bool)
    opens[1:] = owner[1:] != owner[:-1]
    closes = np.append(opens[1:], True)[: len(chosen)]
    m, n = t["m"][chosen], t["n"][chosen]
    full = (n == homes.cols[owner]) | step[chosen]
    by_rows = _follows(row[chosen], m, homes.rows[owner], opens, closes) & (col[chosen] == 0) & full
    by_cols = (
        _follows(col[chosen], n, homes.cols[owner], opens, closes)
        & (row[chosen] == 0)
        & (m == homes.rows[owner])
    )
    starts = np.flatnonzero(opens)
    tiled = np.zeros(len(homes), bool)
    if len(starts):
        every = np.logical_and.reduceat
        tiled[owner[starts]] = every(by_rows, starts) | every(by_cols & ~step[chosen], starts)
    missing = (homes.rows * homes.cols > 0) & ~tiled
    if missing.any():
        at = np.flatnonzero(np.isin(homes.written, np.flatnonzero(missing)))
        raise ScheduleFault(
            f"what {listed(at.tolist(), 'row')} of the task table add to is not written once everywhere"
        )
    return Shapes(row, col, step)


def _follows(
    start: np.ndarray, size: np.ndarray, end: np.ndarray, opens: np.ndarray, closes: np.ndarray
) -> np.ndarray:
    """Whether each begins where the one before it ends, from 0 to `end`."""
    before = np.zeros(len(start), np.int64)
    before[1:] = (start + size)[:-1]
    follows: np.ndarray = (start == np.where(opens, 0, before)) & (~closes | (start + size == end))
    return follows


@dataclass(frozen=True, eq=False)
class Lives:
    """For each member the first and the last task that touch it; the number of tasks and -1 if none does."""

    first: np.ndarray
    last: np.ndarray


def check_reads(
    plan: Plan, schedule: NativeSchedule, time: Timeline, homes: Homes, versions: Versions
) -> Lives:
    """What each term reads lies where its member does, and is complete; gives when members are touched."""
    tasks, local = schedule.tasks, int(schedule.local_buffer)
    count = len(homes)
    home = np.flatnonzero(versions.at_home)
    done = versions.last[home]
    member = versions.member[home]
    # The last phase that writes a member, the last task of it, and whether one job does all that.
    last = np.full(count, -1, np.int64)
    np.maximum.at(last, member, done)
    phase = np.where(last >= 0, time.phase[last], -1)
    final = time.phase[done] == phase[member]
    least, most = np.full(count, len(tasks), np.int64), np.full(count, -1, np.int64)
    np.minimum.at(least, member[final], time.job[done[final]])
    np.maximum.at(most, member[final], time.job[done[final]])
    first = np.full(count, len(tasks), np.int64)
    np.minimum.at(first, member, versions.first[home])
    in_own = homes.number[member] == local
    alone = time.job[versions.first[home]] == time.job[np.minimum(first[member], max(len(tasks) - 1, 0))]
    alone &= time.job[versions.first[home]] == time.job[done]
    refuse(
        _first(schedule, versions, _spread(len(versions), home[in_own & ~alone])),
        "another worker shares its local memory",
    )

    touched = last.copy()
    term = ~schedule.carries
    for name, used in (
        ("a", tasks["op"] != Op.ZERO),
        ("b", tasks["op"] == Op.PRODUCT),
        ("s", tasks["s_buffer"] != -1),
    ):
        _check_places(plan, schedule, homes, name, term & used)
        read = getattr(homes, name)[schedule.source]
        at = np.flatnonzero(term & used & (read >= 0))
        member = read[at]
        same_job = (least[member] == most[member]) & (most[member] == time.job[at]) & (last[member] < at)
        ready = (phase[member] < time.phase[at]) & (homes.number[member] != local)
        ready |= (phase[member] == time.phase[at]) & same_job
        refuse(
            _spread(len(tasks), at[~ready | (last[member] < 0)]),
            f"it reads {name.upper()} before that is complete",
        )
        np.maximum.at(touched, member, at)
    return Lives(first, touched)


def _check_places(plan: Plan, schedule: NativeSchedule, homes: Homes, name: str, used: np.ndarray) -> None:
    """Operand `name` of each task lies inside the member or input that the task's row reads."""
    tasks, source = schedule.tasks, schedule.source
    rows = np.flatnonzero(used)
    t, member = tasks[rows], getattr(homes, name)[source[rows]]
    buffer = getattr(plan.tasks, f"{name}_buffer")[source[rows]]
    numbers = np.full(len(plan.buffers) + 1, -1, np.int64)
    numbers[list(plan.inputs)] = np.arange(len(plan.inputs))
    of_input = member < 0
    wrong = t[f"{name}_buffer"] != np.where(of_input, numbers[buffer], homes.number[member])
    begin = np.where(of_input, 0, homes.offset[member])
    inner = np.where(t["op"] == Op.PRODUCT, t["k"], t["n"])
    if name == "a":
        reach = (t["m"] - 1) * t["a_row"] + (inner - 1) * t["a_col"] + 1
    elif name == "b":
        reach = (t["k"] - 1) * t["b_row"] + (t["n"] - 1) * t["b_col"] + 1
    else:
        reach = np.ones(len(rows), np.int64)
    offset = t[f"{name}_offset"]
    wrong |= ~of_input & (
        (offset < begin) | (offset + reach * ITEM_SIZES[t[f"{name}_type"]] > begin + homes.bytes[member])
    )
    wrong |= ~of_input & (t[f"{name}_type"] != homes.type[member])
    refuse(_spread(len(tasks), rows[wrong]), f"{name.upper()} does not lie in what the plan reads there")


def _first(schedule: NativeSchedule, versions: Versions, wrong: np.ndarray) -> np.ndarray:
    """bool[T]: the first task of each version that is wrong."""
    return _spread(len(schedule.tasks), versions.first[wrong])


def _spread(count: int, chosen: np.ndarray) -> np.ndarray:
    mask = np.zeros(count, bool)
    mask[chosen] = True
    return mask
