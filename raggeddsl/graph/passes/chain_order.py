"""`chain_order`: products of many factors in, products of two out, in the cheapest order of each member.

Members whose order is the same go together; where a chain needs several orders, a `Join` puts
the groups' results together again.  Groups are few (at most 16), so that a program stays small,
and a product that several of them have is one for all their members.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Chain, FamilyType, Join, Node, Operand, Product
from raggeddsl.graph.passes.association import Spans, groups, left_tree
from raggeddsl.graph.passes.forest import Orders, Piece, Repeats, flop, pieces
from raggeddsl.graph.passes.numbering import Numbers
from raggeddsl.graph.passes.rewrite import Members, Rewrite, flipped, injective, taken, tidy
from raggeddsl.tuning import DEFAULT, GraphTuning


@dataclass(frozen=True)
class ChainOrder:
    """Chooses an order for every chain by exact FLOP, member by member, ties to the left.

    A product of two neighbours that the graph computes anyway costs nothing, and one whose
    operands' maps repeat counts once for each distinct pair, as `common_subexpressions` will have
    it.
    """

    name: ClassVar[str] = "chain_order"
    tuning: GraphTuning = DEFAULT.graph

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
                    free = known.pairs(chain)
                    _Spelling(rewrite, known, chain, free, self._orders(graph, chain, free)).emit(key)
                case Join() as join:
                    rewrite.ops[key] = _unnested(rewrite, join)
                case _:
                    rewrite.keep(key)
        return rewrite.graph()

    def _orders(self, graph: Graph, chain: Chain, free: set[int]) -> Orders:
        """The orders to use and the members of each (None: all).

        Each member's own choice cannot know who else wants a piece that members share, so the
        whole is weighed against one order for all; and against what would be chosen if no
        product were there already, so that a chain never costs more for being beside another.
        """
        factors = len(chain.factors)
        if chain.left or factors == 2 or len(chain.type) == 0:
            return [(left_tree(factors), None)]
        sizes, repeats = _sizes(graph, chain), _repeats(chain)
        weights = _weights(repeats)
        most = max(1, min(self.tuning.most_orders, self.tuning.chain_products // (factors - 1)))
        candidates: list[Orders] = [groups(sizes, free, weights, most, self.tuning)]
        if weights and len(candidates[0]) > 1:
            candidates.append(groups(sizes, free, weights, 1, self.tuning))
        if free:
            candidates += [groups(sizes, set(), weights, count, self.tuning) for count in (most, 1)]
        if len(candidates) == 1:
            return candidates[0]
        return min(candidates, key=lambda orders: flop(orders, sizes, free, repeats))


def _sizes(graph: Graph, chain: Chain) -> np.ndarray:
    """i64[factors + 1, N]: factor f of member i is `sizes[f, i]` by `sizes[f + 1, i]`."""
    types = [graph.operand_type(factor) for factor in chain.factors]
    return np.stack([types[0].rows] + [type.cols for type in types])


def _repeats(chain: Chain) -> Repeats:
    """For the factors i to j whose maps repeat together, which members' pieces are the same."""
    maps = [None if injective(factor.members) else factor.members for factor in chain.factors]
    repeats = {}
    for i, first in enumerate(maps):
        piece = first
        for j in range(i + 1, len(maps)):
            following = maps[j]
            if piece is None or following is None:
                break
            piece = np.unique(np.stack([piece, following]), axis=1, return_inverse=True)[1].reshape(-1)
            repeats[i, j] = piece
    return repeats


def _weights(repeats: Repeats) -> Spans:
    """f64[N] for each piece that repeats: one over how often a member's occurs."""
    return {span: 1.0 / np.bincount(piece)[piece] for span, piece in repeats.items()}


@dataclass
class _Known:
    """The plain products of two operands that the graph has, by value."""

    numbers: Numbers = field(default_factory=Numbers)
    values: set = field(default_factory=set)

    def add(self, node: Node) -> None:
        match node:
            case Product(target=None, by=None, addends=(), factor=1):
                self.values.add(self._value(node.lhs, node.rhs, node.type.dtype, node.arithmetic))
                mirrored = self._value(flipped(node.rhs), flipped(node.lhs), node.type.dtype, node.arithmetic)
                self.values.add(mirrored)

    def pairs(self, chain: Chain) -> set[int]:
        """The places p where the product of factors p and p + 1 is there, for all members."""
        neighbours = zip(chain.factors, chain.factors[1:], strict=False)
        dtype, arithmetic = chain.type.dtype, chain.arithmetic
        return {
            place
            for place, (lhs, rhs) in enumerate(neighbours)
            if self._value(lhs, rhs, dtype, arithmetic) in self.values
        }

    def _value(self, lhs: Operand, rhs: Operand, dtype: str, arithmetic: Arithmetic) -> tuple:
        return self.numbers.operand(lhs), self.numbers.operand(rhs), dtype, arithmetic


@dataclass
class _Spelling:
    """One chain being written as products; `free` as in `pieces`."""

    rewrite: Rewrite
    known: _Known
    chain: Chain
    free: set[int]
    orders: Orders

    def emit(self, key: int) -> None:
        """Emit the products, the last of them (or the `Join` of all orders' last) under `key`."""
        chain = self.chain
        chain_pieces, roots = pieces(self.orders, len(chain.factors), len(chain.type), self.free)
        operands: list[tuple[Operand, Members]] = [
            (self.rewrite.use(factor), None) for factor in chain.factors
        ]
        for place, piece in enumerate(chain_pieces):
            product = self.product(piece, operands)
            if roots == [place]:
                self.rewrite.ops[key] = replace(product, type=chain.type)
                return
            self.known.add(product)
            operands.append((Operand(self.rewrite.emit(product)), piece.members))
        parts = tuple(operands[len(chain.factors) + root][0].node for root in roots)
        places = tuple(members for _, members in self.orders if members is not None)
        self.rewrite.ops[key] = Join(chain.type, parts, places, chain.origin)

    def product(self, piece: Piece, operands: list[tuple[Operand, Members]]) -> Product:
        """The product of what was found before it, as (what to read, for which members)."""
        lhs, rhs = (_read(*operands[side], piece.members) for side in (piece.left, piece.right))
        rows, cols = self.type(lhs).rows, self.type(rhs).cols
        type = FamilyType(rows, cols, self.chain.type.dtype)
        return Product(type, lhs, rhs, arithmetic=self.chain.arithmetic, origin=self.chain.origin)

    def type(self, use: Operand) -> FamilyType:
        """The type that `use` presents to its reader."""
        stored = self.rewrite.ops[use.node].type
        type = stored if use.members is None else stored.take(use.members)
        return type.transpose() if use.transposed else type


def _read(use: Operand, there: Members, wanted: Members) -> Operand:
    """`use`, which has the members `there` of a chain, for those `wanted` of them; both ascending."""
    if there is wanted:
        return use
    if there is None or wanted is None:
        return taken(use, wanted)
    return taken(use, tidy(np.searchsorted(there, wanted), len(there)))


def _unnested(rewrite: Rewrite, join: Join) -> Join:
    """The join with parts that are themselves joins replaced by their parts."""
    parts: list[int] = []
    places: list[np.ndarray] = []
    for part, place in zip(join.parts, join.places, strict=True):
        inner = rewrite.ops[part]
        if isinstance(inner, Join):
            del rewrite.ops[part]
            parts += inner.parts
            places += [place[inner_place] for inner_place in inner.places]
        else:
            parts.append(part)
            places.append(place)
    return replace(join, parts=tuple(parts), places=tuple(places))
