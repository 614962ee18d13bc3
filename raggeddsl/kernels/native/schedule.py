"""A plan in, the native schedule out: tasks in the order they run, jobs, phases and scratch places.

Within a phase each worker takes the next job; a job runs a component's tasks one after another
(depth first), or a run of small components together.  A component too heavy for one worker is
run stage by stage, its tasks cut into panels, by all of them; light ones run beside it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.native.components import Components, find_components, row_costs
from raggeddsl.kernels.native.cuts import cut_into_panels
from raggeddsl.kernels.native.jobs import Pieces, group_into_jobs
from raggeddsl.kernels.native.levels import heavy_rows, levels
from raggeddsl.kernels.native.scratch import Scratch, place_scratch
from raggeddsl.kernels.native.split_sums import parts_of_sums, sum_in_parts
from raggeddsl.kernels.native.symmetry import mirrored_products, triangular_cells
from raggeddsl.kernels.native.table import MIRROR, TASK, BufferMap, native_rows
from raggeddsl.kernels.native.wide_sums import keep_sums_wide
from raggeddsl.plan.cells import Cells, find_cells
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import DEFAULT, ScheduleTuning


@dataclass(frozen=True, eq=False)
class NativeSchedule:
    """What the executor is given.

    `tasks` is `TASK[T']`; `jobs` int64[J, 2] (first task, count); `phases` int64[P + 1] (first job
    of each); `source[T']` the row of the plan's table that each task came from.  `local_bytes` is the
    own memory of each of the `workers`, `arena_bytes` the shared scratch, and `saved_flop` what symmetric
    products need not compute.  Of each task too: its `cost` (`row_costs`), whether it `is_panel` of
    a larger one, whether it belongs to a sum that runs `in_parts`, and whether it `carries` such a sum
    (`Pieces`).  `scratch` says where intermediates lie; `local_buffer` is the number of the workers' own
    memory, and that of the arena is one less.
    """

    tasks: np.ndarray
    jobs: np.ndarray
    phases: np.ndarray
    source: np.ndarray
    workers: int
    local_bytes: int
    arena_bytes: int
    saved_flop: float
    cost: np.ndarray
    is_panel: np.ndarray
    in_parts: np.ndarray
    carries: np.ndarray
    scratch: Scratch
    local_buffer: int


def schedule(
    plan: Plan, workers: int | None = None, tuning: ScheduleTuning = DEFAULT.schedule
) -> NativeSchedule:
    """The schedule of `plan` for about `workers` threads (None: as many as this machine has cores)."""
    workers = workers or os.cpu_count() or 1
    cells = find_cells(plan, inputs=False)
    cost = row_costs(plan)
    mirrored = mirrored_products(plan, cells) & _worth_mirroring(plan, tuning.mirrored_row)
    cost[mirrored] *= 0.55
    in_parts = parts_of_sums(plan, cells, cost, tuning)
    parts = find_components(plan, cells, cost, in_parts > 0, tuning)
    stage = plan.stage_of_task
    heavy = heavy_rows(parts, stage, cost, workers, tuning.heavy_cost) & (in_parts == 0)
    # Panels of a heavy member run side by side: either all its terms end at the diagonal, or none does.
    triangular = heavy & triangular_cells(plan, cells, mirrored)[cells.written]
    mirrored &= ~heavy | triangular
    level = levels(parts, stage, cost, heavy)
    scratch = place_scratch(plan, cells, parts, heavy, level)
    tasks = _placed(plan, cells, scratch)
    tasks["flags"][mirrored] |= MIRROR
    pieces = _pieces(cells, parts, tasks, cost, _Cut(heavy, triangular, stage, level), workers, tuning)
    arena = len(plan.inputs) + len(plan.outputs)
    panels = np.bincount(pieces.source, minlength=len(cost))
    written = cells.written[pieces.source]
    pieces, arena_bytes = sum_in_parts(
        pieces, written, in_parts[pieces.source], arena, scratch.arena_bytes, tuning.shortest
    )
    local = arena + 1
    pieces, local_bytes = keep_sums_wide(pieces, cells.written[pieces.source], local, scratch.local_bytes)
    jobs = group_into_jobs(pieces, workers, tuning)
    source = pieces.source[jobs.order]
    return NativeSchedule(
        tasks=tasks_in_order(pieces, jobs.order),
        jobs=jobs.jobs,
        phases=jobs.phases,
        source=source,
        workers=workers,
        local_bytes=local_bytes,
        arena_bytes=arena_bytes,
        saved_flop=float(plan.tasks.flop[mirrored].sum() / 2),
        cost=pieces.cost[jobs.order],
        is_panel=(heavy & (panels > 1))[source],
        in_parts=(in_parts > 0)[source],
        carries=pieces.carries[jobs.order],
        scratch=scratch,
        local_buffer=local,
    )


def tasks_in_order(pieces: Pieces, order: np.ndarray) -> np.ndarray:
    """The tasks as they run; a table that is in order already is not copied."""
    in_order = len(order) < 2 or bool((order[1:] > order[:-1]).all())
    if in_order:
        return pieces.tasks
    # As plain words: NumPy copies a struct field by field.
    taken: np.ndarray = np.take(pieces.tasks.view(np.int64).reshape(len(order), -1), order, axis=0)
    return taken.view(TASK).reshape(-1)


def _worth_mirroring(plan: Plan, row_bytes: int) -> np.ndarray:
    """bool[T]: real results of which tiles lie wholly above the diagonal: rows of over `row_bytes`."""
    real = np.array([DTYPES[b.dtype].kind != "complex" for b in plan.buffers], bool)
    item = np.array([DTYPES[b.dtype].itemsize for b in plan.buffers], np.int64)
    c = plan.tasks.c_buffer
    return real[c] & (plan.tasks.m * item[c] > row_bytes)


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


@dataclass(frozen=True, eq=False)
class _Cut:
    """Of each row: whether it is heavy, whether its panels end at the diagonal, its stage and its level."""

    heavy: np.ndarray
    triangular: np.ndarray
    stage: np.ndarray
    level: np.ndarray


def _pieces(
    cells: Cells,
    parts: Components,
    tasks: np.ndarray,
    cost: np.ndarray,
    cut: _Cut,
    workers: int,
    tuning: ScheduleTuning,
) -> Pieces:
    """Heavy rows cut into panels that run level by level, the others whole, by component."""
    if not cut.heavy.any():
        whole, terms = np.arange(len(tasks)), np.zeros(len(tasks), bool)
        return Pieces(tasks, whole, cost, parts.phase, cut.level, parts.label, terms)
    # All rows of one cell in one stage are cut alike, so that a panel adds up on one worker.
    block = _numbered(cells.written, cut.stage)
    step = _numbered(parts.phase, cut.level)
    target = np.maximum(
        np.bincount(step, cost)[step] / (workers * tuning.panels_a_worker), tuning.heavy_cost / 8
    )
    wanted = np.ceil(np.bincount(block, cost)[block] / target).astype(np.int64)
    panels = cut_into_panels(tasks, np.where(cut.heavy, wanted, 1), cut.triangular, tuning)
    source, heavy = panels.source, cut.heavy[panels.source]
    area = (panels.tasks["m"] * panels.tasks["n"]).astype(np.float64)
    share = area / np.maximum(np.bincount(source, area)[source], 1.0)
    group = np.where(heavy, parts.label.max(initial=0) + 1 + block[source], parts.label[source])
    group = _numbered(group, np.where(heavy, panels.panel, 0))
    phase, level, terms = parts.phase[source], cut.level[source], np.zeros(len(source), bool)
    return Pieces(panels.tasks, source, cost[source] * share, phase, level, group, terms)


def _numbered(major: np.ndarray, minor: np.ndarray) -> np.ndarray:
    """int64[T]: numbers from 0 for the different pairs, in their order."""
    pairs = major.astype(np.int64) * (int(minor.max(initial=0)) + 1) + minor
    numbers: np.ndarray = np.unique(pairs, return_inverse=True)[1]
    return numbers
