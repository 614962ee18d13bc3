"""Turns each grammar rule's parts, as lark finds them, into nodes of `raggeddsl.language.ast`.

lark calls these methods from the leaves upwards while it parses, so no tree is walked and depth
costs no stack.  A method bears the name of its rule in `grammar/rmm.lark`.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from lark import Token, Transformer

from raggeddsl.diagnostics.source import Span
from raggeddsl.language import ast

Children = list[Any]
T = TypeVar("T")

HUGE_EDITION = 10**9
ESCAPE = re.compile(r"\\(.)")
EXPRESSIONS = ast.Expr.__args__


def place(part: Any) -> Span:
    """The span of a token or node."""
    if not isinstance(part, Token):
        return part.span
    assert part.start_pos is not None and part.end_pos is not None
    return Span(part.start_pos, part.end_pos)


def around(parts: Children) -> Span:
    """The span from the first part to the last."""
    return place(parts[0]).to(place(parts[-1]))


def pick(parts: Children, kind: type[T]) -> tuple[T, ...]:
    return tuple(part for part in parts if isinstance(part, kind))


def only(parts: Children, kind: type[T]) -> T | None:
    picked = pick(parts, kind)
    return picked[0] if picked else None


def expressions(parts: Children) -> tuple[ast.Expr, ...]:
    return tuple(part for part in parts if isinstance(part, EXPRESSIONS))


def unescape(literal: str) -> str:
    """The value of a string literal, quotes included: `\\"` and `\\\\` are its only escapes."""
    return ESCAPE.sub(r"\1", literal[1:-1])


def text(token: Token) -> ast.Text:
    return ast.Text(unescape(token), place(token))


def word(token: Token) -> str:
    return unescape(token) if token.type == "STRING" else str(token)


class Build(Transformer):
    """One method a rule of the grammar; each takes the rule's tokens and nodes in order."""

    # ---- statements

    def edition(self, parts: Children) -> ast.Edition:
        return ast.Edition(int(min(ast.number_value(parts[1]), HUGE_EDITION)), around(parts))

    def option(self, parts: Children) -> ast.Option:
        _, key, _, value = parts
        return ast.Option(str(key), word(value), place(key), place(value), around(parts))

    def index(self, parts: Children) -> ast.IndexDecl:
        size = expressions(parts)
        return ast.IndexDecl(pick(parts, ast.Name), size[0] if size else None, around(parts))

    def dim(self, parts: Children) -> ast.DimDecl:
        return ast.DimDecl(pick(parts, ast.Name), parts[-1], around(parts))

    def map(self, parts: Children) -> ast.MapDecl:
        mapped = [part for part in parts if isinstance(part, tuple)]
        names, targets = zip(*mapped, strict=True)
        return ast.MapDecl(names, targets, parts[-1], around(parts))

    def input(self, parts: Children) -> ast.InputDecl:
        return ast.InputDecl(pick(parts, ast.Name), parts[-1], around(parts))

    def definition(self, parts: Children) -> ast.Definition:
        attributes = parts[-1] if isinstance(parts[-1], tuple) else ()
        last = attributes[-1].value_span if attributes else place(parts[-1])
        name = only(parts, ast.Name)
        assert name is not None
        return ast.Definition(
            name=name,
            output=isinstance(parts[0], Token),
            type=only(parts, ast.TypeExpr),
            value=expressions(parts)[0],
            attributes=attributes,
            span=place(parts[0]).to(last),
        )

    def function(self, parts: Children) -> ast.FunctionDef:
        name = ast.Name(str(parts[1]), None, place(parts[1]))
        return ast.FunctionDef(name, pick(parts, ast.Name), parts[-1], around(parts))

    # ---- parts of statements

    def index_name(self, parts: Children) -> ast.Name:
        return ast.Name(str(parts[0]), None, place(parts[0]))

    def declared(self, parts: Children) -> ast.Name:
        if len(parts) == 1:
            return ast.Name(str(parts[0]), None, place(parts[0]))
        name, _, index, _ = parts
        return ast.Name(str(name), str(index), place(name), place(index))

    def mapped(self, parts: Children) -> tuple[ast.Name, ast.Name]:
        name, _, target = parts
        return name, target

    def type(self, parts: Children) -> ast.TypeExpr:
        dtype = parts[0] if parts[0].type == "NAME" else None
        return ast.TypeExpr(
            dtype=None if dtype is None else str(dtype),
            shape=expressions(parts),
            dtype_span=None if dtype is None else place(dtype),
            span=around(parts),
        )

    def attributes(self, parts: Children) -> tuple[ast.Attribute, ...]:
        return pick(parts, ast.Attribute)

    def attribute(self, parts: Children) -> ast.Attribute:
        key, _, value = parts
        return ast.Attribute(str(key), word(value), place(key), place(value))

    # ---- sizes

    def list(self, parts: Children) -> ast.ListLiteral:
        return ast.ListLiteral(expressions(parts), around(parts))

    def range(self, parts: Children) -> ast.Call:
        return ast.Call("range", expressions(parts), (), place(parts[0]), around(parts))

    def table(self, parts: Children) -> ast.Call:
        keywords = tuple(part for part in parts if isinstance(part, tuple))
        path = next(part for part in parts if isinstance(part, Token) and part.type == "STRING")
        return ast.Call("table", (text(path),), keywords, place(parts[0]), around(parts))

    def column(self, parts: Children) -> tuple[str, ast.Text]:
        name, _, value = parts
        return str(name), text(value)

    # ---- expressions

    def binary(self, parts: Children) -> ast.Binary:
        left, op, right = parts
        return ast.Binary(str(op), left, right, place(op), around(parts))  # type: ignore[arg-type]

    def negate(self, parts: Children) -> ast.Negate:
        return ast.Negate(parts[1], around(parts))

    def transpose(self, parts: Children) -> ast.Transpose:
        return ast.Transpose(parts[0], around(parts))

    def number(self, parts: Children) -> ast.Number:
        return ast.Number(ast.number_value(parts[0]), place(parts[0]))

    def ref(self, parts: Children) -> ast.Ref:
        index = parts[2] if len(parts) > 1 else None
        return ast.Ref(str(parts[0]), index, place(parts[0]), around(parts))

    def group(self, parts: Children) -> ast.Group:
        return ast.Group(parts[1], around(parts))

    def call(self, parts: Children) -> ast.Call:
        return ast.Call(str(parts[0]), expressions(parts), (), place(parts[0]), around(parts))

    def iterate(self, parts: Children) -> ast.Call:
        function = only(parts, ast.Name)
        assert function is not None
        ref = ast.Ref(function.name, None, function.span, function.span)
        return ast.Call("iterate", (ref, *expressions(parts)), (), place(parts[0]), around(parts))

    def sum(self, parts: Children) -> ast.Sum:
        _, _, body, _, index, *rest = parts
        condition = only(rest, ast.Condition)
        return ast.Sum(body, str(index), condition, place(index), around(parts))

    def condition(self, parts: Children) -> ast.Condition:
        _, left, _, right = parts
        return ast.Condition(left, right, around(parts))
