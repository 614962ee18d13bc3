"""An operation and what is known of its operands in, what is known of its value out; or an `RmmError`.

The codes are those that the same fault has in a spec's text.  Where an operand is a macro's parameter
nothing is known, and nothing is checked until the macro is called.
"""

from __future__ import annotations

from typing import NoReturn

import numpy as np

from raggeddsl.builder.nodes import Binary, Known, Node, Number
from raggeddsl.builder.shapes import addressable
from raggeddsl.builder.words import members, shape_of, shown, where
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES, promote
from raggeddsl.graph.factors import misfit
from raggeddsl.graph.nodes import Columns, FamilyType


def result(op: str, left: Node, right: Node) -> Known | None:
    """What is known of `left op right`."""
    if isinstance(left, Number) or isinstance(right, Number):
        return _with_number(op, left, right)
    if left.known is None or right.known is None:
        return None
    _same_length(op, left, right)
    match op:
        case "@":
            product = _product(left, right, left.known, right.known)
            addressable(product, f"`{_text(op, left, right)}`")
            return product
        case "*":
            return _scaled(left, right, left.known, right.known)
        case _:
            return _added(op, left, right, left.known, right.known)


def _text(op: str, left: Node, right: Node) -> str:
    return shown(Binary(op, left, right, None))  # type: ignore[arg-type]


def _with_number(op: str, left: Node, right: Node) -> Known | None:
    text = _text(op, left, right)
    number, other = (left, right) if isinstance(left, Number) else (right, left)
    assert isinstance(number, Number)
    if op == "@":
        message = f"`{shown(number)}` in `{text}` is a number, but `@` multiplies matrices"
        refuse("RMM315", message, "scale with `*`")
    if op != "*":
        help = "only equal shapes add; for the diagonal, add a multiple of an `input` that is the identity"
        refuse("RMM304", f"`{op}` between a matrix and a number in `{text}`", help)
    known = other.known
    if known is not None and isinstance(number.value, float) and DTYPES[known.type.dtype].kind == "integer":
        dtype = known.type.dtype
        refuse(
            "RMM311",
            f"a fractional number times {dtype} in `{text}` is not {dtype}",
            'use a whole number, or multiply with an f32 scalar: `b.input("s", shape=())`',
        )
    bad = None if known is None else misfit(number.value, known.type.dtype)
    if bad is not None:
        refuse("RMM320", f"{bad.message}, in `{text}`: {bad.holds}", bad.help)
    return known


def _same_length(op: str, left: Node, right: Node) -> None:
    """Families are taken member by member, so they need equally many."""
    one, other = left.known, right.known
    assert one is not None and other is not None
    if not (one.family and other.family) or len(one) == len(other):
        return
    refuse(
        "RMM408",
        f"`{_text(op, left, right)}` goes member by member, but `{shown(left)}` has {members(len(one))} and "
        f"`{shown(right)}` has {len(other)}",
        "say which member belongs to which by a map: `B[owner]`, with one whole number for each member",
    )


def _product(left: Node, right: Node, one: Known, other: Known) -> Known:
    for side in (left, right):
        assert side.known is not None
        if side.known.type.scalar:
            text = _text("@", left, right)
            message = f"`@` multiplies matrices, but `{shown(side)}` in `{text}` is a scalar"
            refuse("RMM305", message, "write `*` to scale a matrix")
    bad = one.type.cols != other.type.rows
    if bad.any():
        row = int(bad.argmax())
        refuse(
            "RMM301",
            f"inner sizes differ in `{_text('@', left, right)}`{where(bad, one, other)}: "
            f"{shape_of(left, row)}, {shape_of(right, row)}",
            _transposing(left, right, one, other),
        )
    dtype = promote(one.type.dtype, other.type.dtype)
    return _spread(one.type.rows, other.type.cols, dtype, one, other)


def _transposing(left: Node, right: Node, one: Known, other: Known) -> str:
    if bool((one.type.cols == other.type.cols).all()):
        return f"transposed the right side would fit: `{shown(right)}.T`"
    if bool((one.type.rows == other.type.rows).all()):
        return f"transposed the left side would fit: `{shown(left)}.T`"
    return "the columns on the left must be as many as the rows on the right"


