"""What passes share: a graph being rewritten node by node in, a new `Graph` out; and algebra on operands.

A `Rewrite` keeps the old graph's keys for what it takes over, so a pass reads like the graph it
works on and makes no new objects for what it leaves alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, assert_never

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Chain,
    Combine,
    Input,
    Join,
    Node,
    Operand,
    Output,
    Product,
    Term,
    Transpose,
    View,
    operands,
)

Members = np.ndarray | None

Slot = Literal[
    "x", "factor", "lhs", "rhs", "by", "term", "term_by", "addend", "addend_by", "part", "view", "output"
]


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One use of a node: by whom (None: an `Output`), in which of its slots, and how."""

    reader: int | None
    slot: Slot
    place: int
    operand: Operand


class Rewrite:
    """The new graph of a pass in the making.

    `ops` holds its nodes, in an order in which everything read comes first.  `moved[key]` says how
    an old node's value is written in the new graph; what is not in it kept its key.
    """

    def __init__(self, old: Graph) -> None:
        self.old = old
        self.ops: dict[int, Node] = {}
        self.moved: dict[int, Operand] = {}
        self._next = max(old, default=-1) + 1

    def use(self, operand: Operand) -> Operand:
        """An operand of the old graph, written in the new one."""
        value = self.moved.get(operand.node)
        return operand if value is None else through(operand, value)

    def keep(self, key: int) -> None:
        """Take over an old node, its operands rewritten."""
        self.ops[key] = with_operands(self.old.op(key), self.use) if self.moved else self.old.op(key)

    def emit(self, node: Node) -> int:
        """Add a node that the old graph does not have; returns its key."""
        key = self._next
        self._next += 1
        self.ops[key] = node
        return key

    def graph(self, outputs: tuple[Output, ...] | None = None) -> Graph:
        """The new graph; its outputs are the old ones rewritten unless given."""
        shown = self.old.outputs if outputs is None else outputs
        if outputs is None and self.moved:
            shown = tuple(replace(output, operand=self.use(output.operand)) for output in shown)
        new = Graph()
        for key, node in self.ops.items():
            new.add(node, key)
        new.outputs = shown
        return new


def renumbered(graph: Graph) -> Graph:
    """The same graph with keys 0, 1, … in order."""
    numbers = {key: number for number, key in enumerate(graph.order())}

    def use(operand: Operand) -> Operand:
        number = numbers[operand.node]
        return operand if number == operand.node else Operand(number, operand.members, operand.transposed)

    new = Graph()
    for key in graph.order():
        new.add(with_operands(graph.op(key), use))
    new.outputs = tuple(replace(output, operand=use(output.operand)) for output in graph.outputs)
    return new


# ---------------------------------------------------------------- member maps


def compose(outer: Members, inner: Members) -> Members:
    """The map that takes t to `inner[outer[t]]`; None is the identity."""
    if inner is None or outer is None:
        return outer if inner is None else inner
    return inner[outer]


def tidy(members: Members, count: int) -> Members:
    """None where `members` is the identity on `count` members, else the map itself."""
    if members is None or len(members) != count:
        return members
    return None if np.array_equal(members, np.arange(count)) else members


def injective(members: Members) -> bool:
    """Whether no member is read twice."""
    if members is None or len(members) < 2:
        return True
    return bool(np.bincount(members).max() == 1)


def same_members(a: Members, b: Members) -> bool:
    """Whether two maps are equal (the identity spelt out is not looked for)."""
    if a is None or b is None:
        return a is b
    return a is b or np.array_equal(a, b)


# ---------------------------------------------------------------- operands, terms, nodes


def through(use: Operand, value: Operand) -> Operand:
    """A use of something that is itself `value`: maps compose, transposes cancel."""
    return Operand(value.node, compose(use.members, value.members), use.transposed != value.transposed)


def taken(operand: Operand, members: Members) -> Operand:
    """The operand re-indexed: its new term t is its old term `members[t]`."""
    if members is None:
        return operand
    return Operand(operand.node, compose(members, operand.members), operand.transposed)


