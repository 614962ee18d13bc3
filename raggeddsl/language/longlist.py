"""A line that ends in a long list of whole numbers in, its statement out: only its first number is parsed.

A family of 100,000 members has its sizes in one `dim`.  The grammar's lexer and parser take some 80 µs
a number; here the numbers are found by one regular expression, and the grammar sees a list of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from lark import Token

from raggeddsl.language import ast
from raggeddsl.language.grammar import lex
from raggeddsl.language.source import Source, Span

SHORTEST = 1000
"""Characters of a line below which the grammar is quick enough."""

NUMBERS = re.compile(r"=\s*\[\s*(?P<first>[0-9]{1,18})(?:\s*,\s*[0-9]{1,18})*\s*(?:,\s*)?(?P<close>\])\s*\Z", re.ASCII)
NUMBER = re.compile(r"[0-9]+", re.ASCII)


def long_list(source: Source, line: Span) -> tuple[Iterator[Token], Span] | None:
    """The line's tokens with its list cut to the first number, and the span of all numbers.

    None for a line that is short, or that does not end in a list of plain numbers.
    """
    if line.end - line.start < SHORTEST:
        return None
    equal = source.text.find("=", line.start, line.end)
    found = None if equal < 0 else NUMBERS.match(source.text[: line.end] if line.end < len(source.text) else source.text, equal)
    if found is None:
        return None
    return _cut(source.text, line.start, found.end("first"), found.start("close")), Span(found.start("first"), found.start("close"))


def _cut(text: str, start: int, first_end: int, close: int) -> Iterator[Token]:
    yield from lex(text, start, first_end)
    yield from lex(text, close, close + 1)


def filled(statement: ast.Statement, source: Source, numbers: Span) -> ast.Statement | None:
    """`statement`, parsed from cut tokens, with all of its list; None if it has no list there."""
    if not isinstance(statement, ast.DimDecl | ast.MapDecl) or not isinstance(statement.value, ast.ListLiteral):
        return None
    items = tuple(
        [
            ast.Number(int(match[0]), Span(match.start(), match.end()))
            for match in NUMBER.finditer(source.text, numbers.start, numbers.end)
        ]
    )
    return replace(statement, value=replace(statement.value, items=items))
