"""A graph and its placement in, the schedule out: the level of each node, and what lives how long."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.dtypes import kept_in
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Input, Join, Product, View, operands
from raggeddsl.plan.arena import Lifetimes
from raggeddsl.plan.placement import Placement
from raggeddsl.plan.plan import Stage
from raggeddsl.plan.tasks import Rows


@dataclass(frozen=True, eq=False)
class Schedule:
    """`order` lists the nodes that are computed, level by level; `level` has every node but inputs.

    A `Join` or a `View`, which nothing computes, has the level of the last thing that it reads.
    """

    order: tuple[int, ...]
    level: dict[int, int]


def schedule(graph: Graph) -> Schedule:
    """Every node as early as what it reads allows; nodes of one level are independent.

    Sorting by level keeps what is read first, and puts stages that may run at once side by side.
    """
    level: dict[int, int] = {}
    for key in graph.order():
        op = graph.op(key)
        if isinstance(op, Input):
            continue
        below = max((level.get(o.node, -1) for o in operands(op)), default=-1)
        level[key] = below if isinstance(op, Join | View) else below + 1
    computed = [key for key in level if not isinstance(graph.op(key), Join | View)]
    return Schedule(tuple(sorted(computed, key=lambda key: (level[key], key))), level)


def lifetimes(graph: Graph, placement: Placement, plan: Schedule) -> Lifetimes:
    """For each buffer, the level of its first writer and that of its last reader.

    Outputs live to the end and inputs from the start, but only scratch buffers need these.
    """
    count = len(placement.buffers)
    birth = np.full(count, len(graph) + 1, np.int64)
    death = np.zeros(count, np.int64)
    for key in plan.order:
        written = placement.places[key].buffer
        level = plan.level[key]
        birth[written] = min(birth[written], level)
        death[written] = max(death[written], level)
        for operand in operands(graph.op(key)):
            read = placement.places[operand.node].buffer
            death[read] = max(death[read], level)
    return Lifetimes(birth, death)


def stages(graph: Graph, placement: Placement, plan: Schedule, rows: list[Rows]) -> tuple[Stage, ...]:
    """One stage a computed node; `rows[s]` are those of `plan.order[s]`."""
    all_stages: list[Stage] = []
    written: set[int] = set()
    start = 0
    for key, piece in zip(plan.order, rows, strict=True):
        op = graph.op(key)
        buffer = placement.places[key].buffer
        arithmetic = op.arithmetic if isinstance(op, Product) else Arithmetic()
        all_stages.append(
            Stage(
                node=key,
                start=start,
                stop=start + piece.count,
                buffer=buffer,
                first=buffer not in written,
                level=plan.level[key],
                arithmetic=arithmetic,
                kept=kept_in(op.type.dtype, arithmetic.accum),
                label=op.origin.label or f"%{key}",
            )
        )
        written.add(buffer)
        start += piece.count
    return tuple(all_stages)
