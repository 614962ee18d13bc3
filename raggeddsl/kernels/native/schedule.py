"""A plan in, the native schedule out: tasks in the order they run, jobs, phases and scratch places.

Within a phase each worker takes the next job; a job runs a component's tasks one after another
(depth first), or a run of small components together.  A component too heavy for one worker is
run stage by stage, its tasks cut into panels, by all of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.native.cells import Cells, find_cells
from raggeddsl.kernels.native.components import Components, find_components, row_costs
from raggeddsl.kernels.native.jobs import Pieces, group_into_jobs
from raggeddsl.kernels.native.local import Scratch, place_scratch
from raggeddsl.kernels.native.panels import cut_into_panels
from raggeddsl.kernels.native.partial import parts_of_sums, sum_in_parts
from raggeddsl.kernels.native.sums import keep_sums_wide
from raggeddsl.kernels.native.symmetry import mirrored_products
from raggeddsl.kernels.native.table import MIRROR, BufferMap, native_rows
from raggeddsl.plan.plan import Plan

HEAVY_COST = 4e7
"""Cost below which a component is never cut: a fraction of a millisecond of one core's work."""

WIDEST_TILE = 256
"""Bytes of a row of the widest register tile: four vectors."""

PANELS_A_WORKER = 8
"""Heavy tasks are cut so that every worker gets about this many panels of its phase."""


@dataclass(frozen=True, eq=False)
class NativeSchedule:
    """What the executor is given.

    `tasks` is `TASK[T']`; `jobs` int64[J, 2] (first task, count); `phases` int64[P + 1] (first job
    of each); `source[T']` the row of the plan's table that each task came from.  `local_bytes` is
    each worker's own memory, `arena_bytes` the shared scratch, and `saved_flop` what symmetric
    products need not compute.  Of each task too: its `cost` (`row_costs`), whether it `is_panel` of
    a larger one, and whether it belongs to a sum that runs `in_parts`.
    """

    tasks: np.ndarray
    jobs: np.ndarray
    phases: np.ndarray
    source: np.ndarray
    local_bytes: int
    arena_bytes: int
    saved_flop: float
    cost: np.ndarray
    is_panel: np.ndarray
    in_parts: np.ndarray


def schedule(plan: Plan, workers: int | None = None) -> NativeSchedule:
    """The schedule of `plan` for about `workers` threads (None: as many as this machine has cores)."""
    workers = workers or os.cpu_count() or 1
    cells = find_cells(plan)
    cost = row_costs(plan)
    mirrored = mirrored_products(plan, cells) & _worth_mirroring(plan)
    cost[mirrored] *= 0.55
    in_parts = parts_of_sums(plan, cells, cost)
    parts = find_components(plan, cells, cost, in_parts > 0)
    heavy = _heavy_rows(parts, cost, workers) & (in_parts == 0)
    # Panels of a heavy member run side by side, so what one mirrors another must not add to.
    mirrored &= ~(heavy & (np.bincount(cells.written, minlength=len(cells))[cells.written] > 1))
    scratch = place_scratch(plan, cells, parts, heavy)
    tasks = _placed(plan, cells, scratch)
    tasks["flags"][mirrored] |= MIRROR
    pieces = _pieces(plan, cells, parts, tasks, cost, heavy, workers)
    arena = len(plan.inputs) + len(plan.outputs)
    panels = np.bincount(pieces.source, minlength=len(cost))
    written = cells.written[pieces.source]
    pieces, arena_bytes = sum_in_parts(pieces, written, in_parts[pieces.source], arena, scratch.arena_bytes)
    local = arena + 1
    pieces, local_bytes = keep_sums_wide(pieces, cells.written[pieces.source], local, scratch.local_bytes)
    jobs = group_into_jobs(pieces, workers)
    source = pieces.source[jobs.order]
    return NativeSchedule(
        tasks=tasks_in_order(pieces, jobs.order),
        jobs=jobs.jobs,
        phases=jobs.phases,
        source=source,
        local_bytes=local_bytes,
        arena_bytes=arena_bytes,
        saved_flop=float(plan.tasks.flop[mirrored].sum() / 2),
        cost=pieces.cost[jobs.order],
        is_panel=(heavy & (panels > 1))[source],
        in_parts=(in_parts > 0)[source],
    )


