"""The tokens of one physical line in, the line with the one spacing out."""

from __future__ import annotations

from collections.abc import Sequence

from lark import Token

INDENT = "    "
OPENERS = frozenset({"LPAR", "LSQB"})
CLOSERS = frozenset({"RPAR", "RSQB"})
BEFORE_VALUE = OPENERS | {
    "COMMA", "EQUAL", "EQUALS", "COLON", "PLUS", "MINUS", "STAR", "AT", "SLASHES", "IN", "IF",
}  # fmt: skip
"""After these (and at the beginning of a statement) a `-` belongs to what follows."""

CALLED = frozenset({"NAME", "SUM", "ITERATE", "TABLE", "RANGE"})
"""An opening bracket stands close to these: `A[i]`, `f32[3]`, `sum(...)`."""


class Layout:
    """What is known of the statement at the beginning of a line: open brackets, and `with` seen."""

    def __init__(self) -> None:
        self.depth = 0
        self.attributes = False
        self.previous: Token | None = None
        self.sign = False

    def line(self, tokens: Sequence[Token], comment: str) -> str:
        """The code of a line; where it has only a comment, the indent of that comment."""
        leading = 0
        while leading < len(tokens) and tokens[leading].type in CLOSERS:
            leading += 1
        text = INDENT * max(0, self.depth - leading) if tokens or comment else ""
        for place, token in enumerate(tokens):
            text += f" {token}" if place > 0 and self._apart(token) else str(token)
            self._take(token)
        if self.depth == 0 and tokens:
            self.attributes, self.previous, self.sign = False, None, False
        return text

    def _take(self, token: Token) -> None:
        before = self.previous
        self.sign = token.type == "MINUS" and (before is None or before.type in BEFORE_VALUE or self.sign)
        self.attributes = self.attributes or token.type == "WITH"
        self.depth += (token.type in OPENERS) - (token.type in CLOSERS)
        self.previous = token

    def _apart(self, token: Token) -> bool:
        """Whether a blank stands between the last token and this one."""
        before = self.previous
        assert before is not None
        if before.type in OPENERS or token.type in CLOSERS | {"COMMA", "TRANSPOSE"} or self.sign:
            return False
        if token.type in OPENERS:
            return before.type not in CALLED
        if "EQUAL" in (token.type, before.type):
            return self.depth == 0 and not self.attributes
        return True
