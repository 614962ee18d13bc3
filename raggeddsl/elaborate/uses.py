"""A statement in, every name that it mentions out, each with what the place wants of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from raggeddsl.diagnostics.source import Span
from raggeddsl.language import ast

Wanted = Literal["matrix", "size", "variable", "map", "index", "function"]
"""`variable` is an index inside brackets, `index` one that is declared over or summed over."""


@dataclass(frozen=True, slots=True)
class Use:
    """One mention of a name; `indexed` where brackets follow it."""

    name: str
    span: Span
    wanted: Wanted


def uses(statement: ast.Statement) -> list[Use]:
    """Every name mentioned in `statement`, but for those it declares and a function's parameters."""
    match statement:
        case ast.Edition() | ast.Option():
            return []
        case ast.IndexDecl(size=size):
            return [] if size is None else walk(size, "size")
        case ast.DimDecl(names=names, value=value):
            return _declared(names) + walk(value, "size")
        case ast.MapDecl(names=names, targets=targets, value=value):
            into = [Use(target.name, target.span, "index") for target in targets]
            return _declared(names) + into + walk(value, "size")
        case ast.InputDecl(names=names, type=type):
            return _declared(names) + _type(type)
        case ast.Definition(name=name, type=type, value=value):
            return _declared((name,)) + (_type(type) if type else []) + walk(value, "matrix")
        case ast.FunctionDef(value=value, parameters=parameters):
            bound = {parameter.name for parameter in parameters}
            return [use for use in walk(value, "matrix") if use.name not in bound or use.wanted != "matrix"]
        case _:
            assert_never(statement)


def walk(root: ast.Expr, wanted: Wanted) -> list[Use]:
    """Every name mentioned under `root`; needs no stack of calls, however deep the tree is."""
    mentions: list[Use] = []
    waiting: list[tuple[ast.Expr, Wanted]] = [(root, wanted)]
    while waiting:
        expr, wanted = waiting.pop()
        here, below = _step(expr, wanted)
        mentions += here
        waiting += below
    return mentions


def _step(expr: ast.Expr, wanted: Wanted) -> tuple[list[Use], list[tuple[ast.Expr, Wanted]]]:
    """What one node mentions itself, and the nodes below it."""
    match expr:
        case ast.Number() | ast.Text():
            return [], []
        case ast.Ref(name=name, index=None, name_span=span):
            return [Use(name, span, wanted)], []
        case ast.Ref(name=name, index=index, name_span=span):
            assert index is not None
            return [Use(name, span, "map" if wanted == "variable" else wanted)], [(index, "variable")]
        case ast.Negate(operand=inner) | ast.Transpose(operand=inner) | ast.Group(inner=inner):
            return [], [(inner, wanted)]
        case ast.Binary(left=left, right=right):
            return [], [(left, wanted), (right, wanted)]
        case ast.ListLiteral(items=items):
            return [], [(item, wanted) for item in items if not isinstance(item, ast.Number)]
        case ast.Call():
            return _call(expr), _arguments(expr, wanted)
        case ast.Sum(body=body, condition=condition):
            sides = [] if condition is None else [condition.left, condition.right]
            below: list[tuple[ast.Expr, Wanted]] = [(side, "variable") for side in sides]
            return [Use(expr.index, expr.index_span, "index")], [(body, wanted), *below]
        case _:
            assert_never(expr)


def _call(call: ast.Call) -> list[Use]:
    if call.function in ("table", "range"):
        return []
    if call.function != "iterate":
        return [Use(call.function, call.function_span, "function")]
    function = call.arguments[0]
    assert isinstance(function, ast.Ref)
    return [Use(function.name, function.name_span, "function")]


def _arguments(call: ast.Call, wanted: Wanted) -> list[tuple[ast.Expr, Wanted]]:
    """The arguments of a call that are expressions: of `iterate`, a matrix and a count."""
    if call.function == "iterate":
        _, matrix, count = call.arguments
        return [(matrix, wanted), (count, "size")]
    return [(argument, wanted) for argument in call.arguments]


def _declared(names: tuple[ast.Name, ...]) -> list[Use]:
    return [
        Use(name.index, name.index_span or name.span, "index") for name in names if name.index is not None
    ]


def _type(type: ast.TypeExpr) -> list[Use]:
    return [use for size in type.shape for use in walk(size, "size")]
