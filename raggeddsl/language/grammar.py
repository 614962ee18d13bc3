"""The text of `grammar/rmm.lark`, the one definition of the language, and a lark parser of it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.common import LexerConf

GRAMMAR_FILE = "rmm.lark"


class KeepUnused:
    """Keeps alive the terminals that no rule uses, so that a stray sign is an unexpected *token*.

    lark drops unused terminals and then stops at a single character; kept, they arrive at the
    parser, which refuses them and can say what it would have accepted.
    """

    always_accept = ("UNKNOWN", "RESERVED")

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        return stream


@cache
def grammar_text() -> str:
    """The text of `rmm.lark`: from the installed package, else from the checkout's `grammar/`.

    Raises `FileNotFoundError` where neither is there, which is a broken install.
    """
    packaged = resources.files("raggeddsl").joinpath("grammar", GRAMMAR_FILE)
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    checkout = Path(__file__).resolve().parents[2] / "grammar" / GRAMMAR_FILE
    if checkout.is_file():
        return checkout.read_text(encoding="utf-8")
    raise FileNotFoundError(f"raggeddsl is installed without its grammar ({packaged}); reinstall it")


def build_parser(*, strict: bool = False, transformer: Any = None) -> Lark:
    """A parser of one logical line; `strict` also refuses terminals that overlap (tests only)."""
    from lark import Lark

    return Lark(
        grammar_text(),
        start="statement",
        parser="lalr",
        lexer="basic" if strict else unchecked_lexer(),
        postlex=KeepUnused(),
        maybe_placeholders=False,
        transformer=transformer,
        strict=strict,
    )


def unchecked_lexer() -> type[Any]:
    """lark's basic lexer without its search for overlaps.

    That search runs whenever `interegular` is installed, strict or not, and takes longer than all
    of `raggeddsl check` may; the tests run it once.
    """
    from lark.lexer import BasicLexer

    class UncheckedLexer(BasicLexer):
        __future_interface__ = 2

        def __init__(self, conf: LexerConf, comparator: Any = None) -> None:
            unchecked = copy(conf)
            unchecked.skip_validation = True
            super().__init__(unchecked, comparator)

    return UncheckedLexer
