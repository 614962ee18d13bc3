"""How far results may be from the reference: a node and the members that it reads in, its errors out.

Errors are followed through the graph beside the values, since magnitudes |A||B||C|… of many products
in a row grow without end and the values do not.  The error of a member has two parts, and its bound
is the sum of their sizes:

- `random`, as if independent from entry to entry.  Through a product it becomes √(|A|² @ e²): independent
  errors add up in squares (Higham and Mary, 2019);
- `alike`, a signed matrix: the errors if all of them lengthened (or all shortened) their values.  It
  becomes A @ e, so that what the values cancel, it cancels too.  Squaring a stochastic matrix again
  and again, or summing equal numbers, makes errors like that, and the first part would lose them.

Each rounding step gives half of what `roundings` allows it to either part.  A kernel runs the graph after
the passes, so the steps are those of every graph that they may make of it:

- a chain may run in any order: both from the left and from the right are followed and added, each with
  intermediates rounded to the dtype, as where a product is shared;
- a sum that is only summed again may be spelt out in its reader (accumulate): a reader's terms include
  those of such sums, and their own rounding counts as well;
- scalars may move to what is read or to what reads (fold_scalars): each counts two roundings;
- transposes, equal subexpressions and merged families round nothing.

bf16 and f16 are summed in f32 (or in what `accum` says) and rounded when stored: once or twice, after a
move of scalars, and if a sum has several columns of terms, the sum of each too.  Precision is what
dtypes promise: `precision=default` on a device that multiplies f32 in fewer bits is not allowed for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

import numpy as np

from raggeddsl.dtypes import DTYPES, kept_in, smallest
from raggeddsl.graph import roundings
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Arithmetic,
    Chain,
    Combine,
    Input,
    Join,
    Node,
    Operand,
    Product,
    Term,
    Transpose,
    View,
    operands,
)
from raggeddsl.graph.roundings import Accumulation, Terms

SPREAD = 3.0
"""Units that a rounding to a float counts for, beside its own two, in what sums it in a finer one."""


@dataclass(frozen=True, eq=False)
class Error:
    """The two parts of an error, in the shape of the member."""

    random: np.ndarray
    alike: np.ndarray

    @property
    def size(self) -> np.ndarray:
        """The largest |C - C_ref| to accept, f64."""
        return self.random + np.abs(self.alike)


@dataclass(frozen=True, eq=False)
class Member:
    """A value of the reference, its error (None: exact), and its terms if who reads it may spell them out."""

    value: np.ndarray
    error: Error | None = None
    terms: Terms | None = None

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Member:
        """The member transposed or reshaped."""
        error = self.error and Error(change(self.error.random), change(self.error.alike))
        return Member(change(self.value), error, self.terms and self.terms.map(change))

    @property
    def bound(self) -> np.ndarray:
        """The largest |C - C_ref| to accept, f64; 0 of what is exact."""
        return np.zeros(self.value.shape) if self.error is None else self.error.size

    @property
    def spelt(self) -> Terms:
        """The terms of the member, itself if it is no sum."""
        return self.terms or roundings.single(self.value)


def spelt_out(graph: Graph, order: Sequence[int], shown: set[int]) -> set[int]:
    """Keys of the sums whose terms a sum that reads them may take for its own.

    `accumulate` does so to a sum with one reader.  What a product, a view or the user reads is computed by
    itself; readers of which no output depends do not count, since dead code goes first.
    """
    alive, apart = set(shown), set(shown)
    for key in reversed(order):
        if key not in alive:
            continue
        node = graph.op(key)
        read = {use.node for use in operands(node)}
        alive |= read
        if isinstance(node, Transpose) and key not in apart:
            continue
        terms = node.addends if isinstance(node, Product) else node.terms if isinstance(node, Combine) else ()
        summed = {term.x.node for term in terms}
        if isinstance(node, Product):
            summed -= {use.node for use in (node.lhs, node.rhs, node.by) if use is not None}
        apart |= read - (summed - {term.by.node for term in terms if term.by is not None})
    return {key for key in order if key not in apart}


@dataclass(frozen=True, eq=False)
class Propagation:
    """The errors of one float node whose members are `exact`, from the members that it reads.

    `dtypes` has the dtype of each node read.
    """

    node: Node
    exact: list[np.ndarray]
    read: Mapping[int, list[Member]]
    dtypes: Mapping[int, str]

    def members(self) -> list[Member]:
        """The members with their errors; those of a sum with its terms."""
        match self.node:
            case Input():
                return [Member(x) for x in self.exact]
            case Transpose(x=x):
                return [member.map(np.transpose) for member in self.use(x)]
            case View(type=type, x=x):
                shapes = zip(type.rows.tolist(), type.cols.tolist(), strict=True)
                pairs = zip(self.use(x), shapes, strict=True)
                return [replace(_shaped(member, shape), terms=None) for member, shape in pairs]
            case Join(parts=parts, places=places):
                return self.join(parts, places)
            case Chain() as chain:
                return self.chain(chain)
            case Product() as product:
                return self.product(product)
            case Combine() as combine:
                return self.combine(combine)
            case _:
                assert_never(self.node)

    # ------------------------------------------------------------ nodes

    def join(self, parts: Sequence[int], places: Sequence[np.ndarray]) -> list[Member]:
        joined = [Member(x) for x in self.exact]
        for part, at in zip(parts, places, strict=True):
            for place, member in zip(at.tolist(), self.use(Operand(part)), strict=True):
                joined[place] = replace(member, terms=None)
        return joined

    def chain(self, chain: Chain) -> list[Member]:
        factors = [self.use(factor) for factor in chain.factors]
        members = []
        for exact, member_factors in zip(self.exact, zip(*factors, strict=True), strict=True):
            left = right = None
            for factor in member_factors:
                left = factor if left is None else self.multiplied(left, factor, chain.arithmetic)
            error = left.error if left is not None else None
            if not chain.left and len(member_factors) > 2:
                for factor in reversed(member_factors):
                    right = factor if right is None else self.multiplied(factor, right, chain.arithmetic)
                error = _sum(error, right.error if right is not None else None)
            members.append(Member(exact, error))
        return members

    def multiplied(self, a: Member, b: Member, arithmetic: Arithmetic) -> Member:
        a, b = self.spread([a, b], self.node.type.dtype)
        return self.rounded(_times(a, b, self.unit(arithmetic)), None, arithmetic)

    def product(self, node: Product) -> list[Member]:
        unit = self.unit(node.arithmetic)
        factors = list(zip(self.use(node.lhs), self.use(node.rhs), strict=True))
        plain = node.factor == 1 and node.by is None and node.target is None and not node.addends
        values = self.exact if plain else [None] * len(factors)
        products = [_times(a, b, unit, value) for (a, b), value in zip(factors, values, strict=True)]
        pieces = self.scaled(products, node.factor, node.by)
        columns = [self.accumulated(pieces, node.target, unit)]
        columns += [self.scaled(self.use(term.x), term.factor, term.by) for term in node.addends]
        return self.summed(columns, node.arithmetic)

    def combine(self, node: Combine) -> list[Member]:
        if not node.terms:
            return [Member(x) for x in self.exact]
        if len(node.terms) == 1 and node.target is None:
            return self.scaled_only(node.terms[0])
        unit = self.unit(Arithmetic())
        columns = []
        for term in node.terms:
            pieces = self.scaled(self.use(term.x), term.factor, term.by)
            columns.append(self.accumulated(pieces, node.target, unit))
        return self.summed(columns, Arithmetic())

    def scaled_only(self, term: Term) -> list[Member]:
        """One term, which is not added to anything: only its scalars round."""
        scaled = self.scaled(self.use(term.x), term.factor, term.by)
        if abs(term.factor) == 1 and term.by is None:
            return [replace(member, value=x) for member, x in zip(scaled, self.exact, strict=True)]
        unit, stored = self.unit(Arithmetic()), self.stored(Arithmetic())
        members = []
        for exact, member in zip(self.exact, scaled, strict=True):
            local = (3 * unit + 2 * stored) * np.abs(exact) + self.floor
            members.append(Member(exact, _sum(member.error, _seed(local, exact)), member.terms))
        return members

    # ------------------------------------------------------------ pieces of nodes

    def use(self, operand: Operand) -> list[Member]:
        """The members that a use presents; large integers are rounded to the node's dtype."""
        members = self.read[operand.node]
        if operand.members is not None:
            members = [members[member] for member in operand.members.tolist()]
        if DTYPES[self.dtypes[operand.node]].kind == "integer":
            members = [self.converted(member) for member in members]
        members = self.spread(members, self.dtypes[operand.node])
        return [member.map(np.transpose) for member in members] if operand.transposed else members

    def spread(self, members: list[Member], dtype: str) -> list[Member]:
        """Members that were rounded to `dtype`, as sums in a finer type must take them.

        Each was rounded once, by up to a unit, and the sum of many such roundings reaches several times the
        root of their squares (Hoeffding, 1963).  Where sums are as coarse, their own roundings are more.
        """
        rounding = DTYPES[dtype].eps / 2
        unit = self.unit(self.node.arithmetic if isinstance(self.node, Chain | Product) else Arithmetic())
        if DTYPES[dtype].kind == "integer" or rounding <= unit:
            return members
        return [_spread(member, SPREAD * rounding) for member in members]

    def converted(self, member: Member) -> Member:
        half = DTYPES[self.node.type.dtype].eps / 2
        value = member.value.astype(np.float64)
        size = np.abs(value)
        return Member(value, _seed(half * size, value) if (size * half > 1).any() else None)

    def scaled(self, members: list[Member], factor: float | int, by: Operand | None) -> list[Member]:
        """`factor * by * x` of every x, before rounding."""
        if by is not None:
            return [_scaled_by(s, x, factor) for s, x in zip(self.use(by), members, strict=True)]
        if factor == 1:
            return members
        return [_scaled(x, factor) for x in members]

    def accumulated(self, pieces: list[Member], target: np.ndarray | None, unit: float) -> list[Member]:
        """Each piece added to the member that it is for: in squares, as errors of different pieces are
        independent but for what `alike` has of them."""
        if target is None:
            return pieces
        rows: list[list[Member]] = [[] for _ in self.exact]
        for place, piece in zip(target.tolist(), pieces, strict=True):
            rows[place].append(piece)
        return [_accumulated(row, x, unit) for row, x in zip(rows, self.exact, strict=True)]

    def summed(self, columns: list[list[Member]], arithmetic: Arithmetic) -> list[Member]:
        """The sums of a few columns of terms, rounded."""
        return [
            self.rounded(_together(list(terms)), exact, arithmetic, list(terms))
            for exact, terms in zip(self.exact, zip(*columns, strict=True), strict=True)
        ]

    def rounded(
        self, member: Member, exact: np.ndarray | None, arithmetic: Arithmetic, columns: Sequence[Member] = ()
    ) -> Member:
        """A sum as a kernel makes it: its inherited error and that of adding its terms and of storing it."""
        value = member.value if exact is None else exact
        terms = member.spelt
        local = roundings.error(terms, self.unit(arithmetic)) + self.floor * (1 + terms.count)
        stored = self.stored(arithmetic)
        if stored:
            local = local + 2 * stored * np.abs(value)
            if len(columns) > 1:
                local = local + stored * sum(np.abs(column.value) for column in columns)
        return Member(value, _sum(member.error, _seed(local, value)), terms)

    # ------------------------------------------------------------ the node's arithmetic

    @property
    def floor(self) -> float:
        """What backends may flush to zero."""
        return smallest(self.node.type.dtype)

    def unit(self, arithmetic: Arithmetic) -> float:
        """Unit roundoff of the type that sums are kept in; of f64 twice, as the reference rounds too."""
        eps = DTYPES[kept_in(self.node.type.dtype, arithmetic.accum)].eps
        return eps if eps == DTYPES["f64"].eps else eps / 2

    def stored(self, arithmetic: Arithmetic) -> float:
        """Unit roundoff of the type of results, 0 where sums are as coarse."""
        eps = DTYPES[self.node.type.dtype].eps
        return eps / 2 if eps / 2 > self.unit(arithmetic) else 0.0


