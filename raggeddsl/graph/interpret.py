"""The reference: a product graph and NumPy inputs in, its results out, member by member in f64 or c128.

The oracle of every test and of `run --verify`, so it is written to be obviously right: a family
is a list of 2-D arrays and a node is a loop over its members.  It evaluates any graph, before or
after any pass.  Operands are converted to the dtype of the node that reads them; floats are held
in f64, complex numbers in c128, integers in int64 and wrapped to the node's dtype.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, assert_never, overload

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.compare import Reference, Value
from raggeddsl.graph.error_bounds import Member, Propagation, spelt_out
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

_DOMAINS = {"integer": np.dtype(np.int64), "float": np.dtype(np.float64), "complex": np.dtype(np.complex128)}


@overload
def interpret(
    graph: Graph, inputs: Mapping[str, Value], *, bounds: Literal[False] = False
) -> dict[str, Value]: ...
@overload
def interpret(graph: Graph, inputs: Mapping[str, Value], *, bounds: Literal[True]) -> Reference: ...


def interpret(
    graph: Graph, inputs: Mapping[str, Value], *, bounds: bool = False
) -> dict[str, Value] | Reference:
    """Evaluate `graph` on `inputs`; equivalent to the spec written as NumPy loops in f64.

    `inputs` maps a family's name to its members (a list, or for scalars also `[N]`) and a single
    matrix's name to its array.  Results have the same form, in f64, c128 or int64.  With
    `bounds`, a `Reference` that `compare` takes.  Raises `ValueError` where an input's shape or
    number of members is not the declared one, `KeyError` where a name is missing.
    """
    done: dict[int, list[Member]] = {}
    order = graph.order()
    readers = {key: graph.readers(key) for key in graph}
    kept = {output.operand.node for output in graph.outputs}
    spelt = spelt_out(graph, order, kept) if bounds else set()
    with np.errstate(all="ignore"):
        for key in order:
            done[key] = _evaluate(graph, key, done, inputs, bounds)
            if key not in spelt:
                done[key] = [replace(member, terms=None) for member in done[key]]
            for read in graph.reads(key):
                readers[read] -= 1
                if readers[read] == 0 and read not in kept:
                    del done[read]
    values: dict[str, Value] = {}
    limits: dict[str, Value] = {}
    for output in graph.outputs:
        members, type = done[output.operand.node], graph.type(output.operand.node)
        values.update(_named(output, [member.value for member in members], type))
        if bounds:
            limits.update(_named(output, [member.bound for member in members], type))
    return Reference(values, limits) if bounds else values


def _evaluate(
    graph: Graph, key: int, done: Mapping[int, list[Member]], inputs: Mapping[str, Value], bounds: bool
) -> list[Member]:
    """The members of a node, with their errors where there are any and they are asked for."""
    node = graph.op(key)
    kind = DTYPES[node.type.dtype].kind
    read = {use.node: done[use.node] for use in operands(node)}
    if isinstance(node, Input):
        exact = _given(node, inputs)
    else:
        values = {key: [member.value for member in members] for key, members in read.items()}
        exact = _Arithmetic(values, _DOMAINS[kind]).members(node)
    if kind == "integer":
        exact = [_wrapped(x, node.type.dtype) for x in exact]
    if not bounds or kind == "integer" or isinstance(node, Input):
        return [Member(x) for x in exact]
    return Propagation(node, exact, read, {use: graph.type(use).dtype for use in read}).members()


@dataclass(frozen=True, eq=False)
class _Arithmetic:
    """How the members of one node are computed: from `values`, in `domain`."""

    values: Mapping[int, list[np.ndarray]]
    domain: np.dtype

    def members(self, node: Node) -> list[np.ndarray]:
        match node:
            case Input():
                raise AssertionError("an input is given, not computed")
            case Transpose(x=x):
                return [member.T for member in self.read(x)]
            case Chain(factors=factors):
                product = self.read(factors[0])
                for factor in factors[1:]:
                    product = [a @ b for a, b in zip(product, self.read(factor), strict=True)]
                return product
            case Product():
                return self.product(node)
            case Combine():
                return self.combine(node)
            case Join():
                return self.join(node)
            case View(type=type, x=x):
                shapes = zip(type.rows.tolist(), type.cols.tolist(), strict=True)
                return [member.reshape(s) for member, s in zip(self.read(x), shapes, strict=True)]
            case _:
                assert_never(node)

    def product(self, node: Product) -> list[np.ndarray]:
        pairs = zip(self.read(node.lhs), self.read(node.rhs), strict=True)
        terms = self.scaled([a @ b for a, b in pairs], node.factor, node.by)
        out = self.accumulated(terms, node.target, node.type)
        for addend in node.addends:
            out = [a + b for a, b in zip(out, self.term(addend), strict=True)]
        return out

    def combine(self, node: Combine) -> list[np.ndarray]:
        out = self.zeros(node.type)
        for term in node.terms:
            more = self.accumulated(self.term(term), node.target, node.type)
            out = [a + b for a, b in zip(out, more, strict=True)]
        return out

    def join(self, node: Join) -> list[np.ndarray]:
        joined = self.zeros(node.type)
        for part, places in zip(node.parts, node.places, strict=True):
            for place, member in zip(places.tolist(), self.read(Operand(part)), strict=True):
                joined[place] = member
        return joined

    def read(self, operand: Operand) -> list[np.ndarray]:
        """The members that a use presents, converted."""
        taken = self.values[operand.node]
        if operand.members is not None:
            taken = [taken[member] for member in operand.members.tolist()]
        converted = [x.astype(self.domain, copy=False) for x in taken]
        return [x.T for x in converted] if operand.transposed else converted

    def term(self, term: Term) -> list[np.ndarray]:
        return self.scaled(self.read(term.x), term.factor, term.by)

    def scaled(self, terms: list[np.ndarray], factor: float | int, by: Operand | None) -> list[np.ndarray]:
        """`factor * by * x` of every x; a factor in an integer type is a whole number."""
        alpha = np.asarray(factor).astype(self.domain)
        if by is None:
            return [alpha * x for x in terms]
        return [alpha * s * x for s, x in zip(self.read(by), terms, strict=True)]

    def accumulated(
        self, terms: list[np.ndarray], target: np.ndarray | None, type: FamilyType
    ) -> list[np.ndarray]:
        """Each term added to the member that it is for; zeros where no term is."""
        if target is None:
            return terms
        out = self.zeros(type)
        for place, term in zip(target.tolist(), terms, strict=True):
            out[place] = out[place] + term
        return out

    def zeros(self, type: FamilyType) -> list[np.ndarray]:
        shapes = zip(type.rows.tolist(), type.cols.tolist(), strict=True)
        return [np.zeros(shape, self.domain) for shape in shapes]


def _wrapped(x: np.ndarray, dtype: str) -> np.ndarray:
    """`i64[m, n]` reduced modulo the range of a narrower integer type."""
    return x.astype(DTYPES[dtype].numpy).astype(np.int64)


def _given(node: Input, inputs: Mapping[str, Value]) -> list[np.ndarray]:
    """The members of an input as 2-D arrays in its dtype's domain."""
    values: Any = inputs[node.names[0]] if node.family else [inputs[name] for name in node.names]
    if len(values) != len(node.type):
        raise ValueError(f"`{node.names[0]}` has {len(node.type)} members, {len(values)} were given")
    domain = _DOMAINS[DTYPES[node.type.dtype].kind]
    shapes = zip(node.type.rows.tolist(), node.type.cols.tolist(), strict=True)
    members = []
    for place, (shape, member) in enumerate(zip(shapes, values, strict=True)):
        array = np.asarray(member).astype(domain)
        wanted = () if node.type.scalar else shape
        if array.shape != wanted:
            name = f"{node.names[0]}[{place}]" if node.family else node.names[place]
            raise ValueError(f"`{name}` has shape {wanted}, {array.shape} was given")
        members.append(array.reshape(shape))
    return members


def _named(output: Output, members: list[np.ndarray], type: FamilyType) -> dict[str, Value]:
    """What `output` shows of a node's members, by name."""
    use = output.operand
    taken = members if use.members is None else [members[member] for member in use.members.tolist()]
    shown = [x.reshape(()) if type.scalar else x.T if use.transposed else x for x in taken]
    if output.family:
        return {output.names[0]: shown}
    return dict(zip(output.names, shown, strict=True))
