"""Matrix expressions in, values over the rows of a domain out: `evaluate`.

Operators that lean to the left, `.T` and unary minus are walked in a loop; only brackets and calls
recurse, and how deep they may go is bounded.  An argument of a call is worked out once and the
function's body reads the result, so expanding costs one body a call, however often the body
mentions its parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix, Label
from raggeddsl.diagnostics.source import Span
from raggeddsl.elaborate import sums
from raggeddsl.elaborate.arithmetic import binary, negate
from raggeddsl.elaborate.context import MAX_DEPTH, Context, close, in_text, is_matrix, transposed
from raggeddsl.elaborate.cost import affordable
from raggeddsl.elaborate.members import fits, members
from raggeddsl.elaborate.products import matmul
from raggeddsl.elaborate.sizes import formula
from raggeddsl.elaborate.state import Family, identity
from raggeddsl.elaborate.symbols import Kind
from raggeddsl.elaborate.types import show_type
from raggeddsl.elaborate.values import Constant, Matrix, Use, Value, of_use
from raggeddsl.graph import rules
from raggeddsl.graph.nodes import Operand
from raggeddsl.language import ast

Spine = ast.Binary | ast.Negate | ast.Transpose


def evaluate(ctx: Context, expr: ast.Expr) -> Value | None:
    """The value of `expr` over the domain of `ctx`; None after an error was recorded."""
    spine: list[Spine] = []
    while isinstance(expr, ast.Binary | ast.Negate | ast.Transpose):
        spine.append(expr)
        expr = expr.left if isinstance(expr, ast.Binary) else expr.operand
    reshaped = any(isinstance(part, ast.Transpose) or _is_product(part) for part in spine)
    value = _atom(ctx.inside() if reshaped else ctx.deeper(), expr)
    while spine:
        value = _apply(ctx, spine.pop(), value)
    return value


def _is_product(expr: ast.Expr) -> bool:
    return isinstance(expr, ast.Binary) and expr.op == "@"


def _apply(ctx: Context, expr: Spine, value: Value | None) -> Value | None:
    match expr:
        case ast.Negate():
            return None if value is None else negate(ctx, expr, value)
        case ast.Transpose():
            if not is_matrix(ctx, value, expr.operand, "`.T` transposes matrices"):
                return None
            assert isinstance(value, Matrix)
            return transposed(ctx, value)
        case ast.Binary(op="@"):
            return matmul(ctx, expr, value, evaluate(ctx.inside(), expr.right))
        case ast.Binary():
            right = evaluate(ctx.deeper(), expr.right)
            return None if value is None or right is None else binary(ctx, expr, value, right)


def _atom(ctx: Context, expr: ast.Expr) -> Value | None:
    if ctx.depth > MAX_DEPTH:
        ctx.error(
            "RMM211",
            f"brackets and calls are nested more than {MAX_DEPTH} deep",
            expr.span,
            help="name some of the parts on lines before",
        )
        return None
    match expr:
        case ast.Number(value=number):
            return Constant(number)
        case ast.Ref():
            return reference(ctx, expr)
        case ast.Group(inner=inner):
            value = evaluate(ctx, inner)
            return close(ctx, value) if isinstance(value, Matrix) and _ends_here(value) else value
        case ast.Sum():
            return _sum(ctx, expr)
        case ast.Call():
            return _call(ctx, expr)
        case _:
            ctx.error(
                "RMM317",
                f"`{in_text(ctx, expr)}` is not a matrix",
                expr.span,
                help="lists, texts and tables give sizes: use them in a `dim`",
            )
            return None


def _ends_here(value: Matrix) -> bool:
    """Whether a bracket has something to end: a sum, or a chain that could go on."""
    return len(value.parts) > 1 or not isinstance(value.parts[0].x, Use)


def _sum(ctx: Context, expr: ast.Sum) -> Matrix | None:
    """The value of `sum(body for t if …)`."""
    over = sums.enter(ctx, expr)
    return None if over is None else sums.add_up(ctx, expr, over, evaluate(over.inside, expr.body))


# ---------------------------------------------------------------- references


def reference(ctx: Context, expr: ast.Ref) -> Value | None:
    """The value of a name, with its brackets if it has some."""
    if ctx.parameters is not None and expr.name in ctx.parameters:
        return _parameter(ctx, expr)
    if ctx.leaves is not None:
        return ctx.leaves[expr.span.start]
    state = ctx.state
    row = state.symbols.find(expr.name, ctx.turn, Kind.MATRIX)
    if row is None:
        return None
    family = state.families.get(row)
    if family is not None:
        return _of_family(ctx, expr, row, family)
    if state.symbols.node[row] < 0:
        return None
    if expr.index is not None:
        ctx.error(
            "RMM407",
            f"`{expr.name}` is a single matrix, without an index",
            expr.span,
            labels=[Label(state.symbols.span(row), "declared here")],
            help=f"write `{expr.name}`",
            fixes=[Fix(expr.span, expr.name)],
        )
        return None
    return single(ctx, row)


def single(ctx: Context, row: int) -> Matrix:
    """The single matrix of symbol `row`, which has a value."""
    state = ctx.state
    node, member = int(state.symbols.node[row]), int(state.symbols.member[row])
    type = state.graph.type(node)
    picked = None if len(type) == 1 else np.array([member])
    causes = state.causes_of(row)
    return of_use(Use(Operand(node, picked), True), type if picked is None else type.take(picked), causes)


def _parameter(ctx: Context, expr: ast.Ref) -> Value | None:
    assert ctx.parameters is not None
    if expr.index is None:
        return ctx.parameters[expr.name]
    ctx.error(
        "RMM407",
        f"the parameter `{expr.name}` stands for one matrix, without an index",
        expr.span,
        help="give the function the member that it needs: `f(A[i])`",
    )
    return None


def _of_family(ctx: Context, expr: ast.Ref, row: int, family: Family) -> Matrix | None:
    if expr.index is None:
        _needs_index(ctx, expr, row, family)
        return None
    picked = members(ctx.state, expr.index, ctx.domain, ctx.turn)
    if picked is None or not fits(ctx.state, picked, family.index, expr, row):
        return None
    causes = ctx.state.causes_of(row)
    if picked.picked is None:
        return of_use(Use(family.operand, False), family.type, causes)
    constant = isinstance(picked.picked, int)
    chosen = np.array([picked.picked]) if constant else np.asarray(picked.picked)
    mapped = family.operand.members
    taken: np.ndarray | None = chosen if mapped is None else mapped[chosen]
    if taken is not None and identity(taken, len(ctx.state.graph.type(family.operand.node))):
        taken = None
    use = Use(Operand(family.operand.node, taken), constant)
    through = tuple(None if cause is None else cause.through(chosen) for cause in causes)
    return of_use(use, family.type.take(chosen), (through[0], through[1]))


def _needs_index(ctx: Context, expr: ast.Ref, row: int, family: Family) -> None:
    index = family.index
    bound = index in ctx.domain.variables
    whole = f"{expr.name}[{index}]"
    ctx.error(
        "RMM407",
        f"`{expr.name}` is a family over `{index}`, so it needs brackets",
        expr.span,
        labels=[Label(ctx.state.symbols.span(row), f"declared over `{index}`")],
        help=f"write `{whole}`"
        if bound
        else f"choose a member, `{expr.name}[0]`, declare over it, `Y[{index}] = ...{whole}...`, "
        f"or sum, `sum({whole} for {index})`",
        fixes=[Fix(expr.span, whole)] if bound else (),
    )


# ---------------------------------------------------------------- functions


def _call(ctx: Context, expr: ast.Call) -> Value | None:
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


def _arity(ctx: Context, definition: ast.FunctionDef, count: int, expr: ast.Call) -> bool:
    wanted = len(definition.parameters)
    if wanted == count:
        return True
    names = ", ".join(parameter.name for parameter in definition.parameters)
    name = definition.name.name
    iterated = " in `iterate`" if expr.function == "iterate" else ""
    ctx.error(
        "RMM206",
        f"`{name}` takes {wanted} argument{'' if wanted == 1 else 's'}, here {'is' if count == 1 else 'are'} "
        f"{count}{iterated}",
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
    mismatch = rules.iterated(before.type, after.type)
    if mismatch is None:
        return True
    row = mismatch.member
    where = "" if after.constant and before.constant else ctx.domain.rows(mismatch.bad)
    ctx.error(
        mismatch.code,
        f"`{definition.name.name}` changes the shape, so it cannot be iterated{where}",
        expr.span,
        here=f"{show_type(before.type, row)} becomes {show_type(after.type, row)}",
        labels=[Label(definition.name.span, "defined here")],
        help="an iterated function gives a matrix of the shape that it takes",
    )
    return False
