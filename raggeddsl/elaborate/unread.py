"""The lines of a spec that did not parse in, the names that they may have declared out.

A name that such a line may declare is not complained of elsewhere: mending the line may be all
that it takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from raggeddsl.language import ast

WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
GLUED = re.compile(r"(?:option|index|dim|map|input|output|def)(?=.)")
NAMED = re.compile(
    r"\s*(?:(?:option|index|dim|map|input|output|def)\b\s*)?"
    r"(?!(?:rmm|option|index|dim|map|input|output|def|in|for|if|with|sum|iterate|table|range)\b)[A-Za-z_]",
    re.ASCII,
)
"""The beginning of a line whose name stands where it belongs."""


@dataclass(frozen=True)
class Unread:
    """What lines that did not parse may declare: `words`, or with `anything` any name at all."""

    words: frozenset[str] = frozenset()
    anything: bool = False

    def __contains__(self, name: object) -> bool:
        """Whether `name` may be declared, sized or set on a line that was not read."""
        return self.anything or name in self.words


def unread(program: ast.Program) -> Unread:
    """What the lines of `program` that did not parse may declare: every word that stands on them.

    A line on which no name stands where it belongs, or one with letters that are not those of the
    language, may be meant to declare any name.
    """
    words: set[str] = set()
    for span in program.unread:
        line = program.source.text[span.start : span.end]
        if not NAMED.match(line) or any(sign.isalpha() and not sign.isascii() for sign in line):
            return Unread(anything=True)
        on_line = WORD.findall(line)
        words.update(on_line)
        words.update(GLUED.sub("", word, count=1) for word in on_line)
    return Unread(frozenset(words))
