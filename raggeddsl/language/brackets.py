"""Checks the brackets of one logical line before the grammar sees it, to blame the right one."""

from __future__ import annotations

import re

from raggeddsl.diagnostics.diagnostic import Label
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.language.lines import MARK

MAX_NESTING = 100
CLOSES = {")": "(", "]": "["}
CLOSED_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
CLOSED_BY = {"(": ")", "[": "]"}


def brackets_match(source: Source, line: Span, diagnostics: Diagnostics) -> bool:
    """Whether every bracket of the line is closed by its kind, and none is nested too deep.

    Reports the first fault: RMM104 at an opener never closed, RMM105 at a closer that closes
    nothing or the wrong kind, RMM108 at the bracket that is one too deep.  Behind a string that
    is never closed nothing is known, and the grammar will complain of the string.
    """
    opened: list[tuple[str, int]] = []
    for mark in MARK.finditer(source.text, line.start, line.end):
        sign, place = mark[0], Span(mark.start(), mark.start() + 1)
        if sign[0] == '"' and not CLOSED_STRING.fullmatch(sign):
            return True
        if sign in CLOSED_BY:
            opened.append((sign, mark.start()))
            if len(opened) > MAX_NESTING:
                _too_deep(place, diagnostics)
                return False
        elif sign in CLOSES:
            if not opened or opened[-1][0] != CLOSES[sign]:
                _wrong_closer(sign, place, opened, diagnostics)
                return False
            opened.pop()
    if opened:
        sign, start = opened[-1]
        diagnostics.error(
            "RMM104",
            f"`{sign}` is never closed",
            Span(start, start + 1),
            help=f"add the missing `{CLOSED_BY[sign]}`",
        )
    return not opened


def _too_deep(place: Span, diagnostics: Diagnostics) -> None:
    diagnostics.error(
        "RMM108",
        f"brackets are nested more than {MAX_NESTING} deep",
        place,
        help="give the inner part a name of its own: `NAME = ...` on a line before",
    )


def _wrong_closer(sign: str, place: Span, opened: list[tuple[str, int]], diagnostics: Diagnostics) -> None:
    if not opened:
        diagnostics.error("RMM105", f"`{sign}` closes nothing", place, help="remove it, or open it before")
        return
    opener, start = opened[-1]
    diagnostics.error(
        "RMM105",
        f"`{sign}` cannot close `{opener}`",
        place,
        labels=[Label(Span(start, start + 1), f"this `{opener}` is still open")],
        help=f"`{opener}` is closed by `{CLOSED_BY[opener]}`",
    )
