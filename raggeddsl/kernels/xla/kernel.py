"""The `xla` kernel: a plan in, a bounded number of batched XLA products over packed buffers out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from raggeddsl.dtypes import DTYPES, promote
from raggeddsl.kernels.kernel import LoweredPlan, ShapeClass, StageReport, proved_if_asked
from raggeddsl.kernels.xla.classes import choose, distinct
from raggeddsl.kernels.xla.combines import combine_steps
from raggeddsl.kernels.xla.exact import exact_steps
from raggeddsl.kernels.xla.proof import prove
from raggeddsl.kernels.xla.rows import Group, groups, merge_deep, merge_tall
from raggeddsl.kernels.xla.steps import Operands, RangeStep, Recipe, StageSteps, Step, TileStep
from raggeddsl.kernels.xla.tables import LARGEST, Tables
from raggeddsl.kernels.xla.tiles import tile_step
from raggeddsl.plan.plan import Op, Plan, Stage
from raggeddsl.tuning import DEFAULT, Tuning, XlaTuning


@dataclass(frozen=True)
class XlaKernel:
    """Runs anywhere JAX does: each stage's products in at most 16 shape classes, whatever their number."""

    tuning: XlaTuning = DEFAULT.xla

    name: ClassVar[str] = "xla"

    @classmethod
    def tuned(cls, tuning: Tuning) -> Self:
        """The kernel with these thresholds."""
        return cls(tuning.xla)

    def unavailable(self, plan: Plan, backend: str) -> str | None:
        """Why this kernel cannot run `plan`: a buffer that int32 cannot index, or None."""
        longest = max((buffer.size for buffer in plan.buffers), default=0)
        if longest >= LARGEST:
            return f"one of its buffers has {longest:,} elements, and its index tables are 32 bits wide"
        return None

    def lower(self, plan: Plan) -> LoweredPlan:
        """The plan's classes and tables; jax is imported when the result first runs."""
        tables = Tables()
        stages, reports = [], []
        for number, stage in enumerate(plan.stages):
            steps, report = _lower_stage(plan, number, stage, tables, self.tuning)
            stages.append(steps)
            reports.append(report)
        recipe = Recipe(
            buffers=tuple((buffer.dtype, buffer.size) for buffer in plan.buffers),
            inputs=plan.inputs,
            outputs=plan.outputs,
            stages=tuple(stages),
        )

        def run(buffers: Sequence[Any], operands: Sequence[Any]) -> tuple[Any, ...]:
            from raggeddsl.kernels.xla.device import run_recipe

            return run_recipe(recipe, buffers, operands)

        def show() -> str:
            return prove(plan, recipe, tables.arrays)

        proved_if_asked(show)
        return LoweredPlan(
            kernel=self.name,
            run=run,
            tables=tuple(tables.arrays),
            report=lambda: tuple(reports),
            key=(self.name, recipe),
            prove=show,
        )


Lowered = tuple[Step, ShapeClass | list[ShapeClass], int]


def _lower_stage(
    plan: Plan, number: int, stage: Stage, tables: Tables, tuning: XlaTuning
) -> tuple[StageSteps, StageReport]:
    rows = plan.tasks.rows(stage.start, stage.stop)
    merged = merge_deep(merge_tall(rows))
    past = plan.buffers[stage.buffer].size
    products = list(groups(merged, Op.PRODUCT, tuning.most_factors))
    budget = max(1, tuning.most_classes // max(1, len(products)))
    lowered: list[Lowered] = []
    for group in groups(merged, Op.COMBINE, tuning.most_factors):
        lowered += combine_steps(tables, group, past, tuning)
    for group in products:
        lowered += _lower_products(plan, stage, group, budget, tables, tuning)
    # What fills the whole buffer comes first: then there are no zeros to write and add to.
    lowered.sort(key=lambda entry: not isinstance(entry[0], RangeStep))
    steps = tuple(step for step, _, _ in lowered)
    classes = [c for _, report, _ in lowered for c in (report if isinstance(report, list) else [report])]
    workspace = max((taken for _, _, taken in lowered), default=0)
    alone = len(merged) == len(np.unique(merged.c_offset))
    stage_steps = StageSteps(stage.buffer, _wide(plan, stage, steps, alone), alone, steps)
    return stage_steps, StageReport(number, tuple(classes), workspace)


def _lower_products(
    plan: Plan, stage: Stage, group: Group, budget: int, tables: Tables, tuning: XlaTuning
) -> Iterator[Lowered]:
    operands = _operands(plan, stage, group)
    t = group.table
    shapes, which = distinct(t.m, t.n, t.k)
    # A program of many stages has so many more classes: each must save more to be worth its compiling.
    worthwhile = tuning.worthwhile * min(4.0, max(1.0, len(plan.stages) / 3))
    chosen = choose(shapes, budget, worthwhile, tuning)
    classes, of_row = chosen.classes, chosen.of_shape[which]
    order = np.argsort(of_row, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(of_row, minlength=len(classes)))[:-1])
    past = plan.buffers[stage.buffer].size
    for number in np.flatnonzero(classes.exact):
        yield from exact_steps(tables, group, operands, rows[number], past, tuning)
    boxes = np.flatnonzero(~classes.exact)
    if len(boxes):
        sizes = np.stack([classes.m, classes.n, classes.k], axis=1)[boxes]
        lengths = plan.buffers[group.a_buffer].size, plan.buffers[group.b_buffer].size
        yield tile_step(
            tables, group, operands, [rows[number] for number in boxes], sizes, lengths, past, tuning
        )


def _operands(plan: Plan, stage: Stage, group: Group) -> Operands:
    a, b = plan.buffers[group.a_buffer].dtype, plan.buffers[group.b_buffer].dtype
    # The result is wider than its operands where a factor is: the product is computed as wide.
    work = promote(promote(a, b), plan.buffers[stage.buffer].dtype)
    accum = stage.arithmetic.accum or DTYPES[work].accumulate
    return Operands(
        group.a_buffer, group.b_buffer, group.a_t, group.b_t, work, accum, stage.arithmetic.precision
    )


def _wide(plan: Plan, stage: Stage, steps: tuple[Step, ...], alone: bool) -> str:
    """The dtype that C is summed in: its own, or where several terms add to one place that of their sum."""
    dtype = plan.buffers[stage.buffer].dtype
    repeats = not alone or any(isinstance(step, TileStep) and step.repeats for step in steps)
    return stage.kept if repeats else dtype
