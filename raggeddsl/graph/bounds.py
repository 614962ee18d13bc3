"""How far a floating-point result may be from the reference: magnitudes in, error bounds and verdicts out.

Componentwise, |C - C_ref| <= 16·eps·L·(|A||B|…), the forward bound of Higham, "Accuracy and
Stability of Numerical Algorithms" (2002), section 3.5, with the constant 16 in place of k: what
blocked summation stays under at any size.  L counts the roundings that add up: those of both
factors of a product and its own.  Narrow floats sum in f32 and round once when stored.

Of many products in a row, as an iteration makes them, |A||B|… grows without end and the results do
not: then the bound would accept zeros too.  Such members are counted, since it proves nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

import numpy as np

from raggeddsl.dtypes import DTYPES, from_numpy
from raggeddsl.graph.nodes import Chain, Combine, Input, Join, Node, Product, Transpose, View, operands

Value: TypeAlias = "list[np.ndarray] | np.ndarray"
"""A family's members in order, or the array of a single matrix; a scalar is `f64[]`."""

_LONGEST = 2.0**40
_SLACK = 16.0


@dataclass(frozen=True, eq=False)
class Bound:
    """What limits the error of one result.

    `magnitude` is the program run on absolute values (f64, in the form of the result), `length`
    is L, `unit` the relative error of one operation in the coarsest dtype on the way.
    """

    magnitude: Value
    length: float
    unit: float


@dataclass(frozen=True, eq=False)
class Reference:
    """Results by name, and for each what a floating-point result may differ from it by."""

    values: dict[str, Value]
    bounds: dict[str, Bound]


@dataclass(frozen=True)
class Comparison:
    """How results compare with the reference.

    `error` is the largest of max |C - C_ref| / max |C_ref| over all members (the relative error in
    the maximum norm), `share` the largest |C - C_ref| of an entry as a share of what is allowed
    for that entry (agreed: at most 1); `name` and `member` say where
    that share is reached (member None for a single matrix), `members` how many were compared,
    `unproven` how many of them could be zeros for all that is allowed.
    """

    agreed: bool
    error: float
    share: float
    name: str
    member: int | None
    members: int
    unproven: int = 0

    @property
    def worst(self) -> str:
        """The worst member as it is written in a spec: `Y[3]` or `G`."""
        return self.name if self.member is None else f"{self.name}[{self.member}]"


def unit(dtype: str, accumulate: str | None = None) -> float:
    """The relative error that one operation in `dtype` may make, sums over k kept in `accumulate`."""
    stored = DTYPES[dtype]
    if stored.kind == "integer":
        return 0.0
    summed = DTYPES[accumulate or stored.accumulate]
    rounded = 2.0 * stored.eps if stored.eps > summed.eps else 0.0
    return _SLACK * summed.eps + rounded


def error_bound(dtype: str, magnitude: np.ndarray, length: float) -> np.ndarray:
    """The largest |C - C_ref| to accept, f64 in the shape of `magnitude`, after `length` operations.

    16·eps·L·magnitude for f32, f64, c64 and c128; for bf16 and f16 the sums' 16·eps of f32 and
    twice the eps of the type they are stored in; 0 for integers.  The smallest normal number is
    added where there is an error at all, since backends may flush what is below it to zero.
    """
    return _bound(unit(dtype), magnitude, length, dtype)


def _bound(step: float, magnitude: np.ndarray, length: float, dtype: str) -> np.ndarray:
    relative = step * length
    floor = _smallest(dtype) * length if relative > 0 else 0.0
    return relative * np.asarray(magnitude) + floor


def _smallest(dtype: str) -> float:
    """The smallest normal number, or for f16, which is summed in f32, the smallest of all."""
    match dtype:
        case "f16":
            return 2.0**-24
        case "f64" | "c128":
            return 2.0**-1022
        case _:
            return 2.0**-126


def node_unit(node: Node, units: Mapping[int, float]) -> float:
    """The coarsest `unit` of `node` and of what it reads (0 for what was only given)."""
    match node:
        case Product(arithmetic=arithmetic) | Chain(arithmetic=arithmetic):
            own = unit(node.type.dtype, arithmetic.accum)
        case Combine():
            own = unit(node.type.dtype)
        case Input() | Transpose() | Join() | View():
            own = 0.0
        case _:
            assert_never(node)
    return max([own] + [units[use.node] for use in operands(node)])


