"""`+ - *` and unary minus on values: shapes, dtypes and kinds checked, terms gathered lazily."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import assert_never

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix
from raggeddsl.diagnostics.source import Span
from raggeddsl.elaborate.context import Context, close, close_part, describe, in_text, use_of
from raggeddsl.elaborate.types import both_shapes
from raggeddsl.elaborate.values import Constant, Matrix, Part, Value, side
from raggeddsl.graph import factors, rules
from raggeddsl.graph.nodes import FamilyType
from raggeddsl.language import ast


def negate(ctx: Context, expr: ast.Negate, value: Value) -> Value | None:
    """`-value`."""
    if isinstance(value, Constant):
        return Constant(-value.value)
    return scale(ctx, value, -1)


def binary(ctx: Context, expr: ast.Binary, left: Value, right: Value) -> Value | None:
    """`left op right` for every operator but `@`."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        return _fold(ctx, expr, left.value, right.value)
    if expr.op == "//":
        ctx.error(
            "RMM317",
            "`//` divides sizes and numbers, not matrices",
            expr.op_span,
            help="multiply with the reciprocal: `0.5 * X`; a comment begins with `#`",
        )
        return None
    if expr.op == "*":
        return _times(ctx, expr, left, right)
    return _add(ctx, expr, left, right)


def _fold(ctx: Context, expr: ast.Binary, left: int | float, right: int | float) -> Value | None:
    if expr.op == "//" and right == 0:
        message = f"`{in_text(ctx, expr)}` divides by zero"
        ctx.error("RMM406", message, expr.right.span, help="divide by another number")
        return None
    try:
        value = {
            "+": lambda: left + right,
            "-": lambda: left - right,
            "*": lambda: left * right,
            "//": lambda: left // right,
        }[expr.op]()
    except OverflowError:
        value = math.inf
    return Constant(value) if _in_range(ctx, value, expr.span) else None


def _in_range(ctx: Context, value: int | float, span: Span) -> bool:
    if factors.in_range(value):
        return True
    ctx.error(
        "RMM319",
        f"the number that `{ctx.state.text(span)}` comes to is out of range",
        span,
        help="whole numbers fit in 63 bits, others in a float64",
    )
    return False


# ---------------------------------------------------------------- scaling


def scale(ctx: Context, value: Matrix, factor: int | float) -> Matrix | None:
    """`factor * value`, by a factor that its type holds.

    It joins the factors that are there, unless their product would leave the range of the type: then
    they are applied one after another.
    """
    if factor == 1 and isinstance(factor, int):
        return value
    dtype = value.type.dtype
    joined = [factors.times(dtype, part.factor, factor) for part in value.parts]
    known = [number for number in joined if number is not None]
    if len(known) < len(joined):
        closed = close(ctx, value)
        if closed is None:
            return None
        value, known = closed, [factor]
    parts = tuple(replace(part, factor=number) for part, number in zip(value.parts, known, strict=True))
    return Matrix(parts, value.type, value.constant, value.causes)


def _times(ctx: Context, expr: ast.Binary, left: Value, right: Value) -> Matrix | None:
    type = rules.scaled(side(left), side(right))
    if not isinstance(type, FamilyType):
        _unscalable(ctx, expr, left, right, type)
        return None
    if isinstance(left, Constant):
        assert isinstance(right, Matrix), "two numbers are worked out before"
        return scale(ctx, right, left.value)
    if isinstance(right, Constant):
        return scale(ctx, left, right.value)
    return _scale_by(ctx, right, left, type) if left.type.scalar else _scale_by(ctx, left, right, type)


def _unscalable(
    ctx: Context, expr: ast.Binary, left: Value, right: Value, mismatch: rules.Unscalable
) -> None:
    match mismatch:
        case rules.TwoMatrices():
            assert isinstance(left, Matrix) and isinstance(right, Matrix)
            _two_matrices(ctx, expr, left, right, mismatch)
        case rules.FractionOfIntegers(number=number, dtype=dtype):
            whole = f", as {int(number)}" if number.is_integer() else ""
            ctx.error(
                mismatch.code,
                f"a fractional number times {dtype} is not {dtype}",
                expr.span,
                help=f"use a whole number{whole}, or multiply with an f32 scalar: `input s : f32[]`",
            )
        case rules.FactorOutOfRange(number=number, dtype=dtype):
            words = factors.misfit(number, dtype)
            ctx.error(mismatch.code, words.message, expr.span, here=words.holds, help=words.help)
        case _:
            assert_never(mismatch)


