"""A whole run of the benchmark: names of workloads and peers in, a JSON-serialisable document out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from raggeddsl.bench import machine
from raggeddsl.bench.compile_time import SIZE, CompileTime, compile_times
from raggeddsl.bench.measure import Outcome, Say, Settings, measure
from raggeddsl.bench.memory import bound, memory
from raggeddsl.bench.peers import DONATED, OURS, Limits, Prepare, Work, peer
from raggeddsl.bench.peers.ours import warm_up
from raggeddsl.bench.workload import Workload
from raggeddsl.bench.workloads import workload

SCHEMA = 1

LARGE = 64_000_000
"""Bytes of results from which a call that writes over an earlier result is timed too, and counts."""


class UnknownName(Exception):
    """No workload, table or peer is called so; the message says which there are."""


def run(
    names: Sequence[str],
    against: Sequence[str],
    limits: Limits,
    settings: Settings,
    say: Say,
    with_memory: bool = False,
) -> dict[str, Any]:
    """Time raggeddsl and the peers `against` on every workload.

    Keys of the document are stable: `schema`, `kind` ("times"), `machine`, `peak`, `versions`,
    `settings`, and `workloads`, each with its sizes, `ways`, and `counts`: the way that the means of
    ratios are taken over, `raggeddsl:donate` where results are `LARGE`.  Seconds, bytes, FLOP; no
    scaled units.  Raises `UnknownName` before anything is timed.
    """
    chosen = workloads(names)
    peers: dict[str, Prepare] = {OURS: peer(OURS)}
    try:
        peers |= {name: peer(name) for name in against}
    except ValueError as fault:
        raise UnknownName(str(fault)) from fault
    document = header("times", limits, settings)
    say("peak of the machine")
    document["peak"] = machine.peak()
    warm_up()
    for each in chosen:
        outcomes = measure(each, with_donated(each, peers), limits, settings, say)
        if with_memory:
            _add_memory(each, outcomes, limits, say)
        comparison = {"counts": _counts(each, outcomes), "ways": _ways(each, outcomes, document["peak"])}
        document["workloads"].append(sizes(each) | comparison)
    return document


def run_compile(
    names: Sequence[str], limits: Limits, settings: Settings, say: Say, with_gradient: bool = False
) -> dict[str, Any]:
    """Time only the compiling of every workload; `kind` is "compile", `ways` is `compile` instead.

    `matmul` is a jitted `a @ b`, compiled in the same rounds.  The ratios of `xla_s`, which is trace,
    lower and compile together: `to_first` workload, and `to_matmul`.
    """
    chosen = workloads(names)
    document = header("compile", limits, settings)
    warm_up()
    matmul, times = compile_times(chosen, limits, settings.rounds, say, with_gradient)
    document["matmul"] = {"shape": [SIZE, SIZE, SIZE]} | _seconds(matmul)
    for each, timing in zip(chosen, times, strict=True):
        over = {"to_first": timing.xla_s / times[0].xla_s, "to_matmul": timing.xla_s / matmul.xla_s}
        compile = _seconds(timing) | over | {"gradient_s": timing.gradient_s}
        document["workloads"].append(sizes(each) | {"compile": compile, "facts": dict(timing.facts)})
    return document


def _seconds(timing: CompileTime) -> dict[str, Any]:
    return {"total_s": timing.total_s, "xla_s": timing.xla_s, "parts_s": timing.parts}


def with_donated(each: Workload, peers: Mapping[str, Prepare]) -> dict[str, Prepare]:
    """The peers, after raggeddsl the one that writes over its last result, where results are `LARGE`."""
    if each.result_bytes <= LARGE:
        return dict(peers)
    return {OURS: peers[OURS], DONATED: peer(DONATED)} | dict(peers)


def _counts(each: Workload, outcomes: Sequence[Outcome]) -> str:
    """The name of the way of which the time counts in means."""
    timed = {outcome.name for outcome in outcomes if outcome.steady_s is not None}
    return DONATED if each.result_bytes > LARGE and DONATED in timed else OURS


def workloads(names: Sequence[str]) -> list[Workload]:
    """The named workloads; raises `UnknownName`."""
    try:
        return [workload(name) for name in names]
    except (ValueError, OSError) as fault:
        raise UnknownName(str(fault)) from fault


def header(kind: str, limits: Limits, settings: Settings) -> dict[str, Any]:
    """What stands above the workloads."""
    return {
        "schema": SCHEMA,
        "kind": kind,
        "machine": machine.machine(),
        "versions": machine.versions(),
        "settings": dataclasses.asdict(settings) | dataclasses.asdict(limits),
        "workloads": [],
    }


def sizes(each: Workload) -> dict[str, Any]:
    """A workload in numbers."""
    return {
        "name": each.name,
        "members": each.members,
        "products": len(each.triples),
        "distinct_shapes": each.distinct_shapes,
        "flop": each.flop,
        "bytes": each.bytes,
        "result_bytes": each.result_bytes,
    }


def _add_memory(each: Workload, outcomes: list[Outcome], limits: Limits, say: Say) -> None:
    for outcome in outcomes:
        if outcome.status != "timed":
            continue
        say(f"{each.name}: memory of {outcome.name}")
        answer = memory(each, outcome.name, limits)
        if isinstance(answer, str):
            outcome.note = "; ".join(filter(None, [outcome.note, f"memory not measured: {answer}"]))
        else:
            outcome.memory = answer


def _ways(each: Workload, outcomes: list[Outcome], peak: Mapping[str, float]) -> list[dict[str, Any]]:
    ours = outcomes[0].steady_s
    counts = _counts(each, outcomes)
    counted = next(outcome.steady_s for outcome in outcomes if outcome.name == counts)
    scratch = outcomes[0].facts.get("scratch_bytes")
    return [
        _way(each, outcome, peak)
        | {"ratio": _over(outcome.steady_s, ours)}
        | {"ratio_donated": _over(outcome.steady_s, counted) if counts == DONATED else None}
        | {"memory_bytes": _memory(each, outcome, scratch)}
        for outcome in outcomes
    ]


def _way(each: Workload, outcome: Outcome, peak: Mapping[str, float]) -> dict[str, Any]:
    steady, work = outcome.steady_s, outcome.work or Work(each.flop, each.bytes)
    gflops, gbytes = (_over(1e-9 * amount, steady) for amount in (work.flop, work.bytes))
    return {
        "name": outcome.name,
        "status": outcome.status,
        "reason": outcome.reason or None,
        "note": outcome.note or None,
        "members": each.members if outcome.members is None else outcome.members,
        "flop": work.flop,
        "bytes": work.bytes,
        "first_s": outcome.first_s,
        "steady_s": steady,
        "rounds_s": outcome.rounds,
        "gflops": gflops,
        "gbytes_s": gbytes,
        "peak_share": _over(gflops, peak["gflops"]),
        "copy_share": _over(gbytes, peak["gbytes_s"]),
        "error": outcome.error,
        "facts": dict(outcome.facts),
    }


def _over(part: float | None, whole: float | None) -> float | None:
    return None if part is None or whole is None else part / whole


def _memory(each: Workload, outcome: Outcome, scratch: int | None) -> dict[str, Any] | None:
    """What was measured, with the bound of raggeddsl where the way gives these results and no more.

    A way of raggeddsl's own has its own plan; the others are held against that of the row raggeddsl.
    """
    if outcome.memory is None:
        return None
    way_scratch = outcome.facts.get("scratch_bytes", scratch)
    bounded = outcome.work is None and way_scratch is not None
    most = bound(each.result_bytes, way_scratch) if bounded else None
    return dict(outcome.memory) | {"bound": most, "ratio": _over(outcome.memory["steady"], most)}
