"""The nodes of the product graph: one a family operation, a closed set of frozen dataclasses.

A node's value is a *family*: N matrices whose sizes are NumPy columns (N = 1 for a single
matrix).  Edges run from what is read to what reads it.  There are seven kinds of node; a pass
takes one graph to another and the planner accepts those in *normal form*: `Input`, `Product`,
`Combine`, `Join` and `View`, with no transposed `Combine` term that a product could have taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias, assert_never

import numpy as np

from raggeddsl.diagnostics.source import Span

Columns = np.ndarray
"""An int64[N] column, one entry a member."""


@dataclass(frozen=True, eq=False)
class FamilyType:
    """Shapes and element type of N matrices: member i is `dtype[rows[i], cols[i]]`.

    `scalar` families have `[]`-shaped members (rows = cols = 1), which may scale others.
    """

    rows: Columns
    cols: Columns
    dtype: str
    scalar: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sizes(self) -> Columns:
        """Elements of each member."""
        return self.rows * self.cols

    def take(self, members: Columns) -> FamilyType:
        """The family of the chosen members, in that order, repeats allowed."""
        return FamilyType(self.rows[members], self.cols[members], self.dtype, self.scalar)

    def transpose(self) -> FamilyType:
        """Each member transposed."""
        return FamilyType(self.cols, self.rows, self.dtype, self.scalar)


@dataclass(frozen=True, eq=False)
class Operand:
    """A use of a node's value: term t reads member `members[t]` (None: member t), transposed or not."""

    node: int
    members: Columns | None = None
    transposed: bool = False


@dataclass(frozen=True, eq=False)
class Term:
    """`factor * by * x`: a scaled use; `by` is a scalar family's operand or None."""

    x: Operand
    factor: float | int = 1
    by: Operand | None = None


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a definition's products are computed: `with precision=…, accum=…`.

    `precision` is one of default, high, highest (as in `jax.lax.Precision`); `accum` is the
    dtype that sums over k are kept in (None: that of `DType.accumulate`).
    """

    precision: str = "default"
    accum: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a node came from, for people: the definition's name and its place in the spec."""

    label: str = ""
    span: Span | None = None


@dataclass(frozen=True, eq=False)
class Input:
    """A value given at call time.

    With `family`, `names` is one name and the value is that ragged family; else member k is the
    single matrix (or scalar) called `names[k]`.
    """

    type: FamilyType
    names: tuple[str, ...]
    family: bool
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class Transpose:
    """Each member of `x` transposed."""

    type: FamilyType
    x: Operand
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class Chain:
    """`f0 @ f1 @ …` of two or more factors, each member's order still to be chosen.

    `left` keeps the order as written, from the left (`option association = left`).
    """

    type: FamilyType
    factors: tuple[Operand, ...]
    arithmetic: Arithmetic = Arithmetic()
    left: bool = False
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class Product:
    """`out[target[t]] += factor * by[t] * lhs[t] @ rhs[t]`, on top of `addends`.

    `target` is None when term t is member t; members that no term reaches hold only the
    addends (zeros where there are none).  An addend is a `Term` over the *members* of the result.
    """

    type: FamilyType
    lhs: Operand
    rhs: Operand
    factor: float | int = 1
    by: Operand | None = None
    target: Columns | None = None
    addends: tuple[Term, ...] = ()
    arithmetic: Arithmetic = Arithmetic()
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class Combine:
    """`out[target[t]] += Σ_j factor_j * by_j[t] * x_j[t]`: a scaled sum of equal shapes.

    Scaling, adding, subtracting, negating and `sum(… for t)` are all this; zeros where no term
    reaches.  No terms at all: zeros (an empty sum).
    """

    type: FamilyType
    terms: tuple[Term, ...]
    target: Columns | None = None
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class Join:
    """A family put together from disjoint pieces: member `places[j][q]` is member q of `parts[j]`.

    Every member has exactly one piece.  Nothing moves: the planner gives the pieces the joined
    family's storage.  A part is read by nobody but its Join.
    """

    type: FamilyType
    parts: tuple[int, ...]
    places: tuple[Columns, ...]
    origin: Origin = Origin()


@dataclass(frozen=True, eq=False)
class View:
    """The elements of each member of `x`, in row-major order, as members of other shapes.

    Member sizes are those of `x` as it is read.  Nothing moves: the view lies where `x` lies,
    which in normal form is not transposed.  A gradient by a scalar is an inner product of two
    matrices seen as rows; specs have no views.
    """

    type: FamilyType
    x: Operand
    origin: Origin = Origin()


Node: TypeAlias = Input | Transpose | Chain | Product | Combine | Join | View


@dataclass(frozen=True, eq=False)
class Output:
    """What the user gets: with `family`, all of `operand` under one name; else member k of it
    is the single matrix `names[k]`.  `operand.transposed` is False in normal form."""

    names: tuple[str, ...]
    operand: Operand
    family: bool
    span: Span | None = None


def operands(node: Node) -> tuple[Operand, ...]:
    """Every use that `node` makes of other nodes, in a fixed order."""
    match node:
        case Input():
            return ()
        case Transpose(x=x) | View(x=x):
            return (x,)
        case Chain(factors=factors):
            return factors
        case Product():
            multiplied = (node.lhs, node.rhs) + ((node.by,) if node.by is not None else ())
            return multiplied + tuple(o for term in node.addends for o in term_operands(term))
        case Combine(terms=terms):
            return tuple(o for term in terms for o in term_operands(term))
        case Join(parts=parts):
            return tuple(Operand(part) for part in parts)
        case _:
            assert_never(node)


def term_operands(term: Term) -> tuple[Operand, ...]:
    """What a term reads: the matrix, then its scalar if it has one."""
    return (term.x,) if term.by is None else (term.x, term.by)
