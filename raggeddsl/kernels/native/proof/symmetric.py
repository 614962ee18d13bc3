"""Mirrored products in: that what they copy across the diagonal is symmetric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raggeddsl.kernels.native.proof.homes import Homes
from raggeddsl.kernels.native.proof.order import Shapes
from raggeddsl.kernels.native.proof.versions import Versions
from raggeddsl.kernels.native.table import MIRROR
from raggeddsl.plan.plan import Op, Plan
from raggeddsl.proof.fault import refuse

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule


def check_mirrors(
    plan: Plan, schedule: NativeSchedule, homes: Homes, versions: Versions, shapes: Shapes
) -> None:
    """A mirrored task completes a sum of symmetric terms; a step ends with one."""
    mirrors = (schedule.tasks["flags"] & MIRROR) != 0
    if not mirrors.any():
        return
    row = symmetric_rows(plan, homes)
    order, number = versions.tasks, versions.written[versions.tasks]
    term = row[schedule.source] & ~schedule.carries
    # A task that carries a partial sum is symmetric if all tasks of that are.
    known = np.where(schedule.carries, True, term)
    read = np.flatnonzero(versions.reader >= 0)
    while True:
        whole = np.ones(len(versions), bool)
        np.logical_and.at(whole, versions.written, known)
        then = known.copy()
        then[versions.reader[read]] = whole[read]
        if np.array_equal(then, known):
            break
        known = then
    # How many terms that are not symmetric a version has got up to each task.
    odd = np.cumsum(~known[order])
    before = odd - odd[versions.starts[number]] + ~known[order[versions.starts[number]]]
    wrong = np.zeros(len(order), bool)
    wrong[order] = mirrors[order] & (before > 0)
    refuse(wrong, "it mirrors a sum that is not symmetric")
    open_end = np.zeros(len(order), bool)
    open_end[versions.last[shapes.step]] = ~mirrors[versions.last[shapes.step]]
    refuse(open_end, "nothing writes what lies above the diagonal of its rows")
    halves = np.zeros(len(order), bool)
    halves[versions.last[shapes.step & ~whole]] = True
    refuse(halves, "its rows end at the diagonal of a sum that is not symmetric")


def symmetric_rows(plan: Plan, homes: Homes) -> np.ndarray:
    """bool[R]: the rows of which what they add is symmetric: X @ X.T, and S @ S, S or 0 for a symmetric S."""
    t = plan.tasks
    product = t.op == Op.PRODUCT
    twice = product & (t.a_buffer == t.b_buffer) & (t.a_offset == t.b_offset) & (t.m == t.n)
    symmetric = (twice & (t.a_t != t.b_t)) | (t.op == Op.ZERO)
    member = np.zeros(len(homes) + 1, bool)  # the last is that of inputs
    for stage in plan.stages:
        rows = slice(stage.start, stage.stop)
        # What is read is of an earlier stage, and so is known.
        of_symmetric = member[homes.a[rows]] & (t.m[rows] == t.n[rows])
        symmetric[rows] |= of_symmetric & np.where(
            product[rows], twice[rows] & (t.k[rows] == t.m[rows]), True
        )
        member[homes.written[rows]] = True
        member[homes.written[rows][~symmetric[rows]]] = False
        member[-1] = False
    return symmetric
