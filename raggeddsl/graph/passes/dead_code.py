"""`dead_code`: a graph in, the same without operations that no output needs out; inputs stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input, operands
from raggeddsl.graph.passes.rewrite import Rewrite


@dataclass(frozen=True)
class DeadCode:
    """Leaves out what nothing reads.  Inputs are kept, because callers pass them."""

    name: ClassVar[str] = "dead_code"

    def apply(self, graph: Graph) -> Graph:
        """The graph without unread operations; itself if there are none."""
        needed = {output.operand.node for output in graph.outputs}
        for key in reversed(graph.order()):
            if key in needed:
                needed.update(operand.node for operand in operands(graph.op(key)))
        if all(key in needed or isinstance(graph.op(key), Input) for key in graph):
            return graph
        rewrite = Rewrite(graph)
        for key in graph.order():
            if key in needed or isinstance(graph.op(key), Input):
                rewrite.keep(key)
        return rewrite.graph()
