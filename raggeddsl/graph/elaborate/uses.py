"""A statement in, every name that it mentions out, each with what the place wants of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from raggeddsl.language import ast
from raggeddsl.language.source import Span

Wanted = Literal["matrix", "size", "variable", "map", "index", "function"]
"""`variable` is an index inside brackets, `index` one that is declared over or summed over."""


@dataclass(frozen=True, slots=True)
class Use:
    """One mention of a name; `indexed` where brackets follow it."""

    name: str
    span: Span
    wanted: Wanted
    indexed: bool = False


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
    found: list[Use] = []
    waiting: list[tuple[ast.Expr, Wanted]] = [(root, wanted)]
    while waiting:
        expr, wanted = waiting.pop()
        match expr:
            case ast.Number() | ast.Text():
                pass
            case ast.Ref(name=name, index=index, name_span=span):
                indexed = index is not None
                if indexed and wanted == "variable":
                    wanted = "map"
                found.append(Use(name, span, wanted, indexed))
                if index is not None:
                    waiting.append((index, "variable"))
            case ast.Negate(operand=inner) | ast.Transpose(operand=inner) | ast.Group(inner=inner):
                waiting.append((inner, wanted))
            case ast.Binary(left=left, right=right):
                waiting += [(left, wanted), (right, wanted)]
            case ast.ListLiteral(items=items):
                waiting += [(item, wanted) for item in items if not isinstance(item, ast.Number)]
            case ast.Call():
                found += _call(expr)
                waiting += [(argument, wanted) for argument in _values(expr)]
            case ast.Sum(body=body, condition=condition):
                found.append(Use(expr.index, expr.index_span, "index"))
                waiting.append((body, wanted))
                if condition is not None:
                    waiting += [(condition.left, "variable"), (condition.right, "variable")]
            case _:
                assert_never(expr)
    return found


def _call(call: ast.Call) -> list[Use]:
    if call.function in ("table", "range"):
        return []
    if call.function != "iterate":
        return [Use(call.function, call.function_span, "function")]
    first = call.arguments[0] if call.arguments else None
    return [Use(first.name, first.name_span, "function")] if isinstance(first, ast.Ref) else []


def _values(call: ast.Call) -> tuple[ast.Expr, ...]:
    """The arguments of a call that are expressions (the count of `iterate` is a size)."""
    return call.arguments[1:2] if call.function == "iterate" else call.arguments


def _declared(names: tuple[ast.Name, ...]) -> list[Use]:
    return [
        Use(name.index, name.index_span or name.span, "index") for name in names if name.index is not None
    ]


def _type(type: ast.TypeExpr) -> list[Use]:
    return [use for size in type.shape for use in walk(size, "size")]
