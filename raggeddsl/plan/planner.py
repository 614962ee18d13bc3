"""A product graph in normal form in, its `Plan` out: layout, schedule, arena, task table, cost."""

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
from raggeddsl.plan.placement import Layout, lay_out
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
    found = Diagnostics() if diagnostics is None else diagnostics
    check_addressable(graph, found)
    layout = lay_out(graph)
    order = schedule(graph)
    lives = lifetimes(graph, layout, order)
    scratch = layout.buffers[_scratch_start(layout) :]
    arena = _arena(layout, lives, [b.size * DTYPES[b.dtype].itemsize for b in scratch])
    need = Need(buffer_bytes(layout.buffers, "input"), buffer_bytes(layout.buffers, "output"), arena.peak)
    check_memory(graph, layout, need, options, found)

    rows = [node_rows(graph, key, layout.places) for key in order.order]
    tasks = table(rows)
    scheduled = stages(graph, layout, order, rows)
    return Plan(
        graph=graph,
        buffers=_placed(layout, arena),
        places=layout.places,
        tasks=tasks,
        stages=scheduled,
        inputs=layout.inputs,
        outputs=layout.outputs,
        results=graph.outputs,
        cost=_cost(graph, layout, lives, need, tasks, scheduled),
    )


def _scratch_start(layout: Layout) -> int:
    """The number of the first scratch buffer: they come after inputs and outputs."""
    return len(layout.inputs) + len(layout.outputs)


def _arena(layout: Layout, lives: Lifetimes, sizes: list[int]) -> Arena:
    """The arena of the scratch buffers, one base for each, if they take `sizes` bytes."""
    first = _scratch_start(layout)
    return place_in_arena(np.array(sizes, np.int64), Lifetimes(lives.birth[first:], lives.death[first:]))


def _placed(layout: Layout, arena: Arena) -> tuple[Buffer, ...]:
    first = _scratch_start(layout)
    scratch = layout.buffers[first:]
    placed = (replace(b, base=int(base)) for b, base in zip(scratch, arena.bases, strict=True))
    return layout.buffers[:first] + tuple(placed)


def _cost(
    graph: Graph,
    layout: Layout,
    lives: Lifetimes,
    need: Need,
    tasks: TaskTable,
    scheduled: tuple[Stage, ...],
) -> Cost:
    read, written = moved_bytes(tasks, itemsizes(layout.buffers))
    return Cost(
        flop=float(np.sum(tasks.flop)),
        bytes_read=read,
        bytes_written=written,
        input_bytes=need.inputs,
        output_bytes=need.outputs,
        scratch_bytes=need.scratch,
        peak_bytes=need.peak,
        padded_flop=padded_flop(tasks, scheduled),
        padded_bytes=_padded_peak(graph, layout, lives),
        members=sum(len(graph.type(layout.buffers[b].node)) for b in layout.outputs),
        distinct_shapes=distinct_shapes(tasks),
    )


def _padded_peak(graph: Graph, layout: Layout, lives: Lifetimes) -> int:
    """Peak bytes with every member padded and scratch shared as the plan shares it; unshared past 2^62."""
    padded = [padded_bytes(graph, buffer) for buffer in layout.buffers]
    first = _scratch_start(layout)
    if sum(padded) >= 1 << 62:
        return sum(padded)
    return sum(padded[:first]) + _arena(layout, lives, padded[first:]).peak
