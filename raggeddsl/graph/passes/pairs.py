"""`pairs`: chains of two factors in, plain products out, so that later passes see one form only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Product
from raggeddsl.graph.passes.rewrite import Rewrite


@dataclass(frozen=True)
class Pairs:
    """Writes `Chain(a, b)` as `Product(a, b)`: there is no order to choose."""

    name: ClassVar[str] = "pairs"

    def apply(self, graph: Graph) -> Graph:
        """The graph with every chain of two as a product; itself if there are none."""
        if not any(isinstance(op := graph.op(key), Chain) and len(op.factors) == 2 for key in graph):
            return graph
        rewrite = Rewrite(graph)
        for key in graph.order():
            match graph.op(key):
                case Chain(type=type, factors=(lhs, rhs)) as chain:
                    rewrite.ops[key] = Product(
                        type, lhs, rhs, arithmetic=chain.arithmetic, origin=chain.origin
                    )
                case _:
                    rewrite.keep(key)
        return rewrite.graph()
