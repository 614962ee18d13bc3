"""A whole run of the benchmark: names of workloads and peers in, a JSON-serialisable document out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from raggeddsl.bench import machine
from raggeddsl.bench.compile_time import compile_time
from raggeddsl.bench.measure import Outcome, Say, Settings, measure
from raggeddsl.bench.memory import memory
from raggeddsl.bench.peers import OURS, Limits, Prepare, peer
from raggeddsl.bench.workload import Workload
from raggeddsl.bench.workloads import workload

SCHEMA = 1


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
    `settings`, and `workloads`, each with its sizes and `ways`.  Seconds, bytes, FLOP; no scaled
    units.  Raises `UnknownName` before anything is timed.
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
        outcomes = measure(each, peers, limits, settings, say)
        if with_memory:
            _add_memory(each, outcomes, limits, say)
        document["workloads"].append(sizes(each) | {"ways": _ways(each, outcomes, document["peak"])})
    return document


def run_compile(
    names: Sequence[str], limits: Limits, settings: Settings, say: Say, with_gradient: bool = False
) -> dict[str, Any]:
    """Time only the compiling of every workload; `kind` is "compile", `ways` is `compile` instead."""
    chosen = workloads(names)
    document = header("compile", limits, settings)
    warm_up()
    for each in chosen:
        say(f"{each.name}: compiling")
        found = compile_time(each, limits, settings.rounds, with_gradient)
        seconds = {"total_s": found.total_s, "xla_s": found.xla_s, "parts_s": dict(found.parts)}
        document["workloads"].append(
            sizes(each)
            | {"compile": seconds | {"gradient_s": found.gradient_s}}
            | {"facts": dict(found.facts)}
        )
    return document


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
    }


def warm_up() -> None:
    """One tiny program each way, so that no first call pays for starting JAX or building the parser."""
    import jax
    import jax.numpy as jnp

    from raggeddsl.bench.peers.ours import compiled

    jax.block_until_ready(jax.jit(lambda a: a @ a)(jnp.ones((8, 8))))
    tiny = workload("equal-2-2")
    program = compiled(tiny)
    jax.block_until_ready(program(tiny.inputs()))


def _add_memory(each: Workload, outcomes: list[Outcome], limits: Limits, say: Say) -> None:
    for outcome in outcomes:
        if outcome.status != "timed":
            continue
        say(f"{each.name}: memory of {outcome.name}")
        found = memory(each, outcome.name, limits)
        if isinstance(found, str):
            outcome.note = "; ".join(filter(None, [outcome.note, f"memory not measured: {found}"]))
        else:
            outcome.memory = found


def _ways(each: Workload, outcomes: list[Outcome], peak: Mapping[str, float]) -> list[dict[str, Any]]:
    ours = outcomes[0].steady_s
    return [_way(each, outcome, ours, peak) for outcome in outcomes]


def _way(each: Workload, outcome: Outcome, ours: float | None, peak: Mapping[str, float]) -> dict[str, Any]:
    steady = outcome.steady_s
    gflops = None if steady is None else 1e-9 * each.flop / steady
    return {
        "name": outcome.name,
        "status": outcome.status,
        "reason": outcome.reason or None,
        "note": outcome.note or None,
        "first_s": outcome.first_s,
        "steady_s": steady,
        "rounds_s": outcome.rounds,
        "ratio": None if steady is None or ours is None else steady / ours,
        "gflops": gflops,
        "gbytes_s": None if steady is None else 1e-9 * each.bytes / steady,
        "peak_share": None if gflops is None else gflops / peak["gflops"],
        "error": outcome.error,
        "memory_bytes": dict(outcome.memory) if outcome.memory else None,
        "facts": dict(outcome.facts),
    }