def _spread(
    rows: Columns, cols: Columns, dtype: str, one: Known, other: Known, scalar: bool = False
) -> Known:
    """The type over all members, if one of the sides is a family."""
    longest = one if one.family else other
    length = len(longest)
    type = FamilyType(_stretched(rows, length), _stretched(cols, length), dtype, scalar)
    return Known(type, longest.family)


def _stretched(column: Columns, length: int) -> Columns:
    return column if len(column) == length else np.full(length, column[0], np.int64)


def _scaled(left: Node, right: Node, one: Known, other: Known) -> Known:
    if not one.type.scalar and not other.type.scalar:
        text = _text("*", left, right)
        help = "write `@` for the matrix product; `*` takes a number or a scalar on one side"
        refuse("RMM303", f"`*` between two matrices in `{text}`", help)
    matrix = other if one.type.scalar else one
    dtype = promote(one.type.dtype, other.type.dtype)
    return _spread(matrix.type.rows, matrix.type.cols, dtype, one, other, matrix.type.scalar)


def _added(op: str, left: Node, right: Node, one: Known, other: Known) -> Known:
    text = _text(op, left, right)
    if one.type.scalar != other.type.scalar:
        sides = ["a scalar" if side.type.scalar else "a matrix" for side in (one, other)]
        refuse("RMM304", f"`{op}` between {sides[0]} and {sides[1]} in `{text}`", "only equal shapes add")
    bad = (one.type.rows != other.type.rows) | (one.type.cols != other.type.cols)
    if bad.any():
        row = int(bad.argmax())
        shapes = f"{shape_of(left, row)}, {shape_of(right, row)}"
        message = f"shapes differ in `{text}`{where(bad, one, other)}: {shapes}"
        refuse("RMM302", message, "only equal shapes add")
    dtype = promote(one.type.dtype, other.type.dtype)
    return _spread(one.type.rows, one.type.cols, dtype, one, other, one.type.scalar)


# ---------------------------------------------------------------- sums


def total(body: Node, target: Columns | None, count: int, given: Known | None) -> Known:
    """What is known of a sum: of all members of `body`, or of those that `target` sends to each result.

    `given` are declared shapes, which results without terms take.
    """
    known = body.known
    assert known is not None
    type = known.type
    reached = np.zeros(len(type), np.int64) if target is None else target
    first = np.full(count, -1, np.int64)
    first[reached[::-1]] = np.arange(len(type))[::-1]
    _agree(body, type, first[reached])
    missing = first < 0
    rows, cols = np.ones(count, np.int64), np.ones(count, np.int64)
    if given is not None:
        rows, cols = given.type.rows.copy(), given.type.cols.copy()
        _as_given(body, type, given, first)
    elif missing.any() and not type.scalar:
        _no_terms(body, target, missing)
    rows[~missing], cols[~missing] = type.rows[first[~missing]], type.cols[first[~missing]]
    return Known(FamilyType(rows, cols, type.dtype, type.scalar), target is not None)


def _agree(body: Node, type: FamilyType, first: Columns) -> None:
    bad = (type.rows != type.rows[first]) | (type.cols != type.cols[first])
    if not bad.any():
        return
    row = int(bad.argmax())
    refuse(
        "RMM312",
        f"the members of `{shown(body)}` differ in shape: {shape_of(body, int(first[row]))}, "
        f"{shape_of(body, row)}",
        "only equal shapes add; say by `into=` which members belong together",
    )


def _as_given(body: Node, type: FamilyType, given: Known, first: Columns) -> None:
    reached = np.flatnonzero(first >= 0)
    chosen = first[reached]
    bad = (given.type.rows[reached] != type.rows[chosen]) | (given.type.cols[reached] != type.cols[chosen])
    if given.type.scalar != type.scalar or bad.any():
        at = int(bad.argmax()) if bad.any() else 0
        message = f"a sum of `{shown(body)}` is declared with other shapes than its terms have"
        terms = f": {shape_of(body, int(chosen[at]))}" if len(chosen) else ""
        refuse("RMM309", message + terms, "change the declared shapes, or leave them out")


def _no_terms(body: Node, target: Columns | None, missing: np.ndarray) -> NoReturn:
    result = "" if target is None else f" for result {int(missing.argmax())}"
    refuse(
        "RMM313",
        f"the sum of `{shown(body)}` has no terms{result}, so its shape is not known",
        "give `shape=(m, n)`, or `shapes=` with one pair for each result",
    )
