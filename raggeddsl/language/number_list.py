"""A line that ends in a long list of whole numbers in, its statement out: the grammar sees the first only.

A family of 100,000 members has its sizes in one `dim`.  The grammar's lexer and parser take some 80 µs
a number; here the numbers are found by a regular expression, and the tree is given all of them after.
"""

from __future__ import annotations

import re
from dataclasses import replace

from lark import Token

from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.language import ast
from raggeddsl.language.parser import lex

SHORTEST = 1000
"""Characters of a line below which the grammar is quick enough."""

LIST = re.compile(
    r"=\s*\[\s*(?P<first>[0-9]{1,18}+)(?:\s*+,\s*+[0-9]{1,18}+)*+\s*+(?:,\s*+)?(?P<close>\])\s*\Z", re.ASCII
)
NUMBER = re.compile(r"[0-9]+", re.ASCII)


def cut_list(source: Source, line: Span) -> tuple[tuple[Token, ...], Span] | None:
    """The line's tokens with its list cut to the first number, and the span of all of its numbers.

    None for a line that is short, or that does not end in a list of plain numbers.
    """
    if line.end - line.start < SHORTEST:
        return None
    text = source.text
    equal = text.find("=", line.start, line.end)
    match = None if equal < 0 else LIST.match(text, equal, line.end)
    if match is None:
        return None
    close = match.start("close")
    tokens = (*lex(text, line.start, match.end("first")), *lex(text, close, close + 1))
    return tokens, Span(match.start("first"), close)


def filled(statement: ast.Statement, source: Source, numbers: Span) -> ast.Statement:
    """`statement`, which was parsed from cut tokens, with its whole list."""
    assert isinstance(statement, ast.DimDecl | ast.MapDecl), "no other statement ends in a list"
    assert isinstance(statement.value, ast.ListLiteral)
    matches = NUMBER.finditer(source.text, numbers.start, numbers.end)
    items = tuple([ast.Number(int(match[0]), Span(match.start(), match.end())) for match in matches])
    return replace(statement, value=replace(statement.value, items=items))
