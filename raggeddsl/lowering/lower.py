"""A plan in, its `Executable` out: the target and the kernel chosen, nothing compiled yet."""

from __future__ import annotations

import jax

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.passes import normalise
from raggeddsl.lowering.choose import choose
from raggeddsl.lowering.dispatch.dispatched import Dispatched
from raggeddsl.lowering.executable import Executable
from raggeddsl.lowering.fused import Fused
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from raggeddsl.plan.plan import Plan


def lower(
    plan: Plan, options: Options, diagnostics: Diagnostics, timings: dict[str, float] | None = None
) -> Executable:
    """What runs `plan` on JAX's default backend, as `options` ask.

    `timings` receives the seconds of what is done later: tables, trace, lower, compile.  Raises what
    `choose` raises.
    """
    choice = choose(plan, options, jax.default_backend(), diagnostics)
    fused = Fused(plan, options, choice, {} if timings is None else timings)
    return fused if choice.target == "fused" else Dispatched(fused)


def lower_graph(graph: Graph, options: Options) -> Executable:
    """What computes a graph that no text describes: normalised, planned and lowered.

    Raises what planning and `choose` raise; warnings are dropped.
    """
    plan = plan_graph(normalise(graph, options.tuning.graph), options)
    return lower(plan, options, Diagnostics())
