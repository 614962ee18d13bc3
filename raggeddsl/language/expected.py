"""Human names for terminals: what the grammar would have accepted, said in a few words."""

from __future__ import annotations

from collections.abc import Iterable

from lark import Token

EXPRESSION = frozenset({"NAME", "INT", "FLOAT", "LPAR", "MINUS", "SUM", "ITERATE"})
OPERATORS = frozenset({"PLUS", "MINUS", "STAR", "AT", "SLASHES", "TRANSPOSE"})
STATEMENTS = ("RMM", "OPTION", "INDEX", "DIM", "MAP", "INPUT", "OUTPUT", "DEF")

HUMAN = {
    "NAME": "a name",
    "INT": "a whole number",
    "FLOAT": "a number",
    "STRING": 'a string in `"`',
    "TRANSPOSE": "`.T`",
    "EQUALS": "`==`",
    "SLASHES": "`//`",
    "EQUAL": "`=`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "PLUS": "`+`",
    "MINUS": "`-`",
    "STAR": "`*`",
    "AT": "`@`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "$END": "the end of the line",
}
"""Every terminal but the words, which are named by themselves."""


def human(terminal: str) -> str:
    return HUMAN.get(terminal, f"`{terminal.lower()}`")


def expected(accepts: Iterable[str]) -> str:
    """`accepts` as a phrase: "an expression, `(` or the end of the line"."""
    left = set(accepts)
    phrases: list[str] = []
    if left >= {"NAME", *STATEMENTS}:
        return "a statement"
    if left >= EXPRESSION:
        phrases.append("an expression")
        left -= EXPRESSION
    if left >= OPERATORS:
        phrases.append("an operator")
        left -= OPERATORS
    order = list(HUMAN)
    phrases += [human(name) for name in sorted(left, key=lambda n: (order.index(n) if n in HUMAN else -1, n))]
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} or {phrases[-1]}"


def describe(token: Token) -> str:
    """The token as an error names it."""
    return HUMAN["$END"] if token.type == "$END" else f"`{token}`"
