"""Calls of `def`s and `iterate` in, the values of their bodies out: arguments are bound, not copied.

An argument is worked out once and the body reads the result, so expanding costs one body a call,
however often the body mentions its parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from raggeddsl.graph.elaborate.context import Context, close, is_matrix
from raggeddsl.graph.elaborate.cost import affordable
from raggeddsl.graph.elaborate.describe import in_text
from raggeddsl.graph.elaborate.expressions import evaluate
from raggeddsl.graph.elaborate.sizes import formula
from raggeddsl.graph.elaborate.symbols import Kind
from raggeddsl.graph.elaborate.types import show_type
from raggeddsl.graph.elaborate.values import Matrix, Value
from raggeddsl.language import ast
from raggeddsl.language.source import Label, Span


def call(ctx: Context, expr: ast.Call) -> Value | None:
    """The value of `f(X, ...)` or `iterate(f, X, n)`."""
    if expr.function == "iterate":
        return _iterate(ctx, expr)
    arguments = [_argument(ctx, argument) for argument in expr.arguments]
    definition = _function(ctx, expr.function)
    if definition is None or not _arity(ctx, definition, len(arguments), expr):
        return None
    if not affordable(ctx, definition, 1, expr.span):
        return None
    return _expand(ctx, definition, arguments, expr.span)


def _argument(ctx: Context, expr: ast.Expr) -> Value | None:
    value = evaluate(ctx.inside(), expr)
    return close(ctx, value) if isinstance(value, Matrix) else value


def _function(ctx: Context, name: str) -> ast.FunctionDef | None:
    symbols = ctx.state.symbols
    row = symbols.find(name, ctx.turn, Kind.FUNCTION)
    if row is None or row in ctx.state.broken:
        return None
    definition = symbols.statements[row]
    assert isinstance(definition, ast.FunctionDef)
    return definition


def _arity(ctx: Context, definition: ast.FunctionDef, given: int, expr: ast.Call) -> bool:
    wanted = len(definition.parameters)
    if wanted == given:
        return True
    names = ", ".join(parameter.name for parameter in definition.parameters)
    name = definition.name.name
    iterated = " in `iterate`" if expr.function == "iterate" else ""
    ctx.error(
        "RMM206",
        f"`{name}` takes {wanted} argument{'' if wanted == 1 else 's'}, here {'is' if given == 1 else 'are'} "
        f"{given}{iterated}",
        expr.span,
        labels=[Label(definition.name.span, f"defined as `{name}({names})`")],
        help="`iterate` repeats a function of one matrix" if iterated else f"call it as `{name}({names})`",
    )
    return False


def _expand(
    ctx: Context, definition: ast.FunctionDef, arguments: Sequence[Value | None], site: Span
) -> Value | None:
    """The body's value; names in it mean what they mean where the function is defined."""
    if ctx.exhausted or not ctx.spend(ctx.site or site):
        return None
    names = [parameter.name for parameter in definition.parameters]
    inside = replace(
        ctx.inside(),
        turn=definition.span.start,
        domain=ctx.domain.hide(),
        parameters=dict(zip(names, arguments, strict=True)),
        site=ctx.site or site,
    )
    value = evaluate(inside, definition.value)
    return close(ctx, value) if isinstance(value, Matrix) else value


# ---------------------------------------------------------------- iterate


def _iterate(ctx: Context, expr: ast.Call) -> Value | None:
    function, argument, count = expr.arguments
    value = _argument(ctx, argument)
    times = _count(ctx, count)
    assert isinstance(function, ast.Ref)
    definition = _function(ctx, function.name)
    if definition is None or not _arity(ctx, definition, 1, expr) or times is None:
        return None
    if not is_matrix(ctx, value, argument, "`iterate` repeats a function of a matrix"):
        return None
    assert isinstance(value, Matrix)
    if not affordable(ctx, definition, times, expr.span):
        return None
    for _ in range(times):
        after = _expand(ctx, definition, [value], expr.span)
        if not is_matrix(ctx, after, definition.value, "an iterated function gives a matrix"):
            return None
        assert isinstance(after, Matrix)
        if not _keeps_shape(ctx, value, after, definition, expr):
            return None
        value = after
    return value


def _count(ctx: Context, expr: ast.Expr) -> int | None:
    """How often to iterate, at least once and no more than may be expanded."""
    if isinstance(expr, ast.Number) and not isinstance(expr.value, int):
        _bad_count(ctx, expr, f"`{in_text(ctx, expr)}` times is not a whole number of times")
        return None
    times = formula(ctx.state, expr, ctx.scope)
    if times is None:
        return None
    if not isinstance(times, int):
        _bad_count(ctx, expr, f"`{in_text(ctx, expr)}` differs from member to member")
        return None
    limit = ctx.state.options.max_operations
    if not 1 <= times <= limit:
        over = f", more than {limit}" if times > limit else ""
        _bad_count(ctx, expr, f"`iterate` cannot repeat {times} times{over}")
        return None
    return times


def _bad_count(ctx: Context, expr: ast.Expr, message: str) -> None:
    ctx.error(
        "RMM210",
        message,
        expr.span,
        help="the count is a whole number from 1 to `max_operations`, the same for all members",
    )


def _keeps_shape(
    ctx: Context, before: Matrix, after: Matrix, definition: ast.FunctionDef, expr: ast.Call
) -> bool:
    bad = (before.type.rows != after.type.rows) | (before.type.cols != after.type.cols)
    if before.type.scalar == after.type.scalar and not bad.any():
        return True
    row = int(bad.argmax())
    where = "" if after.constant and before.constant else ctx.domain.rows(bad)
    ctx.error(
        "RMM314",
        f"`{definition.name.name}` changes the shape, so it cannot be iterated{where}",
        expr.span,
        here=f"{show_type(before.type, row)} becomes {show_type(after.type, row)}",
        labels=[Label(definition.name.span, "defined here")],
        help="an iterated function gives a matrix of the shape that it takes",
    )
    return False
