"""A graph and a number of copies in, one graph that computes all copies out.

A family of N members becomes one of B·N, copy after copy; what is the same for all copies stays
as it is and is read through maps, so nothing is repeated in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Chain,
    Combine,
    FamilyType,
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
from raggeddsl.graph.passes.rewrite import with_operands


@dataclass(frozen=True, eq=False)
class Batched:
    """`graph` takes and gives, in the order of the graph that was batched, buffers of B copies or one.

    `outputs` says which outputs have B copies.
    """

    graph: Graph
    outputs: tuple[bool, ...]


def batch(graph: Graph, batched: Sequence[bool], size: int) -> Batched:
    """`graph`, in normal form, for `size` copies of the inputs that are `batched`; in normal form too."""
    many = {key for key, is_batched in zip(graph.inputs, batched, strict=True) if is_batched}
    for key in graph.order():
        if any(use.node in many for use in operands(graph.op(key))):
            many.add(key)
    build = _Copies(graph, many, size)
    for key in graph.order():
        build.emit(key)
    build.new.outputs = tuple(
        Output((output.names or ("",))[:1], Operand(build.keys[output.operand.node]), True, output.span)
        for output in graph.outputs
    )
    return Batched(build.new, tuple(output.operand.node in many for output in graph.outputs))


class _Copies:
    """The graph of all copies in the making; `keys` says what an old node is called in it."""

    def __init__(self, graph: Graph, many: set[int], size: int) -> None:
        self.old = graph
        self.many = many
        self.size = size
        self.new = Graph()
        self.keys: dict[int, int] = {}

    def emit(self, key: int) -> None:
        op = self.old.op(key)
        self.keys[key] = self.new.add(self.repeated(op) if key in self.many else self.once(op))

    def once(self, op: Node) -> Node:
        if isinstance(op, Input):
            return replace(op, names=op.names[:1] or ("",), family=True)
        return with_operands(op, lambda use: replace(use, node=self.keys[use.node]))

    def repeated(self, op: Node) -> Node:
        """The node whose members are those of all copies."""
        type = self.type(op.type)
        count = len(op.type)
        match op:
            case Input():
                return Input(type, op.names[:1] or ("",), True, op.origin)
            case Product():
                terms = count if op.target is None else len(op.target)
                return replace(
                    op,
                    type=type,
                    lhs=self.use(op.lhs, terms),
                    rhs=self.use(op.rhs, terms),
                    by=None if op.by is None else self.use(op.by, terms),
                    target=self.shifted(op.target, count),
                    addends=tuple(self.term(term, count) for term in op.addends),
                )
            case Combine():
                terms = count if op.target is None else len(op.target)
                copied = tuple(self.term(term, terms) for term in op.terms)
                return replace(op, type=type, terms=copied, target=self.shifted(op.target, count))
            case Join():
                parts = tuple(self.part(part) for part in op.parts)
                places = tuple(self.each(place, count) for place in op.places)
                return replace(op, type=type, parts=parts, places=places)
            case View():
                return replace(op, type=type, x=self.use(op.x, count))
            case Transpose() | Chain():
                raise AssertionError("a graph in normal form has no transposes and no chains")
            case _:
                assert_never(op)

    def type(self, family: FamilyType) -> FamilyType:
        return replace(family, rows=np.tile(family.rows, self.size), cols=np.tile(family.cols, self.size))

    def each(self, members: np.ndarray, count: int) -> np.ndarray:
        """A map into `count` members as a map into those of all copies, copy after copy."""
        starts = np.arange(self.size, dtype=np.int64) * count
        return (starts[:, None] + members).reshape(-1)

    def shifted(self, target: np.ndarray | None, count: int) -> np.ndarray | None:
        return None if target is None else self.each(target, count)

    def use(self, operand: Operand, terms: int) -> Operand:
        """An operand with `terms` terms, for all copies."""
        key, members = self.keys[operand.node], operand.members
        if operand.node in self.many:
            if members is not None:
                members = self.each(members, len(self.old.type(operand.node)))
        else:
            members = np.tile(np.arange(terms) if members is None else members, self.size)
        return Operand(key, members, operand.transposed)

    def term(self, term: Term, terms: int) -> Term:
        by = None if term.by is None else self.use(term.by, terms)
        return Term(self.use(term.x, terms), term.factor, by)

    def part(self, key: int) -> int:
        """A part of a join, with members of its own for each copy."""
        if key in self.many:
            return self.keys[key]
        family = self.old.type(key)
        copied = Combine(self.type(family), (Term(self.use(Operand(key), len(family))),))
        return self.new.add(copied)
