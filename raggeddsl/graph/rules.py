"""The type rules of the language: types and numbers in, the type of the result or a `Mismatch` out.

The text of a spec and the calls of a `Builder` are held against the same rules; each says in its own
words what a `Mismatch` is about.  Types have equally many members, or one that goes with every member
of the other.  `bad` bool[N] are the members that do not fit, and all is worked out on columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np

from raggeddsl.dtypes import DTYPES, promote
from raggeddsl.extent import MOST_BYTES, elements, largest
from raggeddsl.graph.factors import fits
from raggeddsl.graph.nodes import Columns, FamilyType

PRECISIONS = ("default", "high", "highest")
"""What `precision=` may be, as in `jax.lax.Precision`."""

Side: TypeAlias = FamilyType | int | float
"""What an operator takes: the members of a family, or a number."""

Kind: TypeAlias = Literal["number", "scalar", "matrix"]


def kind(side: Side) -> Kind:
    """Whether `side` is a number, a family of scalars or one of matrices."""
    if not isinstance(side, FamilyType):
        return "number"
    return "scalar" if side.scalar else "matrix"


def shape(type: FamilyType, member: int) -> tuple[int, int]:
    """The rows and columns of a member; those of the only one for every member."""
    at = 0 if len(type) == 1 else member
    return int(type.rows[at]), int(type.cols[at])


def stretched(type: FamilyType, length: int) -> FamilyType:
    """`type` with `length` members, where it has one or so many."""
    return FamilyType(_stretched(type.rows, length), _stretched(type.cols, length), type.dtype, type.scalar)


def _stretched(column: Columns, length: int) -> Columns:
    return column if len(column) == length else np.full(length, column[0], np.int64)


def _together(rows: FamilyType, cols: FamilyType, dtype: str, scalar: bool = False) -> FamilyType:
    """Members with the rows of one type and the columns of another."""
    length = len(cols) if len(rows) == 1 else len(rows)
    return stretched(FamilyType(rows.rows, cols.cols, dtype, scalar), length)


def _differ(left: FamilyType, right: FamilyType) -> np.ndarray:
    """Which members differ in shape, bool[N]."""
    differ: np.ndarray = (left.rows != right.rows) | (left.cols != right.cols)
    return differ


@dataclass(frozen=True, eq=False, slots=True)
class _SomeMembers:
    """A mismatch of the members `bad` bool[N]; not of any where only kinds or dtypes differ."""

    bad: np.ndarray

    @property
    def member(self) -> int:
        """The first bad member; 0 where there is none."""
        return int(self.bad.argmax()) if len(self.bad) else 0


# ---------------------------------------------------------------- families side by side


@dataclass(frozen=True, slots=True)
class LengthsDiffer:
    """Two families that go member by member have these many members."""

    code: ClassVar[str] = "RMM408"
    lengths: tuple[int, int]


def lengths(left: int | None, right: int | None) -> LengthsDiffer | None:
    """Whether families of so many members (None: a single matrix) can go member by member."""
    if left is None or right is None or left == right:
        return None
    return LengthsDiffer((left, right))


@dataclass(frozen=True, slots=True)
class TooLarge:
    """All members together take `total` bytes, which 63 bits cannot count; `member` is the largest."""

    code: ClassVar[str] = "RMM318"
    total: int
    member: int


def addressable(type: FamilyType) -> TooLarge | None:
    """Whether 63 bits can count the bytes of all members together."""
    total = elements(type.rows, type.cols) * DTYPES[type.dtype].itemsize
    return None if total <= MOST_BYTES else TooLarge(total, largest(type.rows, type.cols))


# ---------------------------------------------------------------- products


@dataclass(frozen=True, slots=True)
class NoMatrix:
    """`@` has a number or a scalar on its left (`side` 0) or right (1)."""

    side: int
    kind: Literal["number", "scalar"]

    @property
    def code(self) -> str:
        return "RMM315" if self.kind == "number" else "RMM305"


@dataclass(frozen=True, eq=False, slots=True)
class InnerSizes(_SomeMembers):
    """The left of `@` has not as many columns as the right has rows.

    `sizes` are those two of the first bad member; `flip` is the side which, transposed, makes all
    members fit.
    """

    code: ClassVar[str] = "RMM301"
    sizes: tuple[int, int]
    flip: Literal["left", "right"] | None


def product(left: Side, right: Side) -> FamilyType | NoMatrix | InnerSizes:
    """The type of `left @ right`."""
    kinds = kind(left), kind(right)
    if "number" in kinds:
        return NoMatrix(kinds.index("number"), "number")
    if "scalar" in kinds:
        return NoMatrix(kinds.index("scalar"), "scalar")
    assert isinstance(left, FamilyType) and isinstance(right, FamilyType)
    bad = left.cols != right.rows
    if bad.any():
        member = int(bad.argmax())
        return InnerSizes(bad, (shape(left, member)[1], shape(right, member)[0]), _flip(left, right))
    return _together(left, right, promote(left.dtype, right.dtype))


def _flip(left: FamilyType, right: FamilyType) -> Literal["left", "right"] | None:
    if (left.cols == right.cols).all():
        return "right"
    return "left" if (left.rows == right.rows).all() else None


@dataclass(frozen=True, slots=True)
class AccumTooNarrow:
    """Sums of `dtype` products are not kept exactly in `accum`; `fractions`: these are integers, that not."""

    code: ClassVar[str] = "RMM316"
    dtype: str
    accum: str
    fractions: bool


def accumulated(dtype: str, accum: str) -> AccumTooNarrow | None:
    """Whether the sums of `dtype` products may be kept in `accum`."""
    fractions = DTYPES[dtype].kind == "integer" and DTYPES[accum].kind != "integer"
    if fractions or promote(dtype, accum) != accum:
        return AccumTooNarrow(dtype, accum, fractions)
    return None


def transposed(type: FamilyType) -> FamilyType:
    """The type of `x.T`; scalars are their own transposes."""
    return type if type.scalar else type.transpose()


# ---------------------------------------------------------------- scaling


@dataclass(frozen=True, slots=True)
class TwoMatrices:
    """`*` has a matrix on both sides."""

    code: ClassVar[str] = "RMM303"


@dataclass(frozen=True, slots=True)
class FractionOfIntegers:
    """`number` has a fraction, or is written as if it had one, and scales integers."""

    code: ClassVar[str] = "RMM311"
    number: float
    dtype: str


@dataclass(frozen=True, slots=True)
class FactorOutOfRange:
    """`dtype` does not hold `number`, which is to scale it."""

    code: ClassVar[str] = "RMM320"
    number: int | float
    dtype: str


Unscalable: TypeAlias = TwoMatrices | FractionOfIntegers | FactorOutOfRange


def scaled(left: Side, right: Side) -> FamilyType | Unscalable:
    """The type of `left * right`, of which not both are numbers."""
    if not isinstance(left, FamilyType):
        assert isinstance(right, FamilyType)
        return _by_number(right, left)
    if not isinstance(right, FamilyType):
        return _by_number(left, right)
    if not left.scalar and not right.scalar:
        return TwoMatrices()
    scalars, matrices = (left, right) if left.scalar else (right, left)
    length = len(scalars) if len(matrices) == 1 else len(matrices)
    dtype = promote(left.dtype, right.dtype)
    return stretched(FamilyType(matrices.rows, matrices.cols, dtype, matrices.scalar), length)


def _by_number(type: FamilyType, number: int | float) -> FamilyType | FractionOfIntegers | FactorOutOfRange:
    if isinstance(number, float) and DTYPES[type.dtype].kind == "integer":
        return FractionOfIntegers(number, type.dtype)
    return type if fits(number, type.dtype) else FactorOutOfRange(number, type.dtype)


# ---------------------------------------------------------------- sums and differences


@dataclass(frozen=True, slots=True)
class KindsDiffer:
    """`+` or `-` between things that do not add: a number, or a scalar and a matrix."""

    code: ClassVar[str] = "RMM304"
    kinds: tuple[Kind, Kind]


@dataclass(frozen=True, eq=False, slots=True)
class ShapesDiffer(_SomeMembers):
    """The sides of `+` or `-` differ in shape; `flip`: with one side transposed all members would fit."""

    code: ClassVar[str] = "RMM302"
    shapes: tuple[tuple[int, int], tuple[int, int]]
    flip: bool


def added(left: Side, right: Side) -> FamilyType | KindsDiffer | ShapesDiffer:
    """The type of `left + right` and of `left - right`."""
    kinds = kind(left), kind(right)
    if not isinstance(left, FamilyType) or not isinstance(right, FamilyType) or kinds[0] != kinds[1]:
        return KindsDiffer(kinds)
    bad = _differ(left, right)
    if bad.any():
        member = int(bad.argmax())
        flip = not _differ(left.transpose(), right).any()
        return ShapesDiffer(bad, (shape(left, member), shape(right, member)), flip)
    return _together(left, right, promote(left.dtype, right.dtype), left.scalar)


# ---------------------------------------------------------------- sums into results


@dataclass(frozen=True, eq=False, slots=True)
class TermsDiffer(_SomeMembers):
    """Terms of one result differ in shape: the first `bad` one, `member`, from the `first` of its result."""

    code: ClassVar[str] = "RMM312"
    first: int


@dataclass(frozen=True, eq=False, slots=True)
class NoTerms(_SomeMembers):
    """Results `bad` have no terms, and no shape is declared for them; `member` is the first."""

    code: ClassVar[str] = "RMM313"


def first_terms(type: FamilyType, target: Columns, results: int) -> Columns | TermsDiffer:
    """The first term of each result, int64[results] with -1 for none; term t adds to result `target[t]`."""
    first = np.full(results, -1, np.int64)
    first[target[::-1]] = np.arange(len(type))[::-1]
    bad = _differ(type, type.take(first[target]))
    return TermsDiffer(bad, int(first[target[bad.argmax()]])) if bad.any() else first


def summed(type: FamilyType, first: Columns, declared: FamilyType | None) -> FamilyType | NoTerms:
    """The type of the results whose `first` terms are these; as `declared` for those without terms."""
    missing = first < 0
    if not missing.any():
        return type.take(first)
    if type.scalar:
        return FamilyType(np.ones(len(first), np.int64), np.ones(len(first), np.int64), type.dtype, True)
    if declared is None:
        return NoTerms(missing)
    rows, cols = declared.rows[: len(first)].copy(), declared.cols[: len(first)].copy()
    if len(type):
        some = type.take(np.maximum(first, 0))
        rows, cols = np.where(missing, rows, some.rows), np.where(missing, cols, some.cols)
    return FamilyType(rows, cols, type.dtype)


# ---------------------------------------------------------------- what was said before


@dataclass(frozen=True, eq=False, slots=True)
class NotAsDeclared(_SomeMembers):
    """A value is not of the declared type.

    Its shapes differ in members `bad`, which may be none; it is a scalar or a matrix where the other is
    not (`kinds`); or its dtype is another (`dtypes`).
    """

    code: ClassVar[str] = "RMM309"
    kinds: bool
    dtypes: bool

    @property
    def shapes(self) -> bool:
        """Whether more than the dtype differs."""
        return self.kinds or bool(self.bad.any())


def as_declared(declared: FamilyType, value: FamilyType) -> NotAsDeclared | None:
    """Whether `value` has the type that was declared for it."""
    bad = _differ(declared, value)
    mismatch = NotAsDeclared(bad, declared.scalar != value.scalar, declared.dtype != value.dtype)
    return mismatch if mismatch.shapes or mismatch.dtypes else None


@dataclass(frozen=True, eq=False, slots=True)
class ShapeNotKept(_SomeMembers):
    """A step of an iteration gives other shapes than it takes, in members `bad`, or another kind."""

    code: ClassVar[str] = "RMM314"


def iterated(before: FamilyType, after: FamilyType) -> ShapeNotKept | None:
    """Whether a function that takes `before` and gives `after` can be iterated."""
    bad = _differ(before, after)
    return ShapeNotKept(bad) if bad.any() or before.scalar != after.scalar else None


Mismatch: TypeAlias = (
    LengthsDiffer
    | TooLarge
    | NoMatrix
    | InnerSizes
    | AccumTooNarrow
    | Unscalable
    | KindsDiffer
    | ShapesDiffer
    | TermsDiffer
    | NoTerms
    | NotAsDeclared
    | ShapeNotKept
)
"""Why a rule has no type to give: `code` is that of the diagnostic, the rest what it is about."""
