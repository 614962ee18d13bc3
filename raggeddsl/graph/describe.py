"""A graph in, words for its nodes out: `H = A @ B`, `sum(A.T @ A)`, `A @ (B @ W)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Input, Join, Operand, Product, Term, Transpose, View
from raggeddsl.graph.passes.rewrite import Members, taken

MOST_TERMS = 4
"""How many terms of a sum are written out before `...`."""

DEEPEST = 12
"""How many brackets deep a chain is written out; further in, a product is its stage's number."""


@dataclass(frozen=True, eq=False)
class Words:
    """How the nodes of one graph are called and written; see `describe`.

    `singles` has the nodes whose members are matrices with names of their own.
    """

    graph: Graph
    names: dict[int, str]
    numbers: dict[int, int]
    singles: dict[int, tuple[str, ...]]

    def name(self, key: int) -> str:
        """The definition's name, or `#3` for what stage 3 computes on the way to one."""
        if key in self.names:
            return self.names[key]
        return f"#{self.numbers[key]}" if key in self.numbers else f"%{key}"

    def operation(self, key: int) -> str:
        """What a node computes, in the language's own notation, without indices."""
        op = self.graph.op(key)
        match op:
            case Input():
                return "input"
            case Transpose(x=x):
                return self._use(Operand(x.node, transposed=not x.transposed))
            case Chain(factors=factors):
                return " @ ".join(map(self._use, factors))
            case Product():
                product = _scaled(op.factor, self._by(op.by), f"{self._use(op.lhs)} @ {self._use(op.rhs)}")
                if op.target is not None:
                    product = f"sum({product})"
                return _sum([product, *map(self._term, op.addends)])
            case Combine():
                total = _sum([self._term(term) for term in op.terms]) if op.terms else "0"
                return total if op.target is None else f"sum({total})"
            case View(x=x):
                return self._use(x)
            case Join():
                return f"{len(op.parts)} parts"
            case _:
                assert_never(op)

    def order(self, key: int, label: str, members: Members = None, depth: int = 0) -> str:
        """The products of one chain with their brackets; `A @ B` where there is only one.

        What belongs to the chain is what has its label and no name of its own.  `members` are
        those of the node that are meant (None: all).
        """
        op = self.graph.op(key)
        if not isinstance(op, Product) or depth > DEEPEST:
            return self.name(key)
        lhs, rhs = (self._factor(taken(side, members), label, depth) for side in (op.lhs, op.rhs))
        return f"{lhs} @ {rhs}"

    def _factor(self, operand: Operand, label: str, depth: int) -> str:
        op = self.graph.op(operand.node)
        plain = isinstance(op, Product) and not op.addends and op.target is None
        if not plain or operand.node in self.names or op.origin.label != label:
            return self._use(operand)
        bracketed = f"({self.order(operand.node, label, operand.members, depth + 1)})"
        return bracketed + (".T" if operand.transposed else "")

    def _use(self, operand: Operand) -> str:
        """The node's name, or those of its members that are read."""
        name = self.name(operand.node)
        if operand.node in self.singles and operand.members is not None and len(operand.members):
            names = self.singles[operand.node]
            name = some_names(tuple(names[member] for member in np.unique(operand.members)))
        return name + (".T" if operand.transposed else "")

    def _by(self, by: Operand | None) -> str:
        return "" if by is None else self._use(by)

    def _term(self, term: Term) -> str:
        return _scaled(term.factor, self._by(term.by), self._use(term.x))


def describe(graph: Graph, numbers: dict[int, int]) -> Words:
    """Names for the nodes of `graph`; `numbers` says which stage computes which node.

    A definition's name goes to the last node that has it as its label: the others are steps on
    the way, but for the parts of a `Join`, which are pieces of what it names.
    """
    names: dict[int, str] = {}
    singles = {output.operand.node: output.names for output in graph.outputs if not output.family}
    last: dict[str, int] = {}
    for key in graph.order():
        op = graph.op(key)
        if isinstance(op, Input):
            names[key] = some_names(op.names)
            if not op.family:
                singles[key] = op.names
        elif op.origin.label:
            last[op.origin.label] = key
    names.update((key, label) for label, key in last.items())
    names.update((output.operand.node, some_names(output.names)) for output in graph.outputs)
    for key in reversed(graph.order()):
        op = graph.op(key)
        if isinstance(op, Join) and key in names:
            names.update((part, f"{names[key]} (part)") for part in op.parts)
    return Words(graph, names, numbers, singles)


def some_names(names: tuple[str, ...]) -> str:
    """`A`, `A, B`, `A .. Z (26)`."""
    if len(names) <= 2:
        return ", ".join(names)
    return f"{names[0]} .. {names[-1]} ({len(names):,})"


def _scaled(factor: float | int, by: str, text: str) -> str:
    scales = [by] if by else []
    if factor not in (1, -1):
        scales.insert(0, f"{factor:g}")
    product = " * ".join([*scales, text])
    return f"-{product}" if factor == -1 else product


def _sum(terms: list[str]) -> str:
    shown = terms[:MOST_TERMS]
    text = shown[0]
    for term in shown[1:]:
        text += f" - {term[1:]}" if term.startswith("-") else f" + {term}"
    return text + (" + ..." if len(terms) > MOST_TERMS else "")
