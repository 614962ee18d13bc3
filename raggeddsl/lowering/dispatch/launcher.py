"""A plan in, a `Launcher` out: members of inputs in, members of results out, launched one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import jax
import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.nodes import View
from raggeddsl.kernels.kernel import ShapeClass, StageReport, proved_if_asked
from raggeddsl.lowering.dispatch.executables import ShapeProgram, default_device, executables
from raggeddsl.lowering.dispatch.kind import factor_dtype
from raggeddsl.lowering.dispatch.launches import Launches, launches
from raggeddsl.lowering.dispatch.progress import ProgressBar
from raggeddsl.lowering.dispatch.proof import prove
from raggeddsl.lowering.executable import Progress
from raggeddsl.plan.plan import Plan


def lower_dispatch(plan: Plan) -> Launcher:
    """The launches of `plan`; nothing is compiled yet, and jax is not touched.

    The graph has no `View`, as no spec has: members are arrays of one shape here.
    """
    assert not any(isinstance(plan.graph.op(key), View) for key in plan.graph), "derived graphs are fused"
    launcher = Launcher(plan, launches(plan))
    proved_if_asked(launcher.prove)
    return launcher


@dataclass(eq=False)
class Launcher:
    """A plan as asynchronous launches of small executables; members are separate arrays throughout."""

    plan: Plan
    launches: Launches
    _executables: list[ShapeProgram] | None = None
    _alphas: list[jax.Array] = field(default_factory=list)
    _home: Any = None
    _lock: Lock = field(default_factory=Lock)

    kernel: str = "dispatch"
    notes: tuple[str, ...] = ()
    scratch_bytes: int | None = None

    def compile(self, progress: Progress | None = None) -> bool:
        """Compile what is not compiled yet, and whether there was anything.

        `progress` is called with (done, total); without it, a bar is drawn on a terminal.
        """
        with self._lock:
            if self._executables is not None:
                return False
            self._home = default_device()
            factors = [np.asarray(value, factor_dtype(work)) for value, work in self.launches.alphas]
            self._alphas = jax.device_put(factors)
            self._executables = executables(self.launches.kinds, progress or ProgressBar())
            return True

    def prove(self) -> str:
        """Raise `ScheduleFault` unless the launches compute what the plan says; tells what was shown."""
        return prove(self.plan, self.launches)

    def __call__(self, inputs: Sequence[Sequence[jax.Array]]) -> list[list[jax.Array]]:
        """The members of each of `plan.outputs`, given those of each of `plan.inputs`.

        Members have their own shapes, `dtype[m, n]` or `dtype[]`.  Returns as soon as everything
        is launched; an intermediate is let go when its last reader is.
        """
        self.compile()
        assert self._executables is not None
        numbered = self.launches.cells
        cells: list[Any] = [None] * len(numbered) + self._alphas
        for buffer, members in zip(self.plan.inputs, inputs, strict=True):
            span = numbered.of_buffer(buffer)
            cells[span.start : span.stop] = members
        ahead = _all_on(_first(inputs), self._home) and not _jit_disabled()
        functions = [executable.compiled if ahead else executable.jitted for executable in self._executables]
        steps = self.launches
        for kind, reads, write, drops in zip(steps.kind, steps.reads, steps.writes, steps.drops, strict=True):
            operands = [cells[cell] for cell in reads]
            cells[write] = functions[kind](*operands) if kind >= 0 else operands[0]
            for cell in drops:
                cells[cell] = None
        return [self._results(buffer, cells) for buffer in self.plan.outputs]

    def _results(self, buffer: int, cells: list[Any]) -> list[jax.Array]:
        """The members of an output; those without elements, which no task writes, are made here."""
        type = self.plan.type(buffer)
        span = self.launches.cells.of_buffer(buffer)
        members = cells[span.start : span.stop]
        for member in np.flatnonzero(type.sizes == 0).tolist():
            shape = int(type.rows[member]), int(type.cols[member])
            members[member] = jax.device_put(np.zeros(shape, DTYPES[type.dtype].numpy))
        return members

    @property
    def stages(self) -> tuple[StageReport, ...]:
        """What runs in each stage, by exact shape, the most work first."""
        return tuple(_report(self.plan, number) for number in range(len(self.plan.stages)))


def _report(plan: Plan, number: int) -> StageReport:
    stage = plan.stages[number]
    rows = plan.tasks.rows(stage.start, stage.stop)
    shapes, which = np.unique(np.stack([rows.m, rows.n, rows.k], axis=1), axis=0, return_inverse=True)
    tasks = np.bincount(which.reshape(-1), minlength=len(shapes))
    flop = np.bincount(which.reshape(-1), rows.flop, minlength=len(shapes))
    heaviest = np.argsort(-flop, kind="stable")
    classes = (
        ShapeClass("exact", count, m, n, k, asked, asked)
        for count, (m, n, k), asked in zip(
            tasks[heaviest].tolist(), shapes[heaviest].tolist(), flop[heaviest].tolist(), strict=True
        )
    )
    return StageReport(number, tuple(classes))


def _jit_disabled() -> bool:
    """Whether `jax.disable_jit` is on: what was compiled ahead cannot be called then."""
    return bool(jax.config.jax_disable_jit)  # type: ignore[attr-defined]


def _first(inputs: Sequence[Sequence[jax.Array]]) -> jax.Array | None:
    return next((member for members in inputs for member in members), None)


def _all_on(array: jax.Array | None, device: Any) -> bool:
    return array is None or array.devices() == {device}
