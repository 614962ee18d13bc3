"""The passes, and the pipeline that takes any product graph to the planner's normal form."""

from __future__ import annotations

from typing import Protocol

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.passes.accumulate import Accumulate
from raggeddsl.graph.passes.chain_order import ChainOrder
from raggeddsl.graph.passes.common_subexpressions import CommonSubexpressions
from raggeddsl.graph.passes.dead_code import DeadCode
from raggeddsl.graph.passes.fold_scalars import FoldScalars
from raggeddsl.graph.passes.fold_transposes import FoldTransposes
from raggeddsl.graph.passes.merge import Merge
from raggeddsl.graph.passes.normal_form import NormalForm
from raggeddsl.graph.passes.pairs import Pairs
from raggeddsl.tuning import DEFAULT, GraphTuning


class Pass(Protocol):
    """One rewriting of a graph: pure, the graph given is left as it is."""

    @property
    def name(self) -> str: ...

    def apply(self, graph: Graph) -> Graph: ...


def pipeline(tuning: GraphTuning) -> tuple[Pass, ...]:
    """Every pass in the order in which `normalise` applies it."""
    return (
        DeadCode(),  # nothing is spent on what no output needs
        Merge(tuning),  # first, so that the others see few nodes
        Pairs(),
        FoldTransposes(),
        FoldScalars(),  # before equal operations are looked for: it bares them
        CommonSubexpressions(tuning),
        ChainOrder(tuning),  # knows which products there are anyway
        CommonSubexpressions(tuning),
        Accumulate(tuning),  # after them: it folds only what has one reader
        DeadCode(),
        NormalForm(),
    )


PIPELINE = pipeline(DEFAULT.graph)
"""The passes with the measured thresholds."""


def normalise(
    graph: Graph,
    tuning: GraphTuning = DEFAULT.graph,
    *,
    trace: list[tuple[str, int, int]] | None = None,
) -> Graph:
    """`graph` in normal form, with equal results.

    `trace` receives (name of the pass, nodes before, nodes after) for each pass, in order.
    """
    for graph_pass in pipeline(tuning):
        before = len(graph)
        graph = graph_pass.apply(graph)
        if trace is not None:
            trace.append((graph_pass.name, before, len(graph)))
    return graph