def tasks_in_order(pieces: Pieces, order: np.ndarray) -> np.ndarray:
    """The tasks as they run; a table that is in order already is not copied."""
    in_order = len(order) < 2 or bool((order[1:] > order[:-1]).all())
    return pieces.tasks if in_order else pieces.tasks[order]


def _worth_mirroring(plan: Plan) -> np.ndarray:
    """bool[T]: real results of which tiles lie wholly above the diagonal."""
    real = np.array([DTYPES[b.dtype].kind != "complex" for b in plan.buffers], bool)
    item = np.array([DTYPES[b.dtype].itemsize for b in plan.buffers], np.int64)
    c = plan.tasks.c_buffer
    return real[c] & (plan.tasks.m * item[c] > WIDEST_TILE)


def _heavy_rows(parts: Components, cost: np.ndarray, workers: int) -> np.ndarray:
    """bool[T]: rows of components that would leave other workers waiting."""
    if workers < 2 or not len(cost):
        return np.zeros(len(cost), bool)
    label = parts.label
    component = np.bincount(label, cost)[label]
    phase = np.bincount(parts.phase, cost)[parts.phase]
    return (component > HEAVY_COST) & (component > phase / (2 * workers))


def _placed(plan: Plan, cells: Cells, scratch: Scratch) -> np.ndarray:
    """The native rows, with intermediates in local memory or at their places in the arena."""
    buffers = BufferMap.of(plan, scratch.arena_base)
    tasks = native_rows(plan, buffers)
    uses = {"c": cells.written, "a": cells.read[:, 0], "b": cells.read[:, 1], "s": cells.read[:, 2]}
    for name, cell in uses.items():
        moved = np.flatnonzero((cell >= 0) & scratch.is_local[cell])
        tasks[f"{name}_buffer"][moved] = buffers.local
        tasks[f"{name}_offset"][moved] = scratch.local_offset[cell[moved]]
    return tasks


def _pieces(
    plan: Plan,
    cells: Cells,
    parts: Components,
    tasks: np.ndarray,
    cost: np.ndarray,
    heavy: np.ndarray,
    workers: int,
) -> Pieces:
    """Heavy rows cut into panels that run stage by stage, the others whole, by component."""
    rows = np.arange(len(tasks))
    if not heavy.any():
        return Pieces(tasks, rows, cost, parts.phase, np.zeros_like(parts.phase), parts.label)
    stage = np.repeat(np.arange(len(plan.stages)), [s.stop - s.start for s in plan.stages])
    # All rows of one cell in one stage are cut alike, so that a panel adds up on one worker.
    block = _numbered(cells.written, stage)
    phase_cost = np.bincount(parts.phase, cost)[parts.phase]
    target = np.maximum(phase_cost / (workers * PANELS_A_WORKER), HEAVY_COST / 8)
    wanted = np.ceil(np.bincount(block, cost)[block] / target).astype(np.int64)
    panels = cut_into_panels(tasks, np.where(heavy, wanted, 1))
    source = panels.source
    count = np.bincount(source, minlength=len(tasks))
    group = np.where(heavy, parts.label.max(initial=0) + 1 + block, parts.label)[source]
    group = _numbered(group, np.where(heavy[source], panels.panel, 0))
    level = np.where(heavy, _level_in_phase(parts.phase, stage, heavy), 0)[source]
    return Pieces(panels.tasks, source, (cost / count)[source], parts.phase[source], level, group)


def _numbered(major: np.ndarray, minor: np.ndarray) -> np.ndarray:
    """int64[T]: numbers from 0 for the different pairs, in their order."""
    pairs = major.astype(np.int64) * (int(minor.max(initial=0)) + 1) + minor
    numbers: np.ndarray = np.unique(pairs, return_inverse=True)[1]
    return numbers


def _level_in_phase(phase: np.ndarray, stage: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    """int64[T]: for heavy rows, how many stages with heavy rows come before theirs in their phase."""
    level = np.zeros(len(phase), np.int64)
    pairs, which = np.unique(np.stack([phase[heavy], stage[heavy]]), axis=1, return_inverse=True)
    first_of_phase = np.searchsorted(pairs[0], pairs[0], side="left")
    level[heavy] = (np.arange(pairs.shape[1]) - first_of_phase)[which.reshape(-1)]
    return level
