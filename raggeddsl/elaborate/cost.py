"""A function in, the operations that one call of it expands to out: counted, not expanded.

So a program that would expand to too much is refused before any of it is built, however deep its
functions call each other.
"""

from __future__ import annotations

from raggeddsl.diagnostics.source import Span
from raggeddsl.elaborate.context import Context
from raggeddsl.elaborate.state import State
from raggeddsl.elaborate.symbols import Kind
from raggeddsl.language import ast


def affordable(ctx: Context, definition: ast.FunctionDef, times: int, place: Span) -> bool:
    """Whether `times` calls fit into what is left of `max_operations`; else that is recorded.

    Calls inside a function were counted with the call that led there.
    """
    if ctx.site is not None:
        return True
    state = ctx.state
    if state.spent > state.options.max_operations:
        return False
    cost = times * _of_function(state, definition)
    if state.spent + cost <= state.options.max_operations:
        return True
    state.spent = state.options.max_operations + 1
    ctx.too_large(place)
    return False


def _of_function(state: State, definition: ast.FunctionDef) -> int:
    """Operations in the body of a function, calls included; 1 where it is empty of them."""
    if not state.costs:
        _count_all(state)
    return state.costs[state.symbols.ids[definition.name.name]]


def _count_all(state: State) -> None:
    """Fill `State.costs` in the order of the text, in which a function calls only those before it."""
    functions = [
        (row, statement)
        for row, statement in state.symbols.statements.items()
        if isinstance(statement, ast.FunctionDef)
    ]
    for row, statement in sorted(functions, key=lambda entry: entry[1].span.start):
        state.costs[row] = 1 + _of_body(state, statement)


def _of_body(state: State, definition: ast.FunctionDef) -> int:
    total = 0
    pending: list[ast.Expr] = [definition.value]
    while pending:
        expr = pending.pop()
        match expr:
            case ast.Binary(left=left, right=right):
                total += 1
                pending += [left, right]
            case ast.Negate(operand=inner) | ast.Transpose(operand=inner):
                total += 1
                pending.append(inner)
            case ast.Group(inner=inner):
                pending.append(inner)
            case ast.Sum(body=body):
                total += 1
                pending.append(body)
            case ast.Call():
                total += _of_call(state, expr, definition.span.start)
                pending += expr.arguments
            case _:
                pass
    return total


def _of_call(state: State, expr: ast.Call, turn: int) -> int:
    name, times = expr.function, 1
    if name == "iterate":
        function, _, count = expr.arguments
        assert isinstance(function, ast.Ref)
        name, times = function.name, _count(state, count, turn)
    row = state.symbols.find(name, turn, Kind.FUNCTION)
    return 1 if row is None else times * state.costs[row]


def _count(state: State, expr: ast.Expr, turn: int) -> int:
    """How often, where that is a number or a `dim`; what is worse counts when it is expanded."""
    if isinstance(expr, ast.Number) and isinstance(expr.value, int):
        return expr.value
    row = state.symbols.find(expr.name, turn, Kind.DIM) if isinstance(expr, ast.Ref) else None
    sizes = None if row is None else state.dims.get(row)
    return sizes.value if sizes is not None and isinstance(sizes.value, int) else 1