# ---------------------------------------------------------------- members


def _shaped(member: Member, shape: tuple[int, int]) -> Member:
    return member.map(lambda x: x.reshape(shape))


def _seed(local: np.ndarray, value: np.ndarray) -> Error:
    """A new error of size `local`: half as if independent, half in the direction of `value`."""
    half = local / 2
    if np.iscomplexobj(value):
        size = np.abs(value)
        return Error(half, np.where(size > 0, value / np.where(size > 0, size, 1), 1) * half)
    return Error(half, np.copysign(half, value))


def _spread(member: Member, units: float) -> Member:
    if member.error is None:
        return member
    return replace(
        member, error=Error(member.error.random + units * np.abs(member.value), member.error.alike)
    )


def _sum(first: Error | None, second: Error | None) -> Error | None:
    """The error of a sum of two, which may have the same cause."""
    if first is None or second is None:
        return first or second
    return Error(first.random + second.random, first.alike + second.alike)


def _times(a: Member, b: Member, unit: float, exact: np.ndarray | None = None) -> Member:
    """`a @ b` before rounding: |A| E(B) + E(A) |B| + E(A) E(B), each part in its own way."""
    value, terms = roundings.product(a.value, b.value, unit, exact)
    error = None
    if a.error is not None:
        right = b.value if b.error is None else b.value + b.error.alike
        wide = b.value if b.error is None else np.abs(b.value) + b.error.size
        error = Error(
            roundings.independent(a.error.random, wide, unit), roundings.signed(a.error.alike, right, unit)
        )
    if b.error is not None:
        more = Error(
            roundings.independent(a.value, b.error.random, unit),
            roundings.signed(a.value, b.error.alike, unit),
        )
        error = _sum(error, more)
    return Member(value, error, terms)


