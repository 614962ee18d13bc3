"""A schedule in: that its tasks add to each member what the plan's table says, term by term."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from raggeddsl.kernels.native.proof.homes import Homes
from raggeddsl.kernels.native.proof.order import Shapes
from raggeddsl.kernels.native.proof.versions import Versions
from raggeddsl.kernels.native.table import ITEM_SIZES
from raggeddsl.plan.plan import Op, Plan
from raggeddsl.proof.terms import Terms, compare_terms

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule


def check_terms(
    plan: Plan, schedule: NativeSchedule, homes: Homes, versions: Versions, shapes: Shapes
) -> None:
    """Raise `ScheduleFault` unless each multiplication of the plan is done once, and no other."""
    chosen = np.flatnonzero(~schedule.carries & (schedule.tasks["op"] != Op.ZERO))
    terms = _terms(plan, schedule, homes, versions, shapes, chosen)
    # What a step mirrors: the block to its right in the rows above, of which it has the transpose.
    root = versions.root[versions.written[chosen]]
    above = np.flatnonzero(shapes.step[root] & (shapes.row[root] > 0))
    rows = shapes.row[root][above]
    step = terms.take(above)
    mirrored = Terms.of(
        len(above),
        m=rows,
        n=step.m,
        k=step.k,
        a_buffer=step.a_buffer,
        a=step.a - rows * step.a_i + rows * step.a_j,
        a_i=step.a_i,
        a_j=step.a_j,
        a_p=step.a_p,
        b_buffer=step.b_buffer,
        b=step.b + rows * step.b_j,
        b_j=step.b_j,
        b_p=step.b_p,
        c_buffer=step.c_buffer,
        c=step.c - rows * step.c_i + rows,
        c_i=step.c_i,
        c_j=1,
        s_buffer=step.s_buffer,
        s=step.s,
        alpha=step.alpha,
    )
    compare_terms(plan, Terms.joined([terms, mirrored]))


def _terms(
    plan: Plan, schedule: NativeSchedule, homes: Homes, versions: Versions, shapes: Shapes, chosen: np.ndarray
) -> Terms:
    """What each of the chosen tasks adds, in the plan's buffers: its result at the place of its root."""
    t, source = schedule.tasks[chosen], schedule.source[chosen]
    member = homes.written[source]
    root = versions.root[versions.written[chosen]]
    product = t["op"] == Op.PRODUCT

    def place(name: str) -> np.ndarray:
        owner = getattr(homes, name)[source]
        offset, item = t[f"{name}_offset"], ITEM_SIZES[t[f"{name}_type"]]
        return np.where(
            owner < 0, offset // item, homes.place[owner] + (offset - homes.offset[owner]) // item
        )

    scaled = t["s_buffer"] != -1
    return Terms.of(
        len(chosen),
        m=t["m"],
        n=t["n"],
        k=np.where(product, t["k"], 1),
        a_buffer=plan.tasks.a_buffer[source],
        a=place("a"),
        a_i=t["a_row"],
        a_j=np.where(product, 0, t["a_col"]),
        a_p=np.where(product, t["a_col"], 0),
        b_buffer=np.where(product, plan.tasks.b_buffer[source], -1),
        b=np.where(product, place("b"), 0),
        b_j=np.where(product, t["b_col"], 0),
        b_p=np.where(product, t["b_row"], 0),
        c_buffer=homes.buffer[member],
        c=homes.place[member] + shapes.row[root] * homes.cols[member] + shapes.col[root],
        c_i=homes.cols[member],
        c_j=1,
        s_buffer=np.where(scaled, plan.tasks.s_buffer[source], -1),
        s=np.where(scaled, place("s"), 0),
        alpha=t["alpha"],
    )
