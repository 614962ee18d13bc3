"""Matrix expressions in, values over the rows of a domain out: `evaluate`.

Operators that lean to the left, `.T` and unary minus are walked in a loop; only brackets and calls
recurse, and how deep they may go is bounded.
"""

from __future__ import annotations

import numpy as np

from raggeddsl.graph.elaborate.arithmetic import binary, negate
from raggeddsl.graph.elaborate.context import MAX_DEPTH, Context, close, is_matrix, transposed
from raggeddsl.graph.elaborate.describe import in_text
from raggeddsl.graph.elaborate.members import fits, members
from raggeddsl.graph.elaborate.products import matmul
from raggeddsl.graph.elaborate.state import Family, identity
from raggeddsl.graph.elaborate.symbols import Kind
from raggeddsl.graph.elaborate.values import Constant, Matrix, Use, Value, of_use
from raggeddsl.graph.nodes import Operand
from raggeddsl.language import ast
from raggeddsl.language.source import Fix, Label

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
            from raggeddsl.graph.elaborate.sums import summed

            return summed(ctx, expr)
        case ast.Call():
            from raggeddsl.graph.elaborate.functions import call

            return call(ctx, expr)
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
    own = family.operand.members
    taken: np.ndarray | None = chosen if own is None else own[chosen]
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
