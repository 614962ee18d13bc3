"""The `native` kernel: a plan in, one XLA custom call that executes its whole task table out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.base import LoweredPlan, ShapeClass, StageReport
from raggeddsl.kernels.native.library import TARGET, instruction_set, register
from raggeddsl.kernels.native.schedule import NativeSchedule, schedule
from raggeddsl.plan.plan import Plan


@dataclass(frozen=True)
class NativeKernel:
    """Runs the task table as it is, in C++, on XLA's own intra-op threads; CPU only.

    Compile time is that of one custom call, whatever the table's length.  `workers` is how many
    threads to schedule for (None: as many as there are cores) and `isa` the instruction set to
    compute in (empty: the best that the processor has); neither needs to be said.
    """

    workers: int | None = None
    isa: str = ""

    name: ClassVar[str] = "native"

    def unavailable(self, plan: Plan, backend: str) -> str | None:
        """Why this kernel cannot run `plan` on `backend`, or None."""
        if backend != "cpu":
            return f"the native kernel runs on the CPU, not on {backend}"
        return register()

    def lower(self, plan: Plan) -> LoweredPlan:
        """The plan's schedule as operands of one call."""
        import jax

        reason = register()
        assert reason is None, reason
        made = schedule(plan, self.workers)
        tables = (words(made.tasks), words(made.jobs), words(made.phases[:, None]))
        outputs = tuple((plan.buffers[b].size, DTYPES[plan.buffers[b].dtype].numpy) for b in plan.outputs)

        def call(buffers: Sequence[Any], operands: Sequence[Any]) -> tuple[Any, ...]:
            results = [jax.ShapeDtypeStruct((size,), dtype) for size, dtype in outputs]
            scratch = jax.ShapeDtypeStruct((made.arena_bytes,), np.uint8)
            found = jax.ffi.ffi_call(TARGET, [*results, scratch])(
                *operands, *buffers, local_bytes=np.int64(made.local_bytes), isa=self.isa
            )
            return tuple(found[:-1])

        return LoweredPlan(
            kernel=self.name,
            run=call,
            tables=tables,
            stages=_report(plan, made),
            key=(self, len(plan.inputs), outputs, made.arena_bytes, made.local_bytes),
            notes=_notes(made),
        )


def words(array: np.ndarray) -> np.ndarray:
    """The bytes of a 2-D (or structured) array as int32[rows, words]: jax without x64 has no int64."""
    rows = len(array)
    return np.ascontiguousarray(array).view(np.int32).reshape(rows, -1) if rows else _no_rows(array)


def _no_rows(array: np.ndarray) -> np.ndarray:
    width = array.dtype.itemsize * (array.shape[1] if array.ndim == 2 else 1)
    return np.zeros((0, width // 4), np.int32)


def _report(plan: Plan, made: NativeSchedule) -> tuple[StageReport, ...]:
    flop = plan.tasks.flop
    reports = []
    for number, stage in enumerate(plan.stages):
        rows = slice(stage.start, stage.stop)
        asked = float(flop[rows].sum())
        sizes = [int(getattr(plan.tasks, axis)[rows].max(initial=0)) for axis in "mnk"]
        shape = ShapeClass("member", stage.stop - stage.start, sizes[0], sizes[1], sizes[2], asked, asked)
        reports.append(StageReport(number, (shape,)))
    return tuple(reports)


def _notes(made: NativeSchedule) -> tuple[str, ...]:
    phases = max(len(made.phases) - 1, 0)
    notes = [
        f"{instruction_set()} arithmetic; {len(made.jobs)} jobs in {phases} phase{'s' * (phases != 1)}; "
        f"{made.local_bytes} bytes of local memory a worker"
    ]
    if made.saved_flop:
        notes.append(f"symmetric products save {made.saved_flop:.3g} FLOP")
    return tuple(notes)
