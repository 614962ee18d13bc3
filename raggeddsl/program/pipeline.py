"""From a text to what runs it, on one screen: every stage in order, each a function of what it is given.

    tree       = parse(text, name, diagnostics)               text  → syntax tree
    spec       = elaborate(tree, options, diagnostics)        tree  → graph
    graph      = normalise(spec, options)                     graph → graph in normal form
    plan       = plan(graph, options, diagnostics)            graph → plan, the task table
    executable = lower(plan, options, diagnostics)            plan  → executable, by a kernel or as launches

A stage is imported when it is first run: what stops before `lower` never imports jax.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from raggeddsl.diagnostics.errors import Diagnostics

if TYPE_CHECKING:
    from raggeddsl.graph.graph import Graph
    from raggeddsl.language import ast
    from raggeddsl.lowering.executable import Executable
    from raggeddsl.options import Options
    from raggeddsl.plan.plan import Plan

STAGES = ("parse", "elaborate", "normalise", "plan", "lower")
"""The stages by name, in order; `raggeddsl compile --stop-after` takes one."""

Passes = list[tuple[str, int, int]]
"""The passes that ran: name, nodes before, nodes after."""


def parse(text: str, name: str, diagnostics: Diagnostics) -> ast.Program:
    """Text → the syntax tree of its statements, of those that parse."""
    from raggeddsl.language.parse import parse

    return parse(text, name=name, diagnostics=diagnostics)


def elaborate(tree: ast.Program, options: Options, diagnostics: Diagnostics) -> Graph:
    """Tree → the product graph as it is written, names, sizes and types checked."""
    from raggeddsl.elaborate import elaborate

    return elaborate(tree, options, diagnostics)


def normalise(spec: Graph, options: Options, passes: Passes | None = None) -> Graph:
    """Graph → an equal graph in normal form, by the passes, which are told to `passes`."""
    from raggeddsl.graph.passes import normalise

    return normalise(spec, options.tuning.graph, trace=passes)


def plan(graph: Graph, options: Options, diagnostics: Diagnostics) -> Plan:
    """Graph → the plan: where everything lies, and the table of tasks."""
    from raggeddsl.plan import plan_graph

    return plan_graph(graph, options, diagnostics)


def lower(plan: Plan, options: Options, diagnostics: Diagnostics, timings: dict[str, float]) -> Executable:
    """Plan → what runs it; XLA compiles nothing yet."""
    from raggeddsl.lowering.lower import lower

    return lower(plan, options, diagnostics, timings)


@dataclass
class Stages:
    """What the stages of one text have given so far; those after `stop_after` are None.

    `timings` has the seconds of "parse", "graph" and "plan".
    """

    options: Options
    diagnostics: Diagnostics
    timings: dict[str, float] = field(default_factory=dict)
    passes: Passes = field(default_factory=list)
    tree: ast.Program | None = None
    spec: Graph | None = None
    graph: Graph | None = None
    plan: Plan | None = None
    executable: Executable | None = None


def run_stages(
    text: str,
    name: str,
    options: Options,
    stop_after: str = STAGES[-1],
    diagnostics: Diagnostics | None = None,
) -> Stages:
    """Every stage of a text, in order, up to and with `stop_after`; what is found goes to `diagnostics`.

    Raises `RmmError` with all that was found, if an error was found before a stage that needs there to be
    none: `normalise`, `plan`, `lower`.
    """
    last = STAGES.index(stop_after)
    diagnostics = Diagnostics() if diagnostics is None else diagnostics
    stages = Stages(options, diagnostics)
    with _timed(stages, "parse"):
        stages.tree = parse(text, name, diagnostics)
    if last >= 1:
        with _timed(stages, "graph"):
            stages.spec = elaborate(stages.tree, options, diagnostics)
    if last >= 2:
        diagnostics.raise_if_failed()
        assert stages.spec is not None
        with _timed(stages, "graph"):
            stages.graph = normalise(stages.spec, options, stages.passes)
    if last >= 3:
        assert stages.graph is not None
        with _timed(stages, "plan"):
            stages.plan = plan(stages.graph, options, diagnostics)
    if last >= 4:
        assert stages.plan is not None
        stages.executable = lower(stages.plan, options, diagnostics, stages.timings)
    return stages


def compiled(text: str, name: str, options: Options) -> Stages:
    """Every stage of a text; whether f64 and c128 may be used is asked of jax now."""
    from raggeddsl.configuration import x64_enabled

    return run_stages(text, name, replace(options, x64=x64_enabled()))


@contextmanager
def _timed(stages: Stages, part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    stages.timings[part] = stages.timings.get(part, 0.0) + time.perf_counter() - start
