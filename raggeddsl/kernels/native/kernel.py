"""The `native` kernel: a plan in, one XLA custom call that executes its whole task table out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.kernel import LoweredPlan, StageTime, proved_if_asked
from raggeddsl.kernels.native.measure import stage_times
from raggeddsl.kernels.native.proof import prove
from raggeddsl.kernels.native.registry import HeldTable, hold
from raggeddsl.kernels.native.report import notes, stage_reports
from raggeddsl.kernels.native.schedule import schedule
from raggeddsl.kernels.native.table import joined, tasks_of
from raggeddsl.native.library import TARGET, register
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import DEFAULT, Tuning


@dataclass(frozen=True)
class NativeKernel:
    """Runs the task table as it is, in C++, on XLA's own intra-op threads; CPU only.

    Compile time is that of one custom call, whatever the table's length.  `workers` is how many
    threads to schedule for (None: as many as there are cores) and `isa` the instruction set to
    compute in (empty: the best that the processor has); neither needs to be said, nor does `tuning`.
    """

    workers: int | None = None
    isa: str = ""
    tuning: Tuning = DEFAULT

    name: ClassVar[str] = "native"

    @classmethod
    def tuned(cls, tuning: Tuning) -> Self:
        """The kernel with these thresholds."""
        return cls(tuning=tuning)

    def unavailable(self, plan: Plan, backend: str) -> str | None:
        """Why this kernel cannot run `plan` on `backend`, or None."""
        if backend != "cpu":
            return f"the native kernel runs on the CPU, not on {backend}"
        return register()

    def lower(self, plan: Plan) -> LoweredPlan:
        """The plan's schedule as an operand of one call."""
        import jax

        reason = register()
        assert reason is None, reason
        native_schedule = schedule(plan, self.workers, self.tuning.schedule)
        blocks = self.tuning.blocks
        table = joined(native_schedule.tasks, native_schedule.jobs, native_schedule.phases, blocks)
        native_schedule = replace(native_schedule, tasks=tasks_of(table))  # which need not be there twice
        outputs = tuple(((plan.buffers[b].size,), DTYPES[plan.buffers[b].dtype].numpy) for b in plan.outputs)
        scratch = ((native_schedule.arena_bytes,), np.dtype(np.uint8))
        results = [jax.ShapeDtypeStruct(*shape) for shape in (*outputs, scratch)]

        def call(buffers: Sequence[Any], operands: Sequence[Any]) -> tuple[Any, ...]:
            arrays = jax.ffi.ffi_call(TARGET, results)(
                *operands, *buffers, local_bytes=np.int64(native_schedule.local_bytes), isa=self.isa
            )
            return tuple(arrays[:-1])

        def measure(buffers: Sequence[Any]) -> tuple[StageTime, ...]:
            return stage_times(plan, native_schedule, table, results, buffers, self.isa, blocks)

        def make_resident() -> HeldTable | None:
            inputs = [plan.buffers[b] for b in plan.inputs]
            sizes = [buffer.size * DTYPES[buffer.dtype].itemsize for buffer in inputs]
            return hold(table, native_schedule.local_bytes, sizes, results, self.isa)

        def show() -> str:
            return prove(plan, native_schedule)

        proved_if_asked(show)
        return LoweredPlan(
            kernel=self.name,
            run=call,
            tables=(table,),
            report=lambda: stage_reports(plan, native_schedule, self.isa, blocks),
            key=(self, len(plan.inputs), outputs, native_schedule.arena_bytes, native_schedule.local_bytes),
            notes=notes(native_schedule, self.isa),
            wide=True,
            measure=measure,
            scratch_bytes=native_schedule.arena_bytes + native_schedule.workers * native_schedule.local_bytes,
            make_resident=make_resident,
            prove=show,
        )
