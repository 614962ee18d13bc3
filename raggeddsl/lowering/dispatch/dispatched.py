"""A dispatched plan as an `Executable`: launches, and the fused program inside traced functions."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from raggeddsl.kernels.kernel import StageTime
from raggeddsl.lowering.dispatch.launcher import Launcher, lower_dispatch
from raggeddsl.lowering.executable import Progress
from raggeddsl.lowering.fused import Fused
from raggeddsl.packing.values import APART, Value, is_traced, members


class Dispatched:
    """The plan of `fused` as launches of small executables; an `Executable`.

    Where a tracer is among the values it runs as `fused`.  `timings` receives the seconds of "lower" and
    "compile".
    """

    def __init__(self, fused: Fused) -> None:
        self.fused = fused
        self.plan, self.choice, self.timings = fused.plan, fused.choice, fused.timings
        self.inputs, self.outputs = fused.inputs, fused.outputs
        self._launcher: Launcher | None = None
        self._lock = Lock()

    # ------------------------------------------------------------ running it

    takes_members = True

    def run(self, buffers: Sequence[Any], donated: tuple[Any, ...] = ()) -> Sequence[Value]:
        """The members of the results for buffers, which are cut."""
        return self.lowered(self.ready(buffers))

    def ready(self, values: Sequence[Value]) -> list[Value]:
        """The members of each group, or buffers for `fused`."""
        if is_traced(values):
            return self.fused.ready(values)
        return [members(value, group) for value, group in zip(values, self.inputs.groups, strict=True)]

    def __call__(self, values: Sequence[Value], donated: tuple[Any, ...] = ()) -> Sequence[Value]:
        """The members of the results; the memory of `donated` is of no use to them."""
        apart = all(isinstance(value, APART) for value in values)
        return self.lowered(values) if apart else self.fused(values)

    # ------------------------------------------------------------ making it

    @property
    def lowered(self) -> Launcher:
        """The launches."""
        with self._lock:
            if self._launcher is None:
                start = time.perf_counter()
                self._launcher = lower_dispatch(self.plan)
                self.timings["lower"] = time.perf_counter() - start
            return self._launcher

    def compile(self, progress: Progress | None = None) -> None:
        """Have XLA compile every shape; without `progress`, a bar is drawn on a terminal after a second."""
        launcher = self.lowered
        start = time.perf_counter()
        if launcher.compile(progress):
            self.timings["compile"] = time.perf_counter() - start

    def lower(self) -> Modules:
        """The small modules."""
        return Modules(self.lowered)

    # ------------------------------------------------------------ looking at it

    def jaxpr(self) -> str:
        """What each executable is traced to."""
        return self.lower().jaxpr()

    @property
    def why(self) -> str:
        """Why launches compute, and when they do not."""
        inside = f"inside jit, grad and vmap it runs fused, by the {self.choice.kernel} kernel"
        return f"one executable for each exact shape; {inside}"

    @property
    def ran(self) -> str:
        """What computes, as in "the results by …"."""
        return "dispatch, one executable for each exact shape,"

    def operations(self) -> int:
        """How many launches a call has."""
        return len(self.lowered.launches.kind)

    def measure(self, values: Sequence[Value]) -> Sequence[StageTime]:
        """Nothing: launches run apart from what made them."""
        return ()

    def prove(self) -> str:
        """Prove the launches."""
        return self.lowered.prove()


@dataclass(frozen=True, eq=False)
class Modules:
    """What `jax.stages.Lowered` is for one module: `as_text` and `compile` for all of them."""

    launcher: Launcher

    def as_text(self, dialect: str | None = None) -> str:
        """Every module after a comment that says how often a call launches it."""
        return "\n".join(
            f"// launches: {count}\n{traced.lower().as_text(dialect)}" for count, traced in self._traced()
        )

    def jaxpr(self) -> str:
        """What each executable is traced to."""
        return "\n".join(f"# launches: {count}\n{traced.jaxpr}" for count, traced in self._traced())

    def compile(self) -> Launcher:
        """Compile what is not compiled yet."""
        self.launcher.compile()
        return self.launcher

    def _traced(self) -> Iterator[tuple[int, Any]]:
        launches = self.launcher.launches
        counts = Counter(launches.kind)
        for number, kind in enumerate(launches.kinds):
            if counts[number]:
                yield counts[number], kind.jitted().trace(*kind.operands())
