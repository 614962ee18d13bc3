"""An expression in, what messages call it out: `A[2]` for `A[i]` at i = 2, else its own text."""

from __future__ import annotations

from raggeddsl.elaborate.context import Context
from raggeddsl.elaborate.members import members
from raggeddsl.language import ast


def in_text(ctx: Context, expr: ast.Expr) -> str:
    """The expression as it is written."""
    return ctx.state.text(expr.span)


def describe(ctx: Context, expr: ast.Expr, row: int | None = None) -> str:
    """The expression's name in `row` of the domain (None: in no particular one)."""
    while isinstance(expr, ast.Group) and isinstance(expr.inner, ast.Ref | ast.Group):
        expr = expr.inner
    if isinstance(expr, ast.Transpose):
        inner = describe(ctx, expr.operand, row)
        return f"{inner}.T"
    if not isinstance(expr, ast.Ref) or expr.index is None or row is None:
        text = in_text(ctx, expr)
        return text if isinstance(expr, ast.Ref | ast.Group) else f"`{text}`"
    picked = members(ctx.state, expr.index, ctx.domain, ctx.turn)
    if picked is None:
        return in_text(ctx, expr)
    column = picked.picked
    member = row if column is None else column if isinstance(column, int) else int(column[row])
    return f"{expr.name}[{member}]"
