"""Size formulas in, whole numbers out: exact, whatever is between, over all rows of a domain at once.

`+ - * //`, unary minus, numbers, `dim`s, index variables and maps.  Results are int64; where an
intermediate could leave int64 the arithmetic goes on in Python's integers, so nothing wraps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix, Label
from raggeddsl.elaborate.domain import SINGLE, Domain
from raggeddsl.elaborate.members import column, fits, members, take
from raggeddsl.elaborate.state import State
from raggeddsl.elaborate.symbols import KIND_WORDS, Kind
from raggeddsl.graph.nodes import Columns
from raggeddsl.language import ast

Exact = int | np.ndarray
"""A Python int, or int64[rows], or Python ints in object[rows]."""

LARGEST = 2**63 - 1


class BadLines(Exception):
    """Like lines that cannot be taken together: `bad` bool[lines], or all of them (None)."""

    def __init__(self, bad: np.ndarray | None = None) -> None:
        super().__init__()
        self.bad = bad


@dataclass(frozen=True, eq=False)
class Scope:
    """Where a formula stands: its domain and the place of its statement.

    For like lines the rows of the domain are the lines, and `leaves` gives each number or name of
    the template, by where it begins, its values in all of them; a fault raises `BadLines`.
    """

    turn: int
    domain: Domain = SINGLE
    leaves: Mapping[int, Exact] | None = None


def size(state: State, expr: ast.Expr, scope: Scope, least: int = 0) -> int | Columns | None:
    """The size that `expr` says: one int, or int64[rows]; None after an error was recorded.

    It is at least `least`, below 0 only for what is no size, as the members of a map.
    """
    value = formula(state, expr, scope)
    if value is None:
        return None
    if isinstance(value, int):
        wrong = value < least or value > LARGEST
        bad = np.full(scope.domain.length, wrong)
    else:
        bad = np.asarray((value < least) | (value > LARGEST), bool)
        wrong = bool(bad.any())
    if not wrong:
        return value if isinstance(value, int) else value.astype(np.int64)
    if scope.leaves is not None:
        raise BadLines(bad)
    first = value if isinstance(value, int) else int(value[bad.argmax()])
    where = "" if isinstance(value, int) else scope.domain.rows(bad)
    text = state.text(expr.span)
    state.diagnostics.error(
        "RMM405",
        f"the size `{text}` is "
        + ("" if text == str(first) else f"{_short(first)}{where}, ")
        + ("negative" if first < 0 else "more than 2**63 - 1"),
        expr.span,
        help="sizes are whole numbers ≥ 0" if first < 0 else "sizes fit in 63 bits",
    )
    return None


def _short(number: int) -> str:
    return (
        str(number)
        if abs(number) < 10**30
        else f"about {'-' if number < 0 else ''}2**{abs(number).bit_length()}"
    )


def formula(state: State, expr: ast.Expr, scope: Scope) -> Exact | None:
    """The value of a formula, of any sign and size; None after an error was recorded."""
    pending: list[ast.Binary | ast.Negate] = []
    while isinstance(expr, ast.Binary | ast.Negate | ast.Group):
        match expr:
            case ast.Binary(left=left):
                pending.append(expr)
                expr = left
            case ast.Negate(operand=inner):
                pending.append(expr)
                expr = inner
            case ast.Group(inner=inner):
                expr = inner
    value = _leaf(state, expr, scope)
    while pending and value is not None:
        above = pending.pop()
        if isinstance(above, ast.Negate):
            value = _minus(value)
            continue
        right = formula(state, above.right, scope)
        value = None if right is None else _apply(state, above, value, right, scope)
    return value


def _leaf(state: State, expr: ast.Expr, scope: Scope) -> Exact | None:
    if scope.leaves is not None and isinstance(expr, ast.Number | ast.Ref):
        return scope.leaves[expr.span.start]
    match expr:
        case ast.Number(value=int(value)):
            return value
        case ast.Number():
            _fraction(state, expr)
        case ast.Ref():
            return _name(state, expr, scope)
        case _:
            _refuse(scope)
            state.diagnostics.error(
                "RMM411",
                f"`{state.text(expr.span)}` is not part of a size formula",
                expr.span,
                help="sizes are made of numbers, `dim`s and the index by + - * //",
            )
    return None


def _fraction(state: State, expr: ast.Number) -> None:
    whole = float(expr.value).is_integer() and abs(expr.value) < 2**53
    state.diagnostics.error(
        "RMM405",
        f"`{state.text(expr.span)}` is not a whole number, so it is no size",
        expr.span,
        help=f"write {int(expr.value)}" if whole else "sizes are whole numbers ≥ 0; `//` divides them",
        fixes=[Fix(expr.span, str(int(expr.value)))] if whole else (),
    )


def _refuse(scope: Scope, bad: np.ndarray | None = None) -> None:
    if scope.leaves is not None:
        raise BadLines(bad)


def _name(state: State, expr: ast.Ref, scope: Scope) -> Exact | None:
    row = state.symbols.find(expr.name, scope.turn, Kind.DIM, Kind.INDEX, Kind.MAP)
    if row is None:
        return None
    kind = Kind(state.symbols.kinds[row])
    if kind is Kind.DIM:
        return _dim(state, expr, row, scope)
    if kind is Kind.INDEX and expr.index is not None:
        _over(state, expr, f"`{expr.name}` is an index, which has no members of its own", row)
        return None
    if kind is Kind.MAP and expr.index is None:
        _over(state, expr, f"`{expr.name}` is a map, so it needs brackets: `{expr.name}[...]`", row)
        return None
    picked = members(state, expr, scope.domain, scope.turn)
    if picked is None:
        return None
    return picked.picked if isinstance(picked.picked, int) else column(picked.picked, scope.domain.length)


def _dim(state: State, expr: ast.Ref, row: int, scope: Scope) -> Exact | None:
    sizes = state.dims.get(row)
    if sizes is None:
        return None
    if sizes.index is None:
        if expr.index is not None:
            _over(state, expr, f"`{expr.name}` is one size, without an index", row)
            return None
        return sizes.value
    if expr.index is None:
        _over(state, expr, f"`{expr.name}` has one size for each `{sizes.index}`", row)
        return None
    picked = members(state, expr.index, scope.domain, scope.turn)
    if picked is None or not fits(state, picked, sizes.index, expr, row):
        return None
    assert isinstance(sizes.value, np.ndarray)
    return take(sizes.value, picked.picked)


def _over(state: State, expr: ast.Ref, message: str, row: int) -> None:
    """An index where there should be none, or none where there should be one."""
    kind = KIND_WORDS[Kind(state.symbols.kinds[row])]
    sizes = state.dims.get(row)
    index = None if sizes is None else sizes.index
    wanted = f"{expr.name}[{index}]" if expr.index is None and index else expr.name
    mendable = expr.index is not None or bool(index)
    state.diagnostics.error(
        "RMM407",
        message,
        expr.span,
        labels=[Label(state.symbols.span(row), f"`{expr.name}` is declared here, as {kind}")],
        help=f"write `{wanted}`" if mendable else None,
        fixes=[Fix(expr.span, wanted)] if mendable else (),
    )


# ---------------------------------------------------------------- arithmetic


def _apply(state: State, expr: ast.Binary, left: Exact, right: Exact, scope: Scope) -> Exact | None:
    match expr.op:
        case "+":
            return _add(left, right)
        case "-":
            return _add(left, _minus(right))
        case "*":
            return _times(left, right)
        case "//":
            return _divide(state, expr, left, right, scope)
        case _:
            _refuse(scope)
            state.diagnostics.error(
                "RMM411",
                f"`{expr.op}` is an operation on matrices, not on sizes",
                expr.op_span,
                help="sizes are multiplied with `*`",
                fixes=[Fix(expr.op_span, "*")],
            )
            return None


def _largest(value: Exact) -> int:
    """The largest magnitude in `value`."""
    if isinstance(value, int):
        return abs(value)
    return max(abs(int(value.max())), abs(int(value.min()))) if len(value) else 0


def _widen(value: Exact, fits_int64: bool) -> Exact:
    if isinstance(value, int) or value.dtype == object:
        return value
    return value if fits_int64 else value.astype(object)


def _pair(left: Exact, right: Exact, bound: int) -> tuple[Exact, Exact]:
    """Both sides in int64 if `bound` on the result and both sides themselves fit, else exact."""
    small = max(bound, _largest(left), _largest(right)) <= LARGEST
    return _widen(left, small), _widen(right, small)


def _add(left: Exact, right: Exact) -> Exact:
    a, b = _pair(left, right, _largest(left) + _largest(right))
    return a + b


def _minus(value: Exact) -> Exact:
    return -_widen(value, _largest(value) <= LARGEST)


def _times(left: Exact, right: Exact) -> Exact:
    a, b = _pair(left, right, _largest(left) * _largest(right))
    return a * b


def _divide(state: State, expr: ast.Binary, left: Exact, right: Exact, scope: Scope) -> Exact | None:
    zero = np.broadcast_to(np.asarray(right == 0, bool), (scope.domain.length,))
    if np.any(right == 0):
        _refuse(scope, zero)
        where = "" if isinstance(right, int) else scope.domain.rows(zero)
        state.diagnostics.error(
            "RMM406",
            f"`{state.text(expr.span)}` divides by zero{where}",
            expr.right.span,
            help="make the divisor at least 1",
        )
        return None
    a, b = _pair(left, right, _largest(left))
    return a // b