def flipped(operand: Operand) -> Operand:
    """The operand's transpose."""
    return Operand(operand.node, operand.members, not operand.transposed)


def taken_term(term: Term, members: Members) -> Term:
    """A term re-indexed as `taken` does."""
    if members is None:
        return term
    return Term(taken(term.x, members), term.factor, None if term.by is None else taken(term.by, members))


def flipped_node(node: Node) -> Node:
    """The node whose members are the transposes of `node`'s, by transposing what it reads."""
    type = node.type.transpose()
    match node:
        case Product():
            addends = tuple(replace(term, x=flipped(term.x)) for term in node.addends)
            return replace(node, type=type, lhs=flipped(node.rhs), rhs=flipped(node.lhs), addends=addends)
        case Chain(factors=factors):
            return replace(node, type=type, factors=tuple(flipped(f) for f in reversed(factors)))
        case Combine(terms=terms):
            return replace(node, type=type, terms=tuple(replace(term, x=flipped(term.x)) for term in terms))
        case Input() | Transpose() | Join() | View():
            raise AssertionError("only what is computed from operands can be turned round")
        case _:
            assert_never(node)


def with_operands(node: Node, rewrite: Callable[[Operand], Operand]) -> Node:
    """The node with every operand replaced (itself where none is); a `Join`'s part stays a whole node."""
    old = operands(node)
    new = [rewrite(operand) for operand in old]
    if all(a is b for a, b in zip(old, new, strict=True)) and not isinstance(node, Join):
        return node
    left = iter(new)

    def by(scalar: Operand | None) -> Operand | None:
        return None if scalar is None else next(left)

    def term(old: Term) -> Term:
        return Term(next(left), old.factor, by(old.by))

    match node:
        case Input():
            return node
        case Transpose() | View():
            return replace(node, x=next(left))
        case Chain():
            return Chain(node.type, tuple(left), node.arithmetic, node.left, node.origin)
        case Product():
            lhs, rhs, scale = next(left), next(left), by(node.by)
            addends = tuple(term(addend) for addend in node.addends)
            return Product(
                node.type, lhs, rhs, node.factor, scale, node.target, addends, node.arithmetic, node.origin
            )
        case Combine():
            return Combine(node.type, tuple(term(old) for old in node.terms), node.target, node.origin)
        case Join():
            assert all(part.members is None and not part.transposed for part in new)
            return Join(node.type, tuple(part.node for part in new), node.places, node.origin)
        case _:
            assert_never(node)


# ---------------------------------------------------------------- who reads what


def node_uses(key: int, node: Node) -> list[tuple[int, Use]]:
    """What `node` reads, as (key of what is read, the use)."""
    slots: list[tuple[Slot, int, Operand | None]]
    match node:
        case Input():
            slots = []
        case Transpose(x=x):
            slots = [("x", 0, x)]
        case View(x=x):
            slots = [("view", 0, x)]
        case Chain(factors=factors):
            slots = [("factor", place, factor) for place, factor in enumerate(factors)]
        case Product():
            slots = [("lhs", 0, node.lhs), ("rhs", 0, node.rhs), ("by", 0, node.by)]
            slots += [("addend", place, term.x) for place, term in enumerate(node.addends)]
            slots += [("addend_by", place, term.by) for place, term in enumerate(node.addends)]
        case Combine(terms=terms):
            slots = [("term", place, term.x) for place, term in enumerate(terms)]
            slots += [("term_by", place, term.by) for place, term in enumerate(terms)]
        case Join(parts=parts):
            slots = [("part", place, Operand(part)) for place, part in enumerate(parts)]
        case _:
            assert_never(node)
    return [(operand.node, Use(key, slot, place, operand)) for slot, place, operand in slots if operand]


def uses(graph: Graph) -> dict[int, list[Use]]:
    """Every use of every node: readers in order, then outputs."""
    uses_of: dict[int, list[Use]] = {key: [] for key in graph}
    for key in graph.order():
        for read, use in node_uses(key, graph.op(key)):
            uses_of[read].append(use)
    for place, output in enumerate(graph.outputs):
        uses_of[output.operand.node].append(Use(None, "output", place, output.operand))
    return uses_of
