"""A product graph in normal form in, its `Plan` out: placement, schedule, arena, task table, cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.options import Options
from raggeddsl.plan.arena import Arena, Lifetimes, place_in_arena
from raggeddsl.plan.cost import (
    buffer_bytes,
    distinct_shapes,
    itemsizes,
    moved_bytes,
    padded_bytes,
    padded_flop,
)
from raggeddsl.plan.memory import Need, check_addressable, check_memory
from raggeddsl.plan.placement import Placement, place_buffers
from raggeddsl.plan.plan import Buffer, Cost, Plan, Stage, TaskTable
from raggeddsl.plan.stages import lifetimes, schedule, stages
from raggeddsl.plan.tasks import node_rows, table


def plan_graph(graph: Graph, options: Options, diagnostics: Diagnostics | None = None) -> Plan:
    """Plan `graph`: where every member lies, which tasks run in which stage, and what that costs.

    `graph` is in normal form (`Input`, `Product`, `Combine`, `Join`, `View`; each output a whole
    node of its own).  Takes time linear in the rows of the table; nothing loops over members.

    Raises `RmmError` RMM501, before anything large is allocated, if the program needs more memory
    at its peak than `options.memory_limit` or, without one, than this machine has.  The warning
    RMM502, that not as much is free now, goes to `diagnostics`.
    """
    diagnostics = Diagnostics() if diagnostics is None else diagnostics
    check_addressable(graph, diagnostics)
    placement = place_buffers(graph)
    order = schedule(graph)
    lives = lifetimes(graph, placement, order)
    scratch = placement.buffers[_scratch_start(placement) :]
    arena = _arena(placement, lives, [b.size * DTYPES[b.dtype].itemsize for b in scratch])
    need = Need(
        buffer_bytes(placement.buffers, "input"), buffer_bytes(placement.buffers, "output"), arena.peak
    )
    check_memory(graph, placement, need, options, diagnostics)

    rows = [node_rows(graph, key, placement.places) for key in order.order]
    tasks = table(rows)
    scheduled = stages(graph, placement, order, rows)
    return Plan(
        graph=graph,
        buffers=_placed(placement, arena),
        places=placement.places,
        tasks=tasks,
        stages=scheduled,
        inputs=placement.inputs,
        outputs=placement.outputs,
        results=graph.outputs,
        cost=_cost(graph, placement, lives, need, tasks, scheduled),
    )


def _scratch_start(placement: Placement) -> int:
    """The number of the first scratch buffer: they come after inputs and outputs."""
    return len(placement.inputs) + len(placement.outputs)


def _arena(placement: Placement, lives: Lifetimes, sizes: list[int]) -> Arena:
    """The arena of the scratch buffers, one base for each, if they take `sizes` bytes."""
    first = _scratch_start(placement)
    return place_in_arena(np.array(sizes, np.int64), Lifetimes(lives.birth[first:], lives.death[first:]))


def _placed(placement: Placement, arena: Arena) -> tuple[Buffer, ...]:
    first = _scratch_start(placement)
    scratch = placement.buffers[first:]
    placed = (replace(b, base=int(base)) for b, base in zip(scratch, arena.bases, strict=True))
    return placement.buffers[:first] + tuple(placed)


def _cost(
    graph: Graph,
    placement: Placement,
    lives: Lifetimes,
    need: Need,
    tasks: TaskTable,
    scheduled: tuple[Stage, ...],
) -> Cost:
    read, written = moved_bytes(tasks, itemsizes(placement.buffers))
    return Cost(
        flop=float(np.sum(tasks.flop)),
        bytes_read=read,
        bytes_written=written,
        input_bytes=need.inputs,
        output_bytes=need.outputs,
        scratch_bytes=need.scratch,
        peak_bytes=need.peak,
        padded_flop=padded_flop(tasks, scheduled),
        padded_bytes=_padded_peak(graph, placement, lives),
        members=sum(len(graph.type(placement.buffers[b].node)) for b in placement.outputs),
        distinct_shapes=distinct_shapes(tasks),
    )


def _padded_peak(graph: Graph, placement: Placement, lives: Lifetimes) -> int:
    """Peak bytes with every member padded and scratch shared as the plan shares it; unshared past 2^62."""
    padded = [padded_bytes(graph, buffer) for buffer in placement.buffers]
    first = _scratch_start(placement)
    if sum(padded) >= 1 << 62:
        return sum(padded)
    return sum(padded[:first]) + _arena(placement, lives, padded[first:]).peak
