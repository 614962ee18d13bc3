"""Times ways in interleaved rounds in one process: a workload and peers in, an `Outcome` a way out."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from raggeddsl.bench.check import Reference, error, reference
from raggeddsl.bench.peers import Limits, Prepare, Skip, Way, Work
from raggeddsl.bench.workload import Workload

Status = Literal["timed", "skipped", "failed", "wrong"]
Say = Callable[[str], object]

FEW = 3
"""Rounds that a way gets however slow it is."""


@dataclass(frozen=True)
class Settings:
    """How long to measure: `rounds` of all ways in turn, each visit at least `slice_s` seconds.

    A way that has taken `limit_s` seconds in all gets no more than three rounds.  `keeps_memory` says
    that the process does (None: it cannot), and is only reported.
    """

    rounds: int = 7
    slice_s: float = 0.1
    limit_s: float = 30.0
    keeps_memory: bool | None = False


@dataclass
class Outcome:
    """What became of one way: seconds a call in each round, or the reason why there are none.

    `work` is what a call does, and `members` how many members it does, where not the workload's.
    """

    name: str
    status: Status
    reason: str = ""
    first_s: float | None = None
    error: float | None = None
    rounds: list[float] = field(default_factory=list)
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    memory: Mapping[str, int] | None = None
    work: Work | None = None
    members: int | None = None

    @property
    def steady_s(self) -> float | None:
        """The median of the rounds, in seconds a call."""
        return statistics.median(self.rounds) if self.rounds else None


def measure(
    workload: Workload, peers: Mapping[str, Prepare], limits: Limits, settings: Settings, say: Say
) -> list[Outcome]:
    """First call, check against float64, then `rounds` rounds A B C A B C … over the ways that are right."""
    say(f"{workload.name}: inputs and reference")
    inputs = workload.inputs()
    right = reference(workload, inputs)
    outcomes, ready = [], []
    for name, prepare in peers.items():
        say(f"{workload.name}: {name}")
        outcome, way = _first(name, prepare, workload, inputs, limits, right)
        outcomes.append(outcome)
        if way is not None:
            ready.append((outcome, way))
    _rounds(ready, settings, lambda text: say(f"{workload.name}: {text}"))
    for outcome, way in ready:
        outcome.facts = way.facts()
        outcome.work = None if way.work is None else way.work()
    return outcomes


def _first(
    name: str,
    prepare: Prepare,
    workload: Workload,
    inputs: Mapping[str, Any],
    limits: Limits,
    right: Reference,
) -> tuple[Outcome, Way | None]:
    """Prepare a way, make its first call, and check it; a way that fails must not end the run."""
    try:
        way = prepare(workload, inputs, limits)
        if isinstance(way, Skip):
            return Outcome(name, "skipped", way.reason), None
        gc.collect()
        started = time.perf_counter()
        value = way.first()
        first_s = time.perf_counter() - started
        results = way.results(value)
        apart = max(error(results, right, workload, way.members), way.beside(value))
    except Exception as fault:
        said = [type(fault).__name__, *str(fault).strip().splitlines()[:1]]
        return Outcome(name, "failed", ": ".join(said)), None
    outcome = Outcome(name, "timed", first_s=first_s, error=apart, note=way.note, members=way.members)
    if not apart <= right.tolerance:
        outcome.status = "wrong"
        outcome.reason = f"error {apart:.1e} against float64, {right.tolerance:.1e} is allowed"
        return outcome, None
    return outcome, way


def _rounds(ready: list[tuple[Outcome, Way]], settings: Settings, say: Say) -> None:
    """Append to each outcome's rounds; every way's first visit is thrown away."""
    repeats: dict[str, int] = {}
    spent: dict[str, float] = {}
    settle = 0.0
    for number in range(settings.rounds + 1):
        say(f"round {number} of {settings.rounds}" if number else "warm-up")
        for outcome, way in ready:
            if len(outcome.rounds) >= FEW and spent[outcome.name] > settings.limit_s:
                continue
            time.sleep(settle)
            count = repeats.get(outcome.name, 1)
            seconds = visit(way, count)
            spent[outcome.name] = spent.get(outcome.name, 0.0) + seconds * count
            repeats[outcome.name] = max(1, math.ceil(settings.slice_s / max(seconds, 1e-7)))
            if number:
                outcome.rounds.append(seconds)
            settle = way.settle


def visit(way: Way, count: int) -> float:
    """Median seconds of `count` calls in a row; freeing a result is not counted.

    Short calls get one untimed call first, since the ways before have cooled threads and caches.
    """
    if count > 1:
        way.call()
    gc.collect()
    gc.disable()
    try:
        return statistics.median(_timed(way) for _ in range(count))
    finally:
        gc.enable()


def _timed(way: Way) -> float:
    started = time.perf_counter()
    value = way.call()
    seconds = time.perf_counter() - started
    del value
    return seconds
