"""The parser and the lexer of this process: made from the grammar once, when they are first needed."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any

from raggeddsl.language.grammar import build_parser, unchecked_lexer
from raggeddsl.language.tree_builder import Build

if TYPE_CHECKING:
    from lark import Lark, Token


@cache
def parser() -> Lark:
    """The parser of this process: it gives a statement of `raggeddsl.language.ast` directly."""
    return build_parser(transformer=Build())


@cache
def _lexer(ignoring: bool) -> Any:
    conf = copy(parser().lexer_conf)
    if not ignoring:
        conf.ignore = ()
    return unchecked_lexer()(conf)


def lex(text: str, start: int = 0, end: int | None = None, *, ignoring: bool = True) -> Iterator[Token]:
    """The grammar's tokens in `text[start:end]`, placed in `text`.

    `ignoring` leaves out white space and comments.
    """
    from lark import TextSlice
    from lark.lexer import LexerState, LineCounter

    place = LineCounter("\n")  # given, since lark would else count the lines before `start` each time
    place.char_pos = start
    stretch = TextSlice(text, start, len(text) if end is None else end)
    tokens: Iterator[Token] = _lexer(ignoring).lex(LexerState(stretch, place), None)
    return tokens
