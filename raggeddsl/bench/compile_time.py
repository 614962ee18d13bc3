"""How long compiling takes, part by part: a workload in, a `CompileTime` out; no inputs are made."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raggeddsl.bench.peers import Limits
from raggeddsl.bench.peers.gradient import compile_gradient
from raggeddsl.bench.peers.ours import compiled, facts
from raggeddsl.bench.workload import Workload


@dataclass(frozen=True)
class CompileTime:
    """Seconds from text and tables to a program that can be called, medians over the rounds.

    `parts` are the program's own timings; `total_s` is the whole by the clock, and `xla_s` what
    of it is tracing, lowering and compiling; `facts` is what the program says of itself.
    `gradient_s`, if that was asked for, is what a jitted function of value and gradient takes on
    top: to derive, plan, trace, lower and compile.
    """

    parts: Mapping[str, float]
    total_s: float
    facts: Mapping[str, Any]
    gradient_s: float | None = None

    @property
    def xla_s(self) -> float:
        return sum(self.parts.get(part, 0.0) for part in ("trace", "lower", "compile"))


def compile_time(workload: Workload, limits: Limits, rounds: int, with_gradient: bool = False) -> CompileTime:
    """Compile `rounds` times, raggeddsl's and JAX's caches emptied before each."""
    import jax

    import raggeddsl as rd

    timings: list[dict[str, float]] = []
    totals: list[float] = []
    gradients: list[float] = []
    said: dict[str, Any] = {}
    for _ in range(rounds):
        rd.clear_caches()
        jax.clear_caches()
        gc.collect()
        started = time.perf_counter()
        program = compiled(workload, limits.target, limits.kernel)
        program.compile()
        totals.append(time.perf_counter() - started)
        timings.append(dict(program.timings))
        if with_gradient:
            started = time.perf_counter()
            compile_gradient(program)
            gradients.append(time.perf_counter() - started)
        said = facts(program)
    parts = {part: statistics.median(t.get(part, 0.0) for t in timings) for part in timings[-1]}
    gradient_s = statistics.median(gradients) if gradients else None
    return CompileTime(parts, statistics.median(totals), said, gradient_s)
