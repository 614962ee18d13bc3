"""A graph in, the same without operations and inputs that no output needs out."""

from __future__ import annotations

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input
from raggeddsl.graph.passes.dead_code import DeadCode


def only_read(graph: Graph) -> tuple[Graph, tuple[int, ...]]:
    """`graph` without what no output needs, inputs included; which of its inputs are left, by position."""
    graph = DeadCode().apply(graph)
    shown = {output.operand.node for output in graph.outputs}
    unread = {key for key in graph.inputs if not graph.readers(key) and key not in shown}
    left = tuple(place for place, key in enumerate(graph.inputs) if key not in unread)
    if not unread:
        return graph, left
    kept = Graph()
    for key in graph.order():
        if not (isinstance(graph.op(key), Input) and key in unread):
            kept.add(graph.op(key), key)
    kept.outputs = graph.outputs
    return kept, left
