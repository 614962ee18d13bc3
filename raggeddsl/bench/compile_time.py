"""How long compiling takes, part by part: workloads in, a `CompileTime` each out; no inputs are made."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from raggeddsl.bench.measure import Say
from raggeddsl.bench.peers import Limits
from raggeddsl.bench.peers.gradient import compile_gradient
from raggeddsl.bench.peers.ours import compiled, facts
from raggeddsl.bench.workload import Workload

SIZE = 256
"""Rows and columns of the factors of the one product that compiling is compared with."""


@dataclass
class CompileTime:
    """Seconds from text and tables to a program that can be called, of each round.

    `timings` are the program's own, by part; `totals` the whole by the clock; `facts` is what the
    program says of itself.  `gradients`, if those were asked for, is what a jitted function of value
    and gradient takes on top: to derive, plan, trace, lower and compile.
    """

    timings: list[Mapping[str, float]] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, float]:
        """The median of each part."""
        return {part: statistics.median(t.get(part, 0.0) for t in self.timings) for part in self.timings[-1]}

    @property
    def xla_s(self) -> float:
        """The median of what is tracing, lowering and compiling together."""
        parts = ("trace", "lower", "compile")
        return statistics.median(sum(t.get(part, 0.0) for part in parts) for t in self.timings)

    @property
    def total_s(self) -> float:
        return statistics.median(self.totals)

    @property
    def gradient_s(self) -> float | None:
        return statistics.median(self.gradients) if self.gradients else None


def compile_times(
    workloads: Sequence[Workload], limits: Limits, rounds: int, say: Say, with_gradient: bool = False
) -> tuple[CompileTime, list[CompileTime]]:
    """That of a jitted `a @ b` and those of all workloads, in `rounds` rounds of all in turn.

    raggeddsl's and JAX's caches are emptied before each.
    """
    matmul, all_times = CompileTime(), [CompileTime() for _ in workloads]
    for number in range(rounds):
        say(f"compiling, round {number + 1} of {rounds}")
        _forget()
        _matmul(matmul)
        for workload, times in zip(workloads, all_times, strict=True):
            _forget()
            _program(workload, limits, times, with_gradient)
    return matmul, all_times


def _forget() -> None:
    """Leave nothing cached and no garbage."""
    import jax

    import raggeddsl as rd

    rd.clear_caches()
    jax.clear_caches()
    gc.collect()


def _program(workload: Workload, limits: Limits, times: CompileTime, with_gradient: bool) -> None:
    started = time.perf_counter()
    program = compiled(workload, limits.target, limits.kernel)
    program.compile()
    times.totals.append(time.perf_counter() - started)
    times.timings.append(dict(program.timings))
    if with_gradient:
        started = time.perf_counter()
        compile_gradient(program)
        times.gradients.append(time.perf_counter() - started)
    times.facts = facts(program)


def _matmul(times: CompileTime) -> None:
    """Trace, lower and compile `a @ b` for two f32[256, 256]."""
    import jax

    shape = jax.ShapeDtypeStruct((SIZE, SIZE), "float32")
    started = time.perf_counter()
    traced = jax.jit(lambda a, b: a @ b).trace(shape, shape)
    at_lower = time.perf_counter()
    lowered = traced.lower()
    at_compile = time.perf_counter()
    lowered.compile()
    ended = time.perf_counter()
    times.timings.append(
        {"trace": at_lower - started, "lower": at_compile - at_lower, "compile": ended - at_compile}
    )
    times.totals.append(ended - started)