def _two_matrices(
    ctx: Context, expr: ast.Binary, left: Matrix, right: Matrix, mismatch: rules.TwoMatrices
) -> None:
    ctx.refuse()
    names = describe(ctx, expr.left, 0), describe(ctx, expr.right, 0)
    ctx.error(
        mismatch.code,
        f"`*` between two matrices in `{in_text(ctx, expr)}`",
        expr.op_span,
        here=both_shapes(names, left.type, right.type, 0),
        help="write `@` for the matrix product; `*` takes a number or a scalar on one side",
        fixes=[Fix(expr.op_span, "@")],
    )


def _scale_by(ctx: Context, value: Matrix, scalar: Matrix, type: FamilyType) -> Matrix | None:
    """`scalar * value`, which is of `type`; the scalar's own factor taken out where that is exact."""
    dtype = type.dtype
    if len(value.parts) > 1 or value.parts[0].by is not None or value.type.dtype != dtype:
        closed = close(ctx, value)
        if closed is None:
            return None
        value = closed
    plain = scalar
    factor: int | float = 1
    first = scalar.parts[0]
    if len(scalar.parts) == 1 and first.by is None and first.type.dtype == scalar.type.dtype == dtype:
        bare = close_part(ctx, first)
        if bare is None:
            return None
        plain, factor = Matrix((Part(bare.x, bare.type),), scalar.type, scalar.constant), first.factor
    by = use_of(ctx, plain)
    if by is None:
        return None
    part = value.parts[0]
    scaled = Part(part.x, part.type, part.factor, by)
    product = Matrix((scaled,), type, value.constant and scalar.constant, value.causes)
    return product if factor == 1 and isinstance(factor, int) else scale(ctx, product, factor)


def spread(type: FamilyType, ctx: Context, constant: bool) -> FamilyType:
    """`type` with one row for each row of the domain, if the value is not constant."""
    return type if constant else rules.stretched(type, ctx.domain.length)


# ---------------------------------------------------------------- sums of two


def _add(ctx: Context, expr: ast.Binary, left: Value, right: Value) -> Matrix | None:
    type = rules.added(side(left), side(right))
    if isinstance(type, rules.KindsDiffer):
        _mixed(ctx, expr, type)
        return None
    assert isinstance(left, Matrix) and isinstance(right, Matrix), "numbers are of another kind"
    if isinstance(type, rules.ShapesDiffer):
        _shapes_differ(ctx, expr, left, right, type)
        return None
    first, second = _settled(ctx, left, type.dtype), _settled(ctx, right, type.dtype)
    if first is None or second is None:
        return None
    if expr.op == "-":
        second = scale(ctx, second, -1)
        if second is None:
            return None
    constant = left.constant and right.constant
    causes = right.causes if left.constant and not constant else left.causes
    return Matrix(first.parts + second.parts, type, constant, causes)


def _settled(ctx: Context, value: Matrix, dtype: str) -> Matrix | None:
    """`value` with closed parts; rounded to its own dtype first if the sum has a wider one."""
    if value.type.dtype != dtype:
        return close(ctx, value)
    parts = [close_part(ctx, part) for part in value.parts]
    closed = tuple(part for part in parts if part is not None)
    return Matrix(closed, value.type, value.constant, value.causes) if len(closed) == len(parts) else None


def _mixed(ctx: Context, expr: ast.Binary, mismatch: rules.KindsDiffer) -> None:
    ctx.refuse()
    left, right = mismatch.kinds
    ctx.error(
        mismatch.code,
        f"`{expr.op}` between a {left} and a {right} in `{in_text(ctx, expr)}`",
        expr.span,
        help=f"only equal shapes add; to add to the diagonal write `X {expr.op} s * E` "
        "with an identity matrix `input E`"
        if "matrix" in mismatch.kinds
        else f"declare the {'number' if 'number' in mismatch.kinds else 'scalar'} as an `input c : f32[]`",
    )


def _shapes_differ(
    ctx: Context, expr: ast.Binary, left: Matrix, right: Matrix, mismatch: rules.ShapesDiffer
) -> None:
    bad, row = mismatch.bad, mismatch.member
    ctx.refuse(bad)
    names = describe(ctx, expr.left, row), describe(ctx, expr.right, row)
    labels = []
    for axis, (a, b) in enumerate(zip(*mismatch.shapes, strict=True)):
        if a != b:
            labels += [ctx.axis(left.causes[axis], bad, a), ctx.axis(right.causes[axis], bad, b)]
    word = in_text(ctx, expr.right)
    ctx.error(
        mismatch.code,
        f"shapes differ in `{in_text(ctx, expr)}`{_where(ctx, left, right, bad)}",
        expr.span,
        here=both_shapes(names, left.type, right.type, row),
        labels=labels,
        help=f"transposed it would fit: `{word}.T`" if mismatch.flip else "only equal shapes add",
    )


def _where(ctx: Context, left: Matrix, right: Matrix, bad: np.ndarray) -> str:
    """Which members, in words; nothing where both sides are the same for all."""
    return "" if left.constant and right.constant else ctx.domain.rows(bad)
