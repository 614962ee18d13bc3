"""`X @ Y` on values: inner sizes checked, bare chains kept open, numbers and scalars taken out."""

from __future__ import annotations

from dataclasses import replace

from raggeddsl.diagnostics.diagnostic import Fix
from raggeddsl.dtypes import DTYPES
from raggeddsl.elaborate.arithmetic import scale, spread
from raggeddsl.elaborate.context import Context, close, close_part, describe, in_text, is_matrix
from raggeddsl.elaborate.size_origins import count
from raggeddsl.elaborate.types import both_shapes
from raggeddsl.elaborate.values import Matrix, OpenChain, Part, Use, Value
from raggeddsl.graph import rules
from raggeddsl.graph.nodes import FamilyType
from raggeddsl.language import ast


def matmul(ctx: Context, expr: ast.Binary, left: Value | None, right: Value | None) -> Matrix | None:
    """`left @ right`, an open chain; None after an error was recorded."""
    fine = is_matrix(ctx, left, expr.left, "`@` multiplies matrices")
    fine &= is_matrix(ctx, right, expr.right, "`@` multiplies matrices")
    if not fine:
        return None
    assert isinstance(left, Matrix)
    assert isinstance(right, Matrix)
    type = rules.product(left.type, right.type)
    match type:
        case rules.NoMatrix():
            _scalar(ctx, expr, type)
            return None
        case rules.InnerSizes():
            _inner_sizes(ctx, expr, left, right, type)
            return None
    dtype = _dtype(ctx, type.dtype)
    if dtype is None:
        return None
    first, second = _factor(ctx, left, dtype), _factor(ctx, right, dtype)
    if first is None or second is None:
        return None
    return _joined(ctx, first, second, (left, right), replace(type, dtype=dtype))


def _joined(
    ctx: Context, first: Part, second: Part, sides: tuple[Matrix, Matrix], type: FamilyType
) -> Matrix | None:
    """The chain of `first` and `second`, the parts that `sides` are, of which `type` is the product's."""
    left, right = sides
    if first.by is not None and second.by is not None:
        closed = close(ctx, right)
        if closed is None:
            return None
        second = closed.parts[0]
    last = close_part(ctx, second)
    if last is None:
        return None
    assert isinstance(last.x, Use)
    factors = first.x.factors if isinstance(first.x, OpenChain) else (first.x,)
    chain = OpenChain((*factors, last.x))
    shape = FamilyType(first.type.rows, last.type.cols, type.dtype)
    part = Part(chain, spread(shape, ctx, chain.constant), 1, first.by or second.by)
    constant = left.constant and right.constant
    whole = Matrix((part,), type, constant, (left.causes[0], right.causes[1]))
    scaled = scale(ctx, whole, first.factor)
    return None if scaled is None else scale(ctx, scaled, second.factor)


def _factor(ctx: Context, value: Matrix, dtype: str) -> Part | None:
    """`value` as one part whose factor may be taken out of the product, which is of type `dtype`.

    Not where taking it out changes the dtype of the product; nor in f16, which a number like 1e-4
    in front may be there to keep from overflowing; nor of integers that would not wrap in a wider product.
    """
    part = value.parts[0]
    value_dtype = value.type.dtype
    exact = (
        part.type.dtype == value_dtype
        and value_dtype != "f16"
        and (value_dtype == dtype or DTYPES[value_dtype].kind != "integer")
    )
    if len(value.parts) == 1 and (part.bare or exact):
        return part
    closed = close(ctx, value)
    return None if closed is None else closed.parts[0]


def _dtype(ctx: Context, dtype: str) -> str | None:
    """The dtype that a product of `dtype` is kept in; None if it cannot be summed as asked."""
    accum = ctx.arithmetic.accum
    if accum is None:
        return dtype
    mismatch = rules.accumulated(dtype, accum)
    if mismatch is not None:
        assert ctx.accum_span is not None
        ctx.error(
            mismatch.code,
            f"sums of {dtype} products do not fit into {accum}",
            ctx.accum_span,
            help="integers wrap exactly: use `accum=i32`, or leave it out"
            if mismatch.fractions
            else f"use `accum={DTYPES[dtype].accumulate}`, or a wider type",
        )
        return None
    return ctx.kept or dtype


def _scalar(ctx: Context, expr: ast.Binary, mismatch: rules.NoMatrix) -> None:
    ctx.refuse()
    side = (expr.left, expr.right)[mismatch.side]
    ctx.error(
        mismatch.code,
        f"`@` multiplies matrices, but `{in_text(ctx, side)}` is a scalar",
        expr.op_span,
        here=f"in `{in_text(ctx, expr)}`",
        help="write `*` to scale a matrix",
        fixes=[Fix(expr.op_span, "*")],
    )


def _inner_sizes(
    ctx: Context, expr: ast.Binary, left: Matrix, right: Matrix, mismatch: rules.InnerSizes
) -> None:
    bad, row, sizes = mismatch.bad, mismatch.member, mismatch.sizes
    ctx.refuse(bad)
    where = "" if left.constant and right.constant else ctx.domain.rows(bad)
    names = describe(ctx, expr.left, row), describe(ctx, expr.right, row)
    help, fixes = _transposing(ctx, expr, mismatch.flip)
    plain = f"{count(sizes[0], 'column')} on the left need as many rows on the right, not {sizes[1]}"
    ctx.error(
        mismatch.code,
        f"inner sizes differ in `{in_text(ctx, expr)}`{where}",
        expr.span,
        here=both_shapes(names, left.type, right.type, row),
        labels=[ctx.axis(left.causes[1], bad, sizes[0]), ctx.axis(right.causes[0], bad, sizes[1])],
        help=help or plain,
        fixes=fixes,
    )


def _transposing(ctx: Context, expr: ast.Binary, flip: str | None) -> tuple[str | None, list[Fix]]:
    """The mend, where transposing the side `flip` makes all inner sizes agree."""
    a, b = in_text(ctx, expr.left), in_text(ctx, expr.right)
    if "..." in a + b:
        return None, []
    if flip == "right":
        flipped = _flip(expr.right, b)
        return f"write `{a} @ {flipped}`", [Fix(expr.right.span, flipped)]
    if flip == "left" and not isinstance(expr.left, ast.Binary):
        flipped = _flip(expr.left, a)
        return f"write `{flipped} @ {b}`", [Fix(expr.left.span, flipped)]
    return None, []


def _flip(expr: ast.Expr, text: str) -> str:
    if isinstance(expr, ast.Transpose):
        return text.removesuffix(".T").rstrip()
    return f"({text}).T" if isinstance(expr, ast.Negate) else f"{text}.T"
