"""A graph and which of its inputs vary in, the graph of its derivative out: linear in their tangents.

By the product rule, node by node.  What the derivative multiplies tangents by are values of the
graph itself: inputs, which it takes as its own, and intermediates, which the graph is made to
give as further outputs, so that nothing is computed twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.derive.read import only_read
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Chain,
    Combine,
    FamilyType,
    Input,
    Join,
    Operand,
    Origin,
    Output,
    Product,
    Term,
    Transpose,
    View,
    operands,
)


@dataclass(frozen=True, eq=False)
class Linearised:
    """The derivative of a graph, `tangent`, and that graph with what the derivative reads, `primal`.

    The inputs of `tangent` are the graph's inputs `given`, then the outputs `kept` of `primal`,
    then the tangents of the graph's inputs `varied`; its outputs are the tangents of the graph's
    outputs `outputs`, those of the others being zero.  All are positions.  The first outputs of
    `primal` are those of the graph.
    """

    primal: Graph
    tangent: Graph
    given: tuple[int, ...]
    kept: tuple[int, ...]
    varied: tuple[int, ...]
    outputs: tuple[int, ...]


def linearise(graph: Graph, varies: Sequence[bool]) -> Linearised | None:
    """The derivative of `graph`, in normal form, by the inputs that vary; None if no output does.

    Integers have no tangents.  `tangent` is linear in its last `len(varied)` inputs; tangents
    have the dtype of what they are tangents of.
    """
    active = _active(graph, varies)
    outputs = tuple(place for place, output in enumerate(graph.outputs) if output.operand.node in active)
    if not outputs:
        return None
    coefficients = _coefficients(graph, active)
    inputs = graph.inputs
    given = [place for place, key in enumerate(inputs) if key in coefficients]
    computed = [key for key in graph.order() if key in coefficients and not isinstance(graph.op(key), Input)]
    varied = [place for place, key in enumerate(inputs) if key in active]
    primal, kept = _with_outputs(graph, computed)

    build = _Tangents(graph, active)
    for key in [inputs[place] for place in given] + computed:
        build.coefficient(key)
    for key in graph.order():
        if key in active:
            build.tangent(key)
    tangent, left = only_read(build.finished(outputs))

    sources = [("given", place) for place in given]
    sources += [("kept", place) for place in kept] + [("varied", place) for place in varied]

    def chosen(kind: str) -> tuple[int, ...]:
        return tuple(sources[place][1] for place in left if sources[place][0] == kind)

    return Linearised(primal, tangent, chosen("given"), chosen("kept"), chosen("varied"), outputs)


def _active(graph: Graph, varies: Sequence[bool]) -> set[int]:
    """The nodes that change with the inputs that vary."""
    inputs = dict(zip(graph.inputs, varies, strict=True))
    active: set[int] = set()
    for key in graph.order():
        changes = inputs[key] if key in inputs else any(o.node in active for o in operands(graph.op(key)))
        if changes and DTYPES[graph.type(key).dtype].kind != "integer":
            active.add(key)
    return active


def _coefficients(graph: Graph, active: set[int]) -> set[int]:
    """The nodes whose own values the derivative reads: what stands beside something active."""
    coefficients: set[int] = set()

    def beside(*uses: Operand | None) -> None:
        present = [use.node for use in uses if use is not None]
        for place, varying in enumerate(present):
            if varying in active:
                coefficients.update(_shown(graph, node) for node in present[:place] + present[place + 1 :])

    for key in active:
        op = graph.op(key)
        if isinstance(op, Product):
            beside(op.lhs, op.rhs, op.by)
        for term in op.addends if isinstance(op, Product) else op.terms if isinstance(op, Combine) else ():
            beside(term.x, term.by)
    return coefficients


def _shown(graph: Graph, key: int) -> int:
    """The node itself, or what it is a view of."""
    op = graph.op(key)
    return _shown(graph, op.x.node) if isinstance(op, View) else key


def _with_outputs(graph: Graph, shown: Sequence[int]) -> tuple[Graph, tuple[int, ...]]:
    """`graph` with these nodes among its outputs, and their positions there."""
    places = {output.operand.node: place for place, output in enumerate(graph.outputs)}
    more = [key for key in shown if key not in places]
    if not more:
        return graph, tuple(places[key] for key in shown)
    places |= {key: len(graph.outputs) + number for number, key in enumerate(more)}
    wider = Graph()
    for key in graph.order():
        wider.add(graph.op(key), key)
    extra = tuple(Output((f"kept {key}",), Operand(key), True) for key in more)
    wider.outputs = graph.outputs + extra
    return wider, tuple(places[key] for key in shown)


class _Tangents:
    """The derivative in the making: `own` has the values that it reads, `dots` the tangents, by old key."""

    def __init__(self, graph: Graph, active: set[int]) -> None:
        self.old = graph
        self.active = active
        self.new = Graph()
        self.own: dict[int, int] = {}
        self.dots: dict[int, int] = {}

    def finished(self, outputs: Sequence[int]) -> Graph:
        shown = [self.old.outputs[place] for place in outputs]
        self.new.outputs = tuple(
            Output((f"d{output.names[0]}",), Operand(self.dots[output.operand.node]), True, output.span)
            for output in shown
        )
        return self.new

    def coefficient(self, key: int) -> None:
        """Take the value of an old node as an input."""
        op = self.old.op(key)
        name = op.names[0] if isinstance(op, Input) else op.origin.label or f"%{key}"
        self.own[key] = self.new.add(Input(op.type, (name,), True, op.origin))

    def value(self, operand: Operand) -> Operand:
        """An old operand whose own value is read."""
        key = operand.node
        if key not in self.own:
            op = self.old.op(key)
            assert isinstance(op, View), f"node {key} was not kept"
            self.own[key] = self.new.add(replace(op, x=self.value(op.x)))
        return replace(operand, node=self.own[key])

    def dot(self, operand: Operand) -> Operand:
        """The tangent of an old operand."""
        return replace(operand, node=self.dots[operand.node])

    def varies(self, operand: Operand | None) -> bool:
        return operand is not None and operand.node in self.active

    def tangent(self, key: int) -> None:
        """Emit the tangent of an active node."""
        op = self.old.op(key)
        origin = Origin(f"d{op.origin.label}" if op.origin.label else "", op.origin.span)
        match op:
            case Input():
                origin = Origin(f"d{op.names[0]}", op.origin.span)
                self.dots[key] = self.new.add(Input(op.type, (f"d{op.names[0]}",), True, origin))
            case Product():
                self.dots[key] = self.product(op, origin)
            case Combine():
                terms = tuple(dot for term in op.terms for dot in self.terms(term))
                self.dots[key] = self.new.add(Combine(op.type, terms, op.target, origin))
            case Join():
                parts = tuple(
                    self.dots[part] if part in self.active else self.zeros(self.old.type(part))
                    for part in op.parts
                )
                self.dots[key] = self.new.add(Join(op.type, parts, op.places, origin))
            case View():
                self.dots[key] = self.new.add(View(op.type, self.dot(op.x), origin))
            case Transpose() | Chain():
                raise AssertionError(f"node {key} is not in normal form")
            case _:
                assert_never(op)

    def zeros(self, type: FamilyType) -> int:
        return self.new.add(Combine(type, ()))

    def product(self, op: Product, origin: Origin) -> int:
        """One product for each factor that varies, added up, and the tangents of the addends."""
        factors = (op.lhs, op.rhs, op.by)
        sums = [dot for addend in op.addends for dot in self.terms(addend)]
        products: list[Product] = []
        for varying in range(3):
            if not self.varies(factors[varying]):
                continue
            lhs, rhs, by = (
                None if use is None else self.dot(use) if place == varying else self.value(use)
                for place, use in enumerate(factors)
            )
            assert lhs is not None and rhs is not None
            products.append(replace(op, lhs=lhs, rhs=rhs, by=by, addends=(), origin=origin))
        if not products:
            return self.new.add(Combine(op.type, tuple(sums), None, origin))
        sums += [Term(Operand(self.new.add(product))) for product in products[1:]]
        return self.new.add(replace(products[0], addends=tuple(sums)))

    def terms(self, term: Term) -> list[Term]:
        """The tangent of `factor * by * x`: a term for each of the two that varies."""
        terms = []
        if self.varies(term.x):
            by = None if term.by is None else self.value(term.by)
            terms.append(Term(self.dot(term.x), term.factor, by))
        if term.by is not None and self.varies(term.by):
            terms.append(Term(self.value(term.x), term.factor, self.dot(term.by)))
        return terms
