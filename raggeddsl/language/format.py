"""A spec in, the same spec in the one layout out: every comment kept, every statement as it was.

The text is laid out line by line from its tokens.  Then three things are checked on every run: the
statements are the same, formatting again changes nothing, and no comment is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lark import Token

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source
from raggeddsl.language.lines import logical_lines
from raggeddsl.language.parse import normalised, parse_source
from raggeddsl.language.parser import lex
from raggeddsl.language.spacing import Layout

WIDEST = 100
"""Comments of neighbouring lines are aligned unless their column would be beyond this one."""


@dataclass(slots=True)
class Row:
    """One physical line: its tokens, its comment, then its code laid out."""

    tokens: list[Token]
    comment: str = ""
    code: str = ""


def format(text: str, *, name: str = "<text>") -> str:
    """`text` in the one layout.  Raises `RmmError` if it has syntax errors.

    One blank around operators, none inside brackets; at most one empty line; comments behind
    neighbouring lines start in one column; line breaks inside brackets stay, indented by depth.
    """
    source = Source(name, normalised(text))
    _refuse_errors(source)
    rows = _rows(source.text)
    formatted = _laid_out(rows)
    again = _rows(formatted)
    assert _statements(again) == _statements(rows), "the formatter changed a statement"
    assert _comments(again) == _comments(rows), "the formatter lost a comment"
    assert _laid_out(again) == formatted, "formatting twice differs from formatting once"
    return formatted


def _refuse_errors(source: Source) -> None:
    if logical_lines(source).starts:
        diagnostics = Diagnostics(source)
        parse_source(source, diagnostics)
        diagnostics.raise_if_failed()


def _rows(text: str) -> list[Row]:
    """The physical lines of `text`."""
    rows = [Row([])]
    for token in lex(text, ignoring=False):
        match token.type:
            case "WHITE":
                rows.extend(Row([]) for _ in range(token.count("\n")))
            case "COMMENT":
                rows[-1].comment = token.rstrip()
            case _:
                rows[-1].tokens.append(token)
    return rows


def _statements(rows: list[Row]) -> list[list[tuple[str, str]]]:
    """The tokens of each logical line: what a statement's tree is made from, and all of it."""
    statements: list[list[tuple[str, str]]] = [[]]
    depth = 0
    for row in rows:
        for token in row.tokens:
            depth += {"LPAR": 1, "LSQB": 1, "RPAR": -1, "RSQB": -1}.get(token.type, 0)
            statements[-1].append((token.type, str(token)))
        if depth == 0 and statements[-1]:
            statements.append([])
    return statements


def _comments(rows: list[Row]) -> list[str]:
    return [row.comment for row in rows if row.comment]


def _laid_out(rows: list[Row]) -> str:
    layout = Layout()
    for row in rows:
        row.code = layout.line(row.tokens, row.comment)
    kept = list(_without_spare_blanks(rows))
    for run in _runs(kept):
        _align(run)
    return "".join(f"{row.code}{row.comment}\n" for row in kept)


def _without_spare_blanks(rows: list[Row]) -> Iterator[Row]:
    """The rows without empty ones at both ends, and never two empty ones in a row."""
    waiting: Row | None = None
    begun = False
    for row in rows:
        if not (row.tokens or row.comment):
            waiting = row if begun else None
            continue
        if waiting is not None:
            yield waiting
        waiting, begun = None, True
        yield row


def _runs(rows: list[Row]) -> Iterator[list[Row]]:
    """Neighbouring rows that have both code and a comment."""
    run: list[Row] = []
    for row in rows:
        if row.tokens and row.comment:
            run.append(row)
            continue
        yield run
        run = []
    yield run


def _align(run: list[Row]) -> None:
    """Pad code so that the comments behind it start in one column, if that is not too far right."""
    widest = max((len(row.code) for row in run), default=0)
    for row in run:
        width = widest if widest + 2 <= WIDEST else len(row.code)
        row.code = f"{row.code:<{width}}  "
