"""`normal_form`: any graph without chains and transposes in, what the planner accepts out.

Every output then shows all members of an operation of its own, untransposed, so that each result
has a buffer, and every view is of what lies in a buffer as it is read.  Where that is not so, a
copying `Combine` is inserted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, Input, Join, Operand, Origin, Product, Term, View
from raggeddsl.graph.passes.rewrite import Rewrite, renumbered, tidy


@dataclass(frozen=True)
class NormalForm:
    """Gives every output a node of its own, every view a place to lie in; checks what the planner needs."""

    name: ClassVar[str] = "normal_form"

    def apply(self, graph: Graph) -> Graph:
        """The graph in normal form, its nodes numbered from 0 in order."""
        for key in graph:
            op = graph.op(key)
            assert isinstance(op, Input | Product | Combine | Join | View), f"node {key} is not lowered"
        taken = {part for key in graph if isinstance(node := graph.op(key), Join) for part in node.parts}
        rewrite = Rewrite(graph)
        for key in graph.order():
            op = graph.op(key)
            if isinstance(op, View) and op.x.transposed:
                copied = rewrite.emit(Combine(graph.operand_type(op.x), (Term(op.x),), None, op.origin))
                rewrite.ops[key] = replace(op, x=Operand(copied))
            else:
                rewrite.keep(key)
        outputs = []
        for output in graph.outputs:
            use = output.operand
            members = tidy(use.members, len(graph.type(use.node)))
            whole = members is None and not use.transposed
            if not whole or use.node in taken or isinstance(graph.op(use.node), Input | View):
                origin = Origin(output.names[0], output.span)
                copy = Combine(graph.operand_type(use), (Term(use),), None, origin)
                use = Operand(rewrite.emit(copy))
            taken.add(use.node)
            outputs.append(replace(output, operand=Operand(use.node)))
        return renumbered(rewrite.graph(tuple(outputs)))
