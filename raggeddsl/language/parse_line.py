"""One logical line in, its tree or one `Diagnostic` out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lark import Token
from lark.exceptions import UnexpectedToken

from raggeddsl.diagnostics.diagnostic import Diagnostic, Label
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.language import ast
from raggeddsl.language.brackets import brackets_match
from raggeddsl.language.limits import within_limits
from raggeddsl.language.number_list import cut_list, filled
from raggeddsl.language.parser import lex, parser
from raggeddsl.language.refused_token import Stuck, span


def parse_line(source: Source, line: Span, diagnostics: Diagnostics) -> ast.Statement | None:
    """The statement of one logical line, or None with the reason reported to `diagnostics`."""
    long = cut_list(source, line)
    if long is not None:
        tokens, numbers = long
        statement, _ = _fed(tokens)
        if statement is not None:
            return filled(statement, source, numbers)
    if not brackets_match(source, line, diagnostics):
        return None
    tokens = tuple(lex(source.text, line.start, line.end))
    statement, at = _fed(tokens)
    if statement is None:
        diagnostics.found.append(_explained(Stuck(source, tokens, at, _accepted(tokens[:at])), line))
        return None
    return statement if within_limits(statement, diagnostics) else None


def _fed(tokens: Sequence[Token]) -> tuple[ast.Statement | None, int]:
    """(the tree of `tokens`, or None; the place of the token that the grammar refused)."""
    state = parser().parse_interactive()
    fed = 0
    try:
        for token in tokens:
            state.feed_token(token)
            fed += 1
        return state.feed_eof(), fed
    except UnexpectedToken:
        return None, fed


def _accepted(tokens: Sequence[Token]) -> frozenset[str]:
    """The terminals that may follow `tokens`, which the grammar accepts."""
    state = parser().parse_interactive()
    for token in tokens:
        state.feed_token(token)
    return frozenset(state.accepts())


def _explained(stuck: Stuck, line: Span) -> Diagnostic:
    from raggeddsl.language.syntax_errors import explain

    diagnostic = explain(stuck)
    opener = _open_before(stuck)
    if opener is not None:
        diagnostic = replace(diagnostic, labels=(Label(opener, "this bracket is still open here"),))
    return diagnostic if _moves_on(stuck, line, diagnostic) else replace(diagnostic, fixes=())


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
    return span(opened[-1])


def _moves_on(stuck: Stuck, line: Span, diagnostic: Diagnostic) -> bool:
    """Whether the line, mended by `diagnostic.fixes`, parses at least beyond the mended place.

    So a fix that is offered as data is never a guess that makes things worse.
    """
    if not diagnostic.fixes:
        return False
    text, grown = stuck.source.text, 0
    mended = text[line.start : line.end]
    for fix in diagnostic.fixes:
        start, end = fix.span.start - line.start + grown, fix.span.end - line.start + grown
        mended = mended[:start] + fix.replacement + mended[end:]
        grown += len(fix.replacement) - (end - start)
    beyond = diagnostic.fixes[-1].span.end - line.start + grown
    for part in filter(str.strip, mended.split("\n")):
        tokens = tuple(lex(part))
        statement, at = _fed(tokens)
        if tokens and statement is None:
            return at < len(tokens) and span(tokens[at]).start >= beyond
    return True