def chain_length(node: Node, lengths: Mapping[int, float]) -> float:
    """L of `node` from that of what it reads.

    Relative errors of factors add up and a product adds its own; a sum has the worst of its
    terms'.  Accumulating s terms into one member adds the square root of s, what random
    roundings come to.
    """

    def of(*uses: Any) -> float:
        return sum(lengths[use.node] for use in uses if use is not None)

    match node:
        case Input():
            total = 0.0
        case Transpose(x=x) | View(x=x):
            total = of(x)
        case Join(parts=parts):
            total = max((lengths[part] for part in parts), default=0.0)
        case Chain(factors=factors):
            total = of(*factors) + len(factors) - 1
        case Combine(terms=terms, target=target):
            total = max((of(term.x, term.by) for term in terms), default=0.0) + _roundings(target)
        case Product(addends=addends, target=target):
            summed = of(node.lhs, node.rhs, node.by) + _roundings(target)
            total = max([summed] + [of(term.x, term.by) + 1 for term in addends]) + len(addends)
        case _:
            assert_never(node)
    return min(total, _LONGEST)


def _roundings(target: np.ndarray | None) -> float:
    if target is None or len(target) == 0:
        return 1.0
    return float(np.sqrt(np.bincount(target).max()))


def compare(results: Mapping[str, Any], reference: Reference) -> Comparison:
    """Hold `results` (lists, Ragged or arrays by name) against a `Reference` with bounds.

    NaN agrees with NaN and an infinity with the same one; a result that is missing or has another
    shape is an infinite error.
    """
    worst = Comparison(True, 0.0, 0.0, next(iter(reference.values), ""), None, 0)
    error, counted, unproven = 0.0, 0, 0
    for name, wanted in reference.values.items():
        bound = reference.bounds[name]
        single = not isinstance(wanted, list)
        expected = wanted if isinstance(wanted, list) else [wanted]
        sizes = bound.magnitude if isinstance(bound.magnitude, list) else [bound.magnitude]
        got = _members(results, name, len(expected), single)
        for member, (want, size, have) in enumerate(zip(expected, sizes, got, strict=True)):
            relative, share, hollow = _errors(have, want, size, bound)
            error, counted, unproven = max(error, relative), counted + 1, unproven + hollow
            if share > worst.share:
                worst = Comparison(share <= 1.0, 0.0, share, name, None if single else member, 0)
    return Comparison(worst.agreed, error, worst.share, worst.name, worst.member, counted, unproven)


def _members(results: Mapping[str, Any], name: str, count: int, single: bool) -> Sequence[np.ndarray | None]:
    if name not in results:
        return [None] * count
    if single:
        return [np.asarray(results[name])]
    given = [np.asarray(member) for member in results[name]]
    return given if len(given) == count else [None] * count


def _errors(
    have: np.ndarray | None, want: np.ndarray, size: np.ndarray, bound: Bound
) -> tuple[float, float, bool]:
    """One member's relative error in the maximum norm, and its largest share of what is allowed.

    Third, whether zeros would be accepted in place of a member that is not zero.
    """
    if have is None or have.shape != want.shape:
        return np.inf, np.inf, False
    if want.size == 0:
        return 0.0, 0.0, False
    dtype = _short(have.dtype)
    allowed = _bound(bound.unit, size, bound.length, dtype)
    with np.errstate(all="ignore"):
        wide = have.astype(want.dtype)
        same = (wide == want) | (np.isnan(wide) & np.isnan(want))
        difference = np.where(same, 0.0, np.abs(wide - want))
        worst, largest = _largest(difference), _largest(np.where(np.isfinite(want), np.abs(want), 0.0))
        share = np.where(difference == 0, 0.0, difference / allowed)
        hollow = bool(want.any() and (np.abs(want) <= allowed).all())
    return worst / largest if worst and largest else worst, _largest(share), hollow


def _largest(x: np.ndarray) -> float:
    """The maximum, where a NaN (a number against none) is the worst there is."""
    return float(np.where(np.isnan(x), np.inf, x).max())


def _short(dtype: np.dtype) -> str:
    return from_numpy(dtype) or "f64"
