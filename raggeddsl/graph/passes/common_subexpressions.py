"""`common_subexpressions`: equal operations in, each once out; equal members of one product once too.

Value numbering: a node's value is known by its operation, operands and maps (by content), so one
walk in order finds every repetition.  Terms of a sum may come in any order, and a product is also
found by its transpose.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Input, Join, Node, Operand, Product
from raggeddsl.graph.passes.numbering import Numbers
from raggeddsl.graph.passes.rewrite import (
    Rewrite,
    flipped,
    flipped_node,
    injective,
    taken,
    through,
    tidy,
    with_operands,
)
from raggeddsl.tuning import DEFAULT, GraphTuning


@dataclass(frozen=True)
class CommonSubexpressions:
    """Computes what is equal once.

    Where a map lets members of a product repeat, each pair of operands is multiplied once;
    readers get the map.  An output whose copies would cost more than its products keeps them
    all, and what else reads it reads the first of each kind.
    """

    name: ClassVar[str] = "common_subexpressions"
    tuning: GraphTuning = DEFAULT.graph

    def apply(self, graph: Graph) -> Graph:
        """The graph with repetitions left out; itself if there are none."""
        rewrite = Rewrite(graph)
        values = _Values(rewrite)
        fixed = _parts(graph)
        shown = {output.operand.node for output in graph.outputs}
        whole: set[int] = set()
        for key in graph.order():
            node = with_operands(graph.op(key), lambda operand: values.tidied(rewrite.use(operand)))
            if key in fixed or isinstance(node, Input | Join):
                rewrite.ops[key] = node
                continue
            known = values.find(node)
            if known is not None:
                rewrite.moved[key] = known
                continue
            repetition = _repetition(rewrite, node) if isinstance(node, Product) else None
            if repetition is None or not isinstance(node, Product):
                values.keep(key, node)
                continue
            first, inverse = repetition
            distinct = values.taken(node, first)
            if key in shown and not _worth_copying(rewrite, node, first, self.tuning.copied_flop):
                rewrite.ops[key] = node
                whole.add(key)
                values.put(distinct, Operand(key, first))
            known = values.find(distinct) or values.keep(key, distinct)
            rewrite.moved[key] = through(Operand(key, inverse), known)
            values.put(node, rewrite.moved[key])
        if all(rewrite.ops.get(key) is graph.op(key) for key in graph):
            return graph
        outputs = (
            output if output.operand.node in whole else replace(output, operand=rewrite.use(output.operand))
            for output in graph.outputs
        )
        return rewrite.graph(tuple(outputs))


@dataclass
class _Values:
    """What the new graph computes, by value."""

    rewrite: Rewrite
    numbers: Numbers = field(default_factory=Numbers)
    known: dict[Hashable, Operand] = field(default_factory=dict)

    def find(self, node: Node) -> Operand | None:
        """Where the value of `node` is, if it is known."""
        return self.known.get(self.numbers.of(node))

    def put(self, node: Node, value: Operand) -> None:
        """`node` is `value`, and its transpose that of `value`."""
        self.known[self.numbers.of(node)] = value
        if isinstance(node, Product | Chain):
            self.known.setdefault(self.numbers.of(flipped_node(node)), flipped(value))

    def keep(self, key: int, node: Node) -> Operand:
        """Compute `node` under `key`."""
        self.rewrite.ops[key] = node
        self.put(node, Operand(key))
        return Operand(key)

    def taken(self, node: Product, members: np.ndarray) -> Product:
        """The product of only these members."""
        type = node.type.take(members)
        by = None if node.by is None else self.tidied(taken(node.by, members))
        lhs, rhs = (self.tidied(taken(side, members)) for side in (node.lhs, node.rhs))
        return replace(node, type=type, lhs=lhs, rhs=rhs, by=by)

    def tidied(self, operand: Operand) -> Operand:
        """The same use, without its map where that is the identity."""
        members = tidy(operand.members, len(self.rewrite.ops[operand.node].type))
        return operand if members is operand.members else replace(operand, members=members)


def _parts(graph: Graph) -> set[int]:
    """Nodes that only their `Join` may read."""
    joins = [graph.op(key) for key in graph]
    return {part for node in joins if isinstance(node, Join) for part in node.parts}


def _repetition(rewrite: Rewrite, node: Product) -> tuple[np.ndarray, np.ndarray] | None:
    """The first member of each distinct pair of operands, and which of these each member is.

    None where no pair repeats.
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
    return first, inverse


def _worth_copying(rewrite: Rewrite, node: Product, first: np.ndarray, least: float) -> bool:
    """Whether the products saved cost more than writing every member once more."""
    lhs = rewrite.ops[node.lhs.node].type
    inner = (lhs.rows if node.lhs.transposed else lhs.cols)[node.lhs.members]
    flop = 2.0 * node.type.sizes * inner
    return bool(flop.sum() - flop[first].sum() > least * node.type.sizes.sum())
