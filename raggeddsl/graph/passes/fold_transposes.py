"""`fold_transposes`: transposes in, operand flags of the products that read them out.

Three steps: `Transpose` nodes become flags on what reads them; a flag on something that is its
own transpose (`X @ X.T`) is dropped; and an operation that is shown or summed only as its
transpose is turned round, by `(A @ B).T = B.T @ A.T`, since there a transpose would cost a copy.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Input, Join, Node, Operand, Product, Term, Transpose, View
from raggeddsl.graph.passes.rewrite import (
    Rewrite,
    Use,
    flipped,
    flipped_node,
    same_members,
    uses,
    with_operands,
)


@dataclass(frozen=True)
class FoldTransposes:
    """Leaves no `Transpose` node, and no flag where turning the operand's node round saves a copy."""

    name: ClassVar[str] = "fold_transposes"

    def apply(self, graph: Graph) -> Graph:
        """The graph with transposes folded."""
        return _turned(_flagged(graph))


def _flagged(graph: Graph) -> Graph:
    """Transposes as flags on operands; flags on scalars and on symmetric members dropped."""
    rewrite = Rewrite(graph)
    plain: set[int] = set()

    def use(operand: Operand) -> Operand:
        rewritten = rewrite.use(operand)
        if rewritten.transposed and rewritten.node in plain:
            return Operand(rewritten.node, rewritten.members)
        return rewritten

    for key in graph.order():
        match graph.op(key):
            case Transpose(x=x):
                rewrite.moved[key] = use(flipped(x))
            case node:
                new = with_operands(node, use)
                rewrite.ops[key] = new
                if new.type.scalar or _symmetric(new, plain):
                    plain.add(key)
    outputs = tuple(replace(output, operand=use(output.operand)) for output in graph.outputs)
    return rewrite.graph(outputs)


def _symmetric(node: Node, plain: set[int]) -> bool:
    """Whether every member is its own transpose, seen from the operands alone."""
    if not np.array_equal(node.type.rows, node.type.cols):
        return False  # a member that no term reaches need not be square
    match node:
        case Product():
            return _palindrome((node.lhs, node.rhs), plain) and _all_plain(node.addends, plain)
        case Chain(factors=factors):
            return _palindrome(factors, plain)
        case Combine(terms=terms):
            return bool(terms) and _all_plain(terms, plain)
        case Join(parts=parts):
            return all(part in plain for part in parts)
        case Input() | Transpose() | View():
            return False
        case _:
            assert_never(node)


def _all_plain(terms: tuple[Term, ...], plain: set[int]) -> bool:
    return all(term.x.node in plain for term in terms)


def _palindrome(factors: tuple[Operand, ...], plain: set[int]) -> bool:
    """Whether the factors, transposed and in reverse, are the factors again."""
    return all(
        a.node == b.node
        and (a.transposed != b.transposed or a.node in plain)
        and same_members(a.members, b.members)
        for a, b in zip(factors, reversed(factors), strict=True)
    )


def _turned(graph: Graph) -> Graph:
    """Operations turned round where that saves a copy, readers first."""
    uses_of = uses(graph)
    turned: set[int] = set()

    def transposed(use: Use) -> bool:
        return use.operand.transposed != (use.reader in turned)

    for key in reversed(graph.order()):
        if isinstance(graph.op(key), Product | Chain | Combine):
            costly = [transposed(use) for use in uses_of[key] if use.slot in _COSTLY]
            if costly and all(costly):
                turned.add(key)
    if not turned:
        return graph

    def turn(operand: Operand) -> Operand:
        return flipped(operand) if operand.node in turned else operand

    rewrite = Rewrite(graph)
    for key in graph.order():
        node = graph.op(key)
        rewrite.ops[key] = with_operands(flipped_node(node) if key in turned else node, turn)
    outputs = tuple(replace(output, operand=turn(output.operand)) for output in graph.outputs)
    return rewrite.graph(outputs)


_COSTLY = ("term", "addend", "part", "view", "output")
"""The slots where a transpose costs a copy; a product takes one for nothing."""
