"""What an expression under construction knows of itself: text, sizes, type, and about how large it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.real_size.spec import Map

SUM, TERM, FACTOR, ATOM = range(4)
"""How tightly an expression binds: `a + b`, `a @ b`, `-a`, and what needs no parentheses."""


@dataclass(frozen=True, eq=False)
class Axis:
    """A size as it is written over `index` (None: one for all), with its numbers."""

    text: str
    index: str | None
    sizes: np.ndarray
    base: Axis | None = None
    """What it is the `through` of."""
    through: Map | None = None

    def over(self, count: int) -> np.ndarray:
        """The sizes for `count` members."""
        return self.sizes if self.index is not None else np.repeat(self.sizes, count)

    def lifted(self, by: Map) -> Axis:
        """This axis of the member that `by` says."""
        if self.index is None:
            return self
        return Axis(renamed(self.text, by), by.index, self.sizes[by.members], self, by)


ONE = Axis("1", None, np.ones(1, np.int64))


@dataclass(frozen=True, eq=False)
class Value:
    """A name of the spec: a matrix for each member of `index`, or one; `scalar` ones are 1 x 1 here.

    `log` bounds log10 of its norm, roughly.
    """

    text: str
    index: str | None
    rows: Axis
    cols: Axis
    dtype: str
    log: float = 0.0
    scalar: bool = False

    def lifted(self, by: Map) -> Value:
        if self.index is None:
            return self
        text = renamed(self.text, by)
        return replace(self, text=text, index=by.index, rows=self.rows.lifted(by), cols=self.cols.lifted(by))


@dataclass(frozen=True)
class Expression:
    """A piece of a definition: its text, what it binds like, its type, and log10 of its norm."""

    text: str
    level: int
    dtype: str
    log: float

    def at(self, level: int) -> str:
        """The text where something that binds like `level` is wanted."""
        return self.text if self.level >= level else f"({self.text})"


def renamed(text: str, by: Map) -> str:
    return text.replace(f"[{by.into}]", f"[{by.name}[{by.index}]]")
