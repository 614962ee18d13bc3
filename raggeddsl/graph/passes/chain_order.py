"""`chain_order`: products of many factors in, products of two out, in the cheapest order of each member.

Members whose order is the same go together; where a chain needs several orders, a `Join` puts
the groups' results together again.  Groups are few (at most 16), so that a program stays small.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Chain, FamilyType, Join, Node, Operand, Product
from raggeddsl.graph.passes.association import MULTIPLY, Tree, groups, left_tree
from raggeddsl.graph.passes.numbering import Numbers
from raggeddsl.graph.passes.rewrite import Members, Rewrite, flipped, injective, taken


@dataclass(frozen=True)
class ChainOrder:
    """Chooses an order for every chain by exact FLOP, member by member, ties to the left.

    A product of two neighbours that the graph computes anyway costs nothing, and one whose
    operands' maps repeat counts once for each distinct pair, as `common_subexpressions` will have
    it.  `most` bounds the number of different orders in one chain, and `products` that of the
    products in all of them (the five factors' fourteen orders fit).
    """

    name: ClassVar[str] = "chain_order"
    most: int = 16
    products: int = 64

    def apply(self, graph: Graph) -> Graph:
        """The graph without chains; itself if there are none."""
        if not any(isinstance(graph.op(key), Chain) for key in graph):
            return graph
        known = _Known()
        for key in graph:
            known.add(graph.op(key))
        rewrite = Rewrite(graph)
        for key in graph.order():
            match graph.op(key):
                case Chain() as chain:
                    _Spelling(rewrite, known, chain, self._groups(graph, known, chain)).emit(key)
                case Join() as join:
                    rewrite.ops[key] = _unnested(rewrite, join)
                case _:
                    rewrite.keep(key)
        return rewrite.graph()

    def _groups(self, graph: Graph, known: _Known, chain: Chain) -> list[tuple[Tree, Members]]:
        """The orders to use and the members of each (None: all)."""
        if chain.left or len(chain.factors) == 2 or len(chain.type) == 0:
            return [(left_tree(len(chain.factors)), None)]
        free = {place for place in range(len(chain.factors) - 1) if known.pair(chain, place)}
        most = max(1, min(self.most, self.products // (len(chain.factors) - 1)))
        return groups(_sizes(graph, chain), free, _weights(chain), most)


def _sizes(graph: Graph, chain: Chain) -> np.ndarray:
    """i64[factors + 1, N]: factor f of member i is `sizes[f, i]` by `sizes[f + 1, i]`."""
    types = [graph.operand_type(factor) for factor in chain.factors]
    return np.stack([types[0].rows] + [type.cols for type in types])


def _weights(chain: Chain) -> dict[tuple[int, int], np.ndarray]:
    """f64[N] for factors i to j whose maps repeat together: one over how often a member's piece occurs."""
    maps = [None if injective(factor.members) else factor.members for factor in chain.factors]
    weights = {}
    for i, first in enumerate(maps):
        piece = first
        for j in range(i + 1, len(maps)):
            other = maps[j]
            if piece is None or other is None:
                break
            pairs = np.stack([piece, other])
            _, piece, counts = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
            piece = piece.reshape(-1)
            weights[i, j] = 1.0 / counts[piece]
    return weights


@dataclass
class _Known:
    """The plain products of two operands that the graph has, by value."""

    numbers: Numbers = field(default_factory=Numbers)
    values: set = field(default_factory=set)

    def add(self, node: Node) -> None:
        match node:
            case Product(target=None, by=None, addends=(), factor=1):
                self.values.add(self._value(node.lhs, node.rhs, node.type.dtype, node.arithmetic))
                other = self._value(flipped(node.rhs), flipped(node.lhs), node.type.dtype, node.arithmetic)
                self.values.add(other)

    def pair(self, chain: Chain, place: int) -> bool:
        """Whether the product of factors `place` and `place + 1` is there."""
        lhs, rhs = chain.factors[place : place + 2]
        return self._value(lhs, rhs, chain.type.dtype, chain.arithmetic) in self.values

    def _value(self, lhs: Operand, rhs: Operand, dtype: str, arithmetic: Arithmetic) -> tuple:
        return self.numbers.operand(lhs), self.numbers.operand(rhs), dtype, arithmetic


@dataclass
class _Spelling:
    """One chain being written as products."""

    rewrite: Rewrite
    known: _Known
    chain: Chain
    pieces: list[tuple[Tree, Members]]

    def emit(self, key: int) -> None:
        """Emit the products, the last of them (or the `Join` of all groups' last) under `key`."""
        roots = [self.product(tree, self.factors(members)) for tree, members in self.pieces]
        if len(roots) == 1:
            self.rewrite.ops[key] = replace(roots[0], type=self.chain.type)
            return
        parts = tuple(self.rewrite.emit(root) for root in roots)
        places = tuple(members for _, members in self.pieces if members is not None)
        self.rewrite.ops[key] = Join(self.chain.type, parts, places, self.chain.origin)

    def factors(self, members: Members) -> list[tuple[Operand, FamilyType]]:
        found = []
        for factor in self.chain.factors:
            use = taken(self.rewrite.use(factor), members)
            own = self.rewrite.ops[use.node].type
            type = own if use.members is None else own.take(use.members)
            found.append((use, type.transpose() if use.transposed else type))
        return found

    def product(self, tree: Tree, factors: list[tuple[Operand, FamilyType]]) -> Product:
        """The last product of `tree`; those before it are emitted."""
        chain = self.chain
        stack: list[tuple[Operand, FamilyType]] = []
        for number, step in enumerate(tree):
            if step != MULTIPLY:
                stack.append(factors[step])
                continue
            (rhs, right), (lhs, left) = stack.pop(), stack.pop()
            type = FamilyType(left.rows, right.cols, chain.type.dtype)
            product = Product(type, lhs, rhs, arithmetic=chain.arithmetic, origin=chain.origin)
            self.known.add(product)
            if number == len(tree) - 1:
                return product
            stack.append((Operand(self.rewrite.emit(product)), type))
        raise AssertionError("an order ends with a product")


def _unnested(rewrite: Rewrite, join: Join) -> Join:
    """The join with parts that are themselves joins replaced by their parts."""
    parts: list[int] = []
    places: list[np.ndarray] = []
    for part, place in zip(join.parts, join.places, strict=True):
        inner = rewrite.ops[part]
        if isinstance(inner, Join):
            del rewrite.ops[part]
            parts += inner.parts
            places += [place[own] for own in inner.places]
        else:
            parts.append(part)
            places.append(place)
    return replace(join, parts=tuple(parts), places=tuple(places))
