"""A plan and its schedule in; which code runs each stage, and what it should cost, out."""

from __future__ import annotations

import ctypes

import numpy as np

from raggeddsl.diagnostics.units import count_text
from raggeddsl.kernels.kernel import CodeReport, ShapeClass, StageReport
from raggeddsl.kernels.native.schedule import NativeSchedule
from raggeddsl.kernels.native.table import DTYPE_CODES, MIRROR
from raggeddsl.native.library import address, block_sizes, instruction_set, library
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import BlockTuning

KINDS = ("zero", "combine", "small", "tiles", "along-k", "complex", "provider", "symmetric")
"""Ways through the arithmetic, numbered as `enum Path` in `src/types.h`; then symmetric products."""


def kinds(schedule: NativeSchedule, isa: str, blocks: BlockTuning) -> np.ndarray:
    """int8[T']: the place in `KINDS` of the code that each task runs in, as the library itself says."""
    loaded = library()
    assert not isinstance(loaded, str), loaded
    tasks = np.ascontiguousarray(schedule.tasks)
    places = np.zeros(len(tasks), np.int8)
    sizes = block_sizes(blocks)
    arguments = (address(tasks), ctypes.c_int64(len(tasks)), isa.encode(), address(sizes))
    failed = loaded.raggeddsl_paths(*arguments, address(places))
    assert not failed, f"there is no instruction set {isa}"
    places[tasks["flags"] & MIRROR != 0] = KINDS.index("symmetric")
    return places


def sections(plan: Plan, schedule: NativeSchedule, isa: str, blocks: BlockTuning) -> np.ndarray:
    """int32[T']: stage * len(KINDS) + kind of each task."""
    return (plan.stage_of_task[schedule.source] * len(KINDS) + kinds(schedule, isa, blocks)).astype(np.int32)


def stage_reports(
    plan: Plan, schedule: NativeSchedule, isa: str, blocks: BlockTuning
) -> tuple[StageReport, ...]:
    """One report a stage: its tasks as they are, the code that runs them and how they are spread."""
    flop = plan.tasks.flop
    number = sections(plan, schedule, isa, blocks)
    tasks = np.bincount(number, minlength=len(plan.stages) * len(KINDS))
    cost = np.bincount(number, schedule.cost, len(tasks))
    compute = np.zeros(len(tasks), np.int64)
    compute[number] = schedule.tasks["compute"]
    spread = _spread(plan, schedule, number // len(KINDS))
    reports = []
    for at, stage in enumerate(plan.stages):
        rows = slice(stage.start, stage.stop)
        asked = float(flop[rows].sum())
        sizes = [int(getattr(plan.tasks, axis)[rows].max(initial=0)) for axis in "mnk"]
        shape = ShapeClass("member", stage.stop - stage.start, sizes[0], sizes[1], sizes[2], asked, asked)
        places = range(at * len(KINDS), (at + 1) * len(KINDS))
        code = tuple(
            CodeReport(kind, _arithmetic(kind, int(compute[p]), isa), int(tasks[p]), float(cost[p]))
            for kind, p in zip(KINDS, places, strict=True)
            if tasks[p]
        )
        reports.append(StageReport(at, (shape,), code=code, spread=spread[at]))
    return tuple(reports)


def _arithmetic(kind: str, compute: int, isa: str) -> str:
    """`avx512 f32`: what computes, and in which type."""
    if kind == "zero":
        return ""
    where = "MKL" if kind == "provider" else instruction_set() if isa in ("", "provider") else isa
    return f"{where} {list(DTYPE_CODES)[compute]}"


def _spread(plan: Plan, schedule: NativeSchedule, stage: np.ndarray) -> list[tuple[str, ...]]:
    """For each stage, how its tasks are shared out: any of `depth-first`, `panels` and `partial-sums`.

    Depth first means that some results are kept in a worker's own memory for what needs them next.
    """
    local = len(plan.inputs) + len(plan.outputs) + 1
    uses_local = np.any([schedule.tasks[f"{operand}_buffer"] == local for operand in "abc"], axis=0)
    ways = {"depth-first": uses_local, "panels": schedule.is_panel, "partial-sums": schedule.in_parts}
    used = {name: np.bincount(stage, which, len(plan.stages)) > 0 for name, which in ways.items()}
    return [tuple(name for name, where in used.items() if where[at]) for at in range(len(plan.stages))]


def notes(schedule: NativeSchedule, isa: str) -> tuple[str, ...]:
    """What else there is to say about a schedule, in sentences."""
    phases = max(len(schedule.phases) - 1, 0)
    instructions = isa if isa not in ("", "provider") else instruction_set()
    sentences = [
        f"{instructions} arithmetic; {count_text(len(schedule.jobs), 'job')} in "
        f"{count_text(phases, 'phase')}; {schedule.local_bytes} bytes of local memory a worker"
    ]
    if isa == "provider":
        sentences.append(
            "products of 64 x 64 x 64 and more by MKL, on one thread each; all else by the native kernel"
        )
    if schedule.saved_flop:
        sentences.append(f"symmetric products save {schedule.saved_flop:.3g} FLOP")
    return tuple(sentences)
