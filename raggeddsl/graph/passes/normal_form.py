"""`normal_form`: any graph without chains and transposes in, what the planner accepts out.

Every output then shows all members of an operation of its own, untransposed, so that each result
has a buffer.  Where one does not, a copying `Combine` is inserted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from raggeddsl.graph.nodes import Combine, Graph, Input, Join, Operand, Origin, Product, Term
from raggeddsl.graph.passes.rewrite import Rewrite, renumbered, tidy


@dataclass(frozen=True)
class NormalForm:
    """Gives every output a node of its own and checks what the planner relies on."""

    name: ClassVar[str] = "normal_form"

    def apply(self, graph: Graph) -> Graph:
        """The graph in normal form, its nodes numbered from 0 in order."""
        for key in graph:
            assert isinstance(graph.op(key), Input | Product | Combine | Join), f"node {key} is not lowered"
        taken = {part for key in graph if isinstance(node := graph.op(key), Join) for part in node.parts}
        rewrite = Rewrite(graph)
        for key in graph.order():
            rewrite.keep(key)
        outputs = []
        for output in graph.outputs:
            use = output.operand
            members = tidy(use.members, len(graph.type(use.node)))
            whole = members is None and not use.transposed
            if not whole or use.node in taken or isinstance(graph.op(use.node), Input):
                origin = Origin(output.names[0], output.span)
                copy = Combine(graph.operand_type(use), (Term(use),), None, origin)
                use = Operand(rewrite.emit(copy))
            taken.add(use.node)
            outputs.append(replace(output, operand=Operand(use.node)))
        return renumbered(rewrite.graph(tuple(outputs)))
