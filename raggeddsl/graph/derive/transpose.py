"""A graph that is linear in some inputs in, the graph of its transpose out: cotangents flow backwards.

The transpose of a product by one factor is a product with the other one, transposed; what was
read through a map is summed over it, and what was summed is read through a map.  Complex numbers
are transposed without conjugation, as JAX has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from raggeddsl.dtypes import DTYPES, promote
from raggeddsl.graph.derive.read import only_read
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Arithmetic,
    Chain,
    Combine,
    FamilyType,
    Input,
    Join,
    Node,
    Operand,
    Origin,
    Output,
    Product,
    Term,
    Transpose,
    View,
    operands,
)
from raggeddsl.graph.passes.rewrite import flipped, injective, with_operands


class NotLinear(ValueError):
    """The graph multiplies two things that both depend on the inputs it should be linear in."""


@dataclass(frozen=True, eq=False)
class Transposed:
    """The transpose of a graph, `graph`: its inputs are the graph's inputs `given`, then the
    cotangents of the graph's outputs `outputs`; its outputs are the cotangents of the inputs
    `reached`, those of other linear inputs being zero.  All are positions.

    Where a real input is used in complex products its cotangent is complex here: its real part
    is what is meant.
    """

    graph: Graph
    given: tuple[int, ...]
    outputs: tuple[int, ...]
    reached: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Piece:
    """The new node `node`, whose member q is to be added to member `places[q]` of a cotangent."""

    node: int
    places: np.ndarray


def transpose(graph: Graph, linear: Sequence[bool], cotangents: Sequence[bool]) -> Transposed:
    """The transpose of `graph`, in normal form, by its inputs that are `linear`.

    `cotangents` says which outputs have one that is not zero.  Terms that do not depend on the
    linear inputs are ignored.  Raises `NotLinear`.
    """
    inputs = graph.inputs
    depends = _dependent(graph, {key for key, is_linear in zip(inputs, linear, strict=True) if is_linear})
    build = _Cotangents(graph, depends)
    given = [place for place, is_linear in enumerate(linear) if not is_linear]
    for key in graph.order():
        if key not in depends:
            build.copy(key)
    outputs = [
        place
        for place, output in enumerate(graph.outputs)
        if cotangents[place] and output.operand.node in depends
    ]
    for place in outputs:
        build.seed(graph.outputs[place])
    for key in reversed(graph.order()):
        if key in depends:
            build.visit(key)
    reached = [place for place, key in enumerate(inputs) if key in build.results]
    finished, left = only_read(build.finished([inputs[place] for place in reached]))
    return Transposed(
        finished,
        tuple(given[place] for place in left if place < len(given)),
        tuple(outputs[place - len(given)] for place in left if place >= len(given)),
        tuple(reached),
    )


def _dependent(graph: Graph, linear: set[int]) -> set[int]:
    """The linear inputs and every node that depends on them."""
    dependent: set[int] = set()
    for key in graph.order():
        if key in linear or any(use.node in dependent for use in operands(graph.op(key))):
            dependent.add(key)
    return dependent


class _Cotangents:
    """The transpose in the making.

    `own` has the nodes that do not depend on the linear inputs, copied; `sums` the terms over all
    members that add up to a node's cotangent, and `pieces` what is to be added to some members
    only; `results` has the cotangents of the linear inputs.  Keys are old ones.
    """

    def __init__(self, graph: Graph, depends: set[int]) -> None:
        self.old = graph
        self.depends = depends
        self.new = Graph()
        self.own: dict[int, int] = {}
        self.sums: dict[int, list[Term]] = {}
        self.pieces: dict[int, list[Piece]] = {}
        self.results: dict[int, int] = {}

    def copy(self, key: int) -> None:
        """Take over a node that does not depend on the linear inputs."""
        op = self.old.op(key)
        if isinstance(op, Input):
            op = replace(op, names=op.names[:1] or ("",), family=True)
        self.own[key] = self.new.add(with_operands(op, self.value))

    def value(self, operand: Operand) -> Operand:
        return replace(operand, node=self.own[operand.node])

    def seed(self, output: Output) -> None:
        """Take the cotangent of an output as an input."""
        key = output.operand.node
        assert output.operand.members is None and not output.operand.transposed, "outputs are whole nodes"
        name = f"{output.names[0] if output.names else ''} cotangent"
        cotangent = self.new.add(Input(self.old.type(key), (name,), True, Origin(name, output.span)))
        self.sums.setdefault(key, []).append(Term(Operand(cotangent)))

    def finished(self, reached: Sequence[int]) -> Graph:
        self.new.outputs = tuple(
            Output((f"cotangent {number}",), Operand(self.results[key]), True)
            for number, key in enumerate(reached)
        )
        return self.new

    # ------------------------------------------------------------ node by node

    def visit(self, key: int) -> None:
        """Pass the cotangent of a node on to what it reads."""
        if key not in self.sums and key not in self.pieces:
            return
        op = self.old.op(key)
        cotangent = self.total(key, op)
        match op:
            case Input():
                self.results[key] = cotangent
            case Product():
                self.product(op, cotangent)
            case Combine():
                for term in op.terms:
                    self.term(term, Operand(cotangent, op.target))
            case Join():
                for part, places in zip(op.parts, op.places, strict=True):
                    self.add(part, Term(Operand(cotangent, places)))
            case View():
                self.view(op, cotangent)
            case Transpose() | Chain():
                raise AssertionError(f"node {key} is not in normal form")
            case _:
                assert_never(op)

    def total(self, key: int, op: Node) -> int:
        """The sum of the terms and pieces that make up a node's cotangent."""
        terms = self.sums.pop(key, [])
        pieces = self.pieces.pop(key, [])
        type = self.type(op.type, *(term.x.node for term in terms), *(piece.node for piece in pieces))
        for group in disjoint(pieces, len(op.type)):
            terms.append(Term(Operand(self.joined(group, type, _origin(op)))))
        (first, *others) = terms
        whole = first.x.members is None and not first.x.transposed and first.factor == 1 and first.by is None
        if not others and whole and self.new.type(first.x.node).dtype == type.dtype:
            return first.x.node
        return self.new.add(Combine(type, tuple(terms), None, _origin(op)))

    def joined(self, pieces: list[Piece], type: FamilyType, origin: Origin) -> int:
        """Pieces for different members as one family, with zeros for the members that have none."""
        if any(self.new.type(piece.node).dtype != type.dtype for piece in pieces):
            sums = tuple(
                Term(Operand(self.new.add(Combine(type, (Term(Operand(piece.node)),), piece.places))))
                for piece in pieces
            )
            return self.new.add(Combine(type, sums, None, origin))
        places = [piece.places for piece in pieces]
        missing = np.setdiff1d(np.arange(len(type)), np.concatenate(places))
        parts = [piece.node for piece in pieces]
        if len(missing):
            places.append(missing)
            parts.append(self.new.add(Combine(type.take(missing), (), None, origin)))
        return self.new.add(Join(type, tuple(parts), tuple(places), origin))

    def add(self, key: int, term: Term) -> None:
        if key in self.depends:
            self.sums.setdefault(key, []).append(term)

    def linear(self, operand: Operand | None) -> bool:
        return operand is not None and operand.node in self.depends

    def type(self, family: FamilyType, *read: int) -> FamilyType:
        """The type of a cotangent of `family` that is made of the new nodes `read`: complex if they are.

        The real part is taken at the end: in between, all that is real is real beside it too.
        """
        kinds = {DTYPES[self.new.type(key).dtype].kind for key in read}
        if "complex" not in kinds or DTYPES[family.dtype].kind == "complex":
            return family
        return replace(family, dtype="c128" if family.dtype == "f64" else "c64")

    def collect(self, operand: Operand, node: Product | Combine) -> None:
        """Add what `node`, whose terms are those of the operand, gives to the operand's cotangent.

        Where the operand's map reads members once, terms are members, and a piece of the
        cotangent; else they are summed.
        """
        members = operand.members
        if members is None:
            self.add(operand.node, Term(Operand(self.new.add(node))))
        elif injective(members):
            piece = self.new.add(replace(node, type=node.type.take(members), target=None))
            self.pieces.setdefault(operand.node, []).append(Piece(piece, members))
        else:
            self.add(operand.node, Term(Operand(self.new.add(replace(node, target=members)))))

    def term(self, term: Term, cotangent: Operand) -> None:
        """Pass `cotangent`, one member a term, on through `factor * by * x`."""
        if self.linear(term.x) and self.linear(term.by):
            raise NotLinear("a scalar and what it scales both depend on the linear inputs")
        if self.linear(term.x):
            by = None if term.by is None else self.value(term.by)
            passed = Term(flipped(cotangent) if term.x.transposed else cotangent, term.factor, by)
            if term.x.members is None:
                self.add(term.x.node, passed)
                return
            type = self.type(self.old.type(term.x.node), cotangent.node)
            origin = _origin(self.old.op(term.x.node))
            self.collect(term.x, Combine(type, (passed,), None, origin))
        elif term.by is not None and self.linear(term.by):
            self.inner(term.by, term.factor, cotangent, self.stored(self.value(term.x)))

    def view(self, op: View, cotangent: int) -> None:
        """The same elements in the shapes of what was viewed."""
        viewed = self.old.type(op.x.node)
        shown = viewed if op.x.members is None else viewed.take(op.x.members)
        seen = self.new.add(View(self.type(shown, cotangent), Operand(cotangent), _origin(op)))
        self.term(Term(op.x), Operand(seen))

    # ------------------------------------------------------------ products

    def product(self, op: Product, cotangent: int) -> None:
        """Through one factor of a product, and through its addends."""
        for addend in op.addends:
            self.term(addend, Operand(cotangent))
        varying = [use for use in (op.lhs, op.rhs, op.by) if use is not None and self.linear(use)]
        if not varying:
            return
        if len(varying) > 1:
            raise NotLinear("two factors of a product depend on the linear inputs")
        read = Operand(cotangent, op.target)
        (operand,) = varying
        if operand is op.by:
            self.scale(op, operand, read)
            return
        by = None if op.by is None else self.value(op.by)
        lhs, rhs = self.against(op, operand, read)
        type = self.type(self.old.type(operand.node), lhs.node, rhs.node)
        arithmetic = self.arithmetic(op, type.dtype)
        origin = _origin(self.old.op(operand.node))
        self.collect(operand, Product(type, lhs, rhs, op.factor, by, None, (), arithmetic, origin))

    def against(self, op: Product, operand: Operand, read: Operand) -> tuple[Operand, Operand]:
        """The two factors of an operand's cotangent, in the orientation in which the operand is stored."""
        if operand is op.lhs:
            partner = self.value(op.rhs)
            return (partner, flipped(read)) if operand.transposed else (read, flipped(partner))
        partner = self.value(op.lhs)
        return (flipped(read), partner) if operand.transposed else (flipped(partner), read)

    def arithmetic(self, op: Product, dtype: str) -> Arithmetic:
        """That of `op`; complex sums in place of real ones are kept as complex sums are."""
        same = DTYPES[dtype].kind == DTYPES[op.type.dtype].kind
        return op.arithmetic if same else Arithmetic(op.arithmetic.precision)

    def scale(self, op: Product, by: Operand, read: Operand) -> None:
        """The cotangent of a product's scalar: <C, A @ B> = <C @ B.T, A> = <A.T @ C, B>, the smallest one."""
        lhs, rhs = self.value(op.lhs), self.value(op.rhs)
        left, right = self.new.operand_type(lhs), self.new.operand_type(rhs)
        dtype = promote(op.type.dtype, self.new.type(read.node).dtype)
        results = FamilyType(left.rows, right.cols, dtype)
        places = {"lhs": left.sizes.sum(), "rhs": right.sizes.sum(), "product": results.sizes.sum()}
        smallest = min(places, key=lambda place: float(places[place]))
        if smallest == "product":
            factors, type, partner = (lhs, rhs), results, read
        else:
            operand, copied, type = (op.lhs, lhs, left) if smallest == "lhs" else (op.rhs, rhs, right)
            factors = self.against(op, operand, read)
            type = replace(type.transpose() if operand.transposed else type, dtype=dtype, scalar=False)
            partner = replace(copied, transposed=False)
        arithmetic = self.arithmetic(op, dtype)
        product = self.new.add(Product(type, *factors, arithmetic=arithmetic, origin=_origin(op)))
        self.inner(by, op.factor, Operand(product), partner)

    def inner(self, by: Operand, factor: float | int, x: Operand, y: Operand) -> None:
        """Add `factor * <x, y>`, term by term and without conjugation, to the cotangent of a scalar."""
        rows, cols = self.as_rows(x), self.as_rows(y)
        type = self.type(self.old.type(by.node), x.node, y.node)
        origin = _origin(self.old.op(by.node))
        self.collect(by, Product(type, rows, flipped(cols), factor, origin=origin))

    def as_rows(self, operand: Operand) -> Operand:
        """The operand with each member as one row of its elements, in the order in which they are stored."""
        family = self.new.type(operand.node)
        type = FamilyType(np.ones(len(family), np.int64), family.sizes, family.dtype)
        return Operand(self.new.add(View(type, Operand(operand.node))), operand.members)

    def stored(self, operand: Operand) -> Operand:
        """The operand as it is read, untransposed: copied where it is not."""
        if not operand.transposed:
            return operand
        return Operand(self.new.add(Combine(self.new.operand_type(operand), (Term(operand),))))


def disjoint(pieces: Sequence[Piece], count: int) -> list[list[Piece]]:
    """The pieces in as few groups as come easily, no two of a group having a member in common."""
    groups: list[list[Piece]] = []
    taken: list[np.ndarray] = []
    for piece in pieces:
        for group, held in zip(groups, taken, strict=True):
            if not held[piece.places].any():
                group.append(piece)
                held[piece.places] = True
                break
        else:
            groups.append([piece])
            taken.append(np.zeros(count, np.bool_))
            taken[-1][piece.places] = True
    return groups


def _origin(op: Node) -> Origin:
    """Where the cotangent of `op` came from."""
    return Origin(f"{op.origin.label} cotangent" if op.origin.label else "", op.origin.span)
