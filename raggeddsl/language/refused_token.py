"""Where the parser got stuck in a line, as every rule that explains syntax errors sees it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from lark import Token

from raggeddsl.diagnostics.diagnostic import Diagnostic, Fix
from raggeddsl.diagnostics.source import Source, Span

NOTHING = Token("$END", "")


@dataclass(frozen=True)
class Stuck:
    """The tokens of a logical line, which of them the grammar refused, and what it would accept.

    `at` is `len(tokens)` where the line ended too early; `accepts` holds names of terminals.
    """

    source: Source
    tokens: tuple[Token, ...]
    at: int
    accepts: frozenset[str]

    def token(self, offset: int = 0) -> Token:
        """The refused token, or one `offset` after (or before) it; `$END` outside of the line."""
        place = self.at + offset
        return self.tokens[place] if 0 <= place < len(self.tokens) else NOTHING

    @cached_property
    def span(self) -> Span:
        """The refused token, or the empty span after the last."""
        if self.at < len(self.tokens):
            return span(self.tokens[self.at])
        end = span(self.tokens[-1]).end
        return Span(end, end)

    def touches(self, offset: int) -> bool:
        """Whether the token at `offset` follows the one before it without white space."""
        before, after = self.token(offset - 1), self.token(offset)
        return "$END" not in (before.type, after.type) and before.end_pos == after.start_pos

    def wants_expression(self) -> bool:
        return {"NAME", "LPAR", "INT"} <= self.accepts

    def wants_operator(self) -> bool:
        return {"STAR", "AT"} <= self.accepts

    def error(self, code: str, message: str, help: str, *fixes: Fix, where: Span | None = None) -> Diagnostic:
        return Diagnostic(
            code, "error", message, where or self.span, help=help, fixes=fixes, source=self.source
        )


Rule = Callable[[Stuck], Diagnostic | None]
"""Explains one kind of mistake, or says None and leaves it to the next rule."""


def span(token: Token) -> Span:
    assert token.start_pos is not None and token.end_pos is not None
    return Span(token.start_pos, token.end_pos)
