"""`common_subexpressions`: equal operations in, each once out; equal members of one product once too.

Value numbering: a node's value is known by its operation, operands and maps (by content), so one
walk in order finds every repetition.  Terms of a sum may come in any order, and a product is also
found by its transpose.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Input, Join, Operand, Product
from raggeddsl.graph.passes.numbering import Numbers
from raggeddsl.graph.passes.rewrite import (
    Rewrite,
    flipped,
    flipped_node,
    injective,
    taken,
    with_operands,
)

_FLOP_A_COPY = 100.0
"""What a core multiplies and adds while it writes one element more (100 GFLOP/s, 1 ns)."""


@dataclass(frozen=True)
class CommonSubexpressions:
    """Computes what is equal once.

    Where a map lets members of a product repeat, each pair of operands is multiplied once;
    readers get the map.
    """

    name: ClassVar[str] = "common_subexpressions"

    def apply(self, graph: Graph) -> Graph:
        """The graph with repetitions left out; itself if there are none."""
        rewrite = Rewrite(graph)
        fixed = _parts(graph)
        shown = {output.operand.node for output in graph.outputs}
        numbers = Numbers()
        known: dict[Hashable, Operand] = {}
        for key in graph.order():
            node = with_operands(graph.op(key), rewrite.use) if rewrite.moved else graph.op(key)
            if key in fixed or isinstance(node, Input | Join):
                rewrite.ops[key] = node
                continue
            value = numbers.of(node)
            if value in known:
                rewrite.moved[key] = known[value]
                continue
            rewrite.ops[key] = node
            known[value] = Operand(key)
            if isinstance(node, Product):
                found = _distinct_members(rewrite, node, key in shown)
                if found is not None:
                    rewrite.ops[key], inverse = found
                    known[value] = rewrite.moved[key] = Operand(key, inverse)
            if isinstance(node, Product | Chain):
                known.setdefault(numbers.of(flipped_node(node)), flipped(known[value]))
        return rewrite.graph() if rewrite.moved else graph


def _parts(graph: Graph) -> set[int]:
    """Nodes that only their `Join` may read."""
    joins = [graph.op(key) for key in graph]
    return {part for node in joins if isinstance(node, Join) for part in node.parts}


def _distinct_members(rewrite: Rewrite, node: Product, shown: bool) -> tuple[Product, np.ndarray] | None:
    """The product of each distinct pair of members, and which of them is each old member.

    None where no pair repeats, or where the copies that an output would need cost more than the
    products saved.
    """
    uses = [node.lhs, node.rhs] + ([] if node.by is None else [node.by])
    if node.target is not None or node.addends or any(injective(use.members) for use in uses):
        return None
    pairs = np.zeros(len(node.type), np.int64)
    for use in uses:
        assert use.members is not None
        count = len(rewrite.ops[use.node].type)
        if pairs.max() >= 2**62 // count:
            pairs = np.unique(pairs, return_inverse=True)[1].reshape(-1)
        pairs = pairs * count + use.members
    _, first, inverse = np.unique(pairs, return_index=True, return_inverse=True)
    if len(first) == len(pairs):
        return None
    order = np.argsort(first)
    first, inverse = first[order], np.argsort(order)[inverse.reshape(-1)]
    if shown and not _worth_copying(rewrite, node, first):
        return None
    by = None if node.by is None else taken(node.by, first)
    lhs, rhs = taken(node.lhs, first), taken(node.rhs, first)
    return replace(node, type=node.type.take(first), lhs=lhs, rhs=rhs, by=by), inverse


def _worth_copying(rewrite: Rewrite, node: Product, first: np.ndarray) -> bool:
    """Whether the products saved cost more than writing every member once more."""
    lhs = rewrite.ops[node.lhs.node].type
    inner = (lhs.rows if node.lhs.transposed else lhs.cols)[node.lhs.members]
    flop = 2.0 * node.type.sizes * inner
    return bool(flop.sum() - flop[first].sum() > _FLOP_A_COPY * node.type.sizes.sum())