def _scaled(x: Member, factor: float | int) -> Member:
    size = abs(factor)
    error = x.error and Error(size * x.error.random, factor * x.error.alike)
    return Member(factor * x.value, error, x.spelt.scaled(float(size)))


def _scaled_by(s: Member, x: Member, factor: float | int) -> Member:
    """`factor * s * x`, s a scalar that may have an error itself."""
    scale = factor * s.value
    size = np.abs(scale)
    error = x.error and Error(size * x.error.random, scale * x.error.alike)
    if s.error is not None:
        wide = np.abs(x.value) if x.error is None else np.abs(x.value) + x.error.size
        more = Error(abs(factor) * s.error.random * wide, factor * s.error.alike * x.value)
        error = _sum(error, more)
    terms = x.spelt.scaled(float(size.item()))
    return Member(scale * x.value, error, replace(terms, count=terms.count + 2))


def _accumulated(pieces: list[Member], exact: np.ndarray, unit: float) -> Member:
    if len(pieces) == 1:
        return pieces[0]
    total = Accumulation(exact.shape, exact.dtype)
    squares, alike = np.zeros(exact.shape), np.zeros(exact.shape, exact.dtype)
    for piece in pieces:
        total.add(piece.value, piece.spelt)
        if piece.error is not None:
            squares = squares + piece.error.random**2
            alike = alike + piece.error.alike
    known = any(piece.error is not None for piece in pieces)
    return Member(total.value, Error(np.sqrt(squares), alike) if known else None, total.terms(unit))


def _together(columns: list[Member]) -> Member:
    error = None
    for column in columns:
        error = _sum(error, column.error)
    terms = roundings.together([column.spelt for column in columns])
    value = sum((column.value for column in columns[1:]), columns[0].value)
    return Member(value, error, terms)
