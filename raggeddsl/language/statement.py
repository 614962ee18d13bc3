"""One logical line in, its tree or one `Diagnostic` out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from lark import TextSlice, Token
from lark.exceptions import UnexpectedToken

from raggeddsl.language import ast
from raggeddsl.language.brackets import brackets_match
from raggeddsl.language.grammar import parser
from raggeddsl.language.limits import within_limits
from raggeddsl.language.source import Diagnostic, Diagnostics, Label, Source, Span

if TYPE_CHECKING:
    from raggeddsl.language.stuck import Stuck


def tokens(source: Source, line: Span) -> Iterator[Token]:
    """The grammar's tokens of `line`, placed in the whole text; comments and white space left out."""
    state = parser().parse_interactive(TextSlice(source.text, line.start, line.end))
    return state.lexer_thread.lex(state.parser_state)  # Lark.lex would build a lexer anew


def parse_line(source: Source, line: Span, found: Diagnostics) -> ast.Statement | None:
    """The statement of one logical line, or None with the reason reported to `found`."""
    if not brackets_match(source, line, found):
        return None
    try:
        statement: ast.Statement = parser().parse(TextSlice(source.text, line.start, line.end))  # type: ignore[assignment]
    except UnexpectedToken as refused:
        found.found.append(_explained(source, line, refused))
        return None
    return statement if within_limits(statement, found) else None


def _explained(source: Source, line: Span, refused: UnexpectedToken) -> Diagnostic:
    from raggeddsl.language.syntax_error import explain

    stuck = _stuck(source, line, refused)
    found = explain(stuck)
    opener = _open_before(stuck)
    if opener is not None:
        found = replace(found, labels=(Label(opener, "this bracket is still open here"),))
    return found if _moves_on(stuck, line, found) else replace(found, fixes=())


def _stuck(source: Source, line: Span, refused: UnexpectedToken) -> Stuck:
    from raggeddsl.language.stuck import Stuck

    parts = tuple(tokens(source, line))
    at = len(parts)
    if refused.token.type != "$END":
        at = next(k for k, part in enumerate(parts) if part.start_pos == refused.token.start_pos)
    state = parser().parse_interactive()
    for part in parts[:at]:
        state.feed_token(part)
    accepts = state.accepts()  # type: ignore[no-untyped-call]
    return Stuck(source, parts, at, frozenset(accepts))


def _open_before(stuck: Stuck) -> Span | None:
    """The innermost open bracket, if it opened on another physical line than the refused token."""
    opened = []
    for part in stuck.tokens[: stuck.at]:
        if part.type in {"LPAR", "LSQB"}:
            opened.append(part)
        elif part.type in {"RPAR", "RSQB"} and opened:
            opened.pop()
    if not opened or stuck.source.text.find("\n", opened[-1].end_pos, stuck.span.start) < 0:
        return None
    return Span(opened[-1].start_pos or 0, opened[-1].end_pos or 0)


def _moves_on(stuck: Stuck, line: Span, found: Diagnostic) -> bool:
    """Whether the line, mended by `found.fixes`, parses at least beyond the mended place.

    So a fix that is offered as data is never a guess that makes things worse.
    """
    if not found.fixes:
        return False
    text, grown = stuck.source.text, 0
    mended = text[line.start : line.end]
    for fix in found.fixes:
        start, end = fix.span.start - line.start + grown, fix.span.end - line.start + grown
        mended = mended[:start] + fix.replacement + mended[end:]
        grown += len(fix.replacement) - (end - start)
    beyond = found.fixes[-1].span.end - line.start + grown
    for part in filter(str.strip, mended.split("\n")):
        if part.lstrip().startswith("#"):
            continue
        try:
            parser().parse(part)
        except UnexpectedToken as refused:
            return refused.token.type != "$END" and (refused.token.start_pos or 0) >= beyond
    return True
