"""What an expression ranges over: `Domain`, rows that each stand for one member of each index in scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from raggeddsl.graph.nodes import Columns


@dataclass(frozen=True, eq=False)
class Domain:
    """`length` rows; row r stands for member `variables[i][r]` of index i (None: member r).

    A definition over i ranges over {i: None}; the body of a sum over t ranges over {t: …}, and has
    the index of the definition beside it where the body or the condition uses that.  `hidden` are
    the indices of the caller inside a function: messages name them, the function cannot.
    """

    length: int
    variables: Mapping[str, Columns | None] = field(default_factory=dict)
    hidden: Mapping[str, Columns | None] = field(default_factory=dict)

    def hide(self) -> Domain:
        """The same rows as the body of a function sees them."""
        return Domain(self.length, {}, {**self.hidden, **self.variables})

    def take(self, rows: Columns) -> Domain:
        """The chosen rows, repeats allowed."""
        return Domain(len(rows), _take(self.variables, rows), _take(self.hidden, rows))

    def bind(self, index: str, column: Columns | None) -> Domain:
        """The same rows, each with a member of one more index."""
        return Domain(self.length, {**self.variables, index: column}, self.hidden)

    def rows(self, bad: np.ndarray) -> str:
        """` for i = 2 (and 1 more)`: the rows where `bad` bool[length] holds, in words."""
        places = np.flatnonzero(bad)
        every = {**self.hidden, **self.variables}
        if not every or not len(places):
            return ""
        row = int(places[0])
        members = {index: row if column is None else int(column[row]) for index, column in every.items()}
        named = ", ".join(f"{index} = {member}" for index, member in members.items())
        return f" for {named}" + (f" (and {len(places) - 1} more)" if len(places) > 1 else "")


def _take(variables: Mapping[str, Columns | None], rows: Columns) -> dict[str, Columns | None]:
    return {index: rows if column is None else column[rows] for index, column in variables.items()}


SINGLE = Domain(1)
"""The domain of a definition without an index."""
