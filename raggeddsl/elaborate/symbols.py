"""Every name that a spec declares: the syntax tree in, one table of columns out.

A spec may name 100,000 matrices, so what is known of a name is a row of columns, not an object;
`Symbols.ids` finds the row.  A name that is declared twice keeps its first row in `ids`; the second
has a row of its own that nobody can refer to.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from raggeddsl.diagnostics.source import Span
from raggeddsl.language import ast


class Kind(IntEnum):
    """What a name stands for."""

    INDEX = 0
    DIM = 1
    MAP = 2
    MATRIX = 3
    FUNCTION = 4


KIND_WORDS = {
    Kind.INDEX: "an index",
    Kind.DIM: "a size",
    Kind.MAP: "an index map",
    Kind.MATRIX: "a matrix",
    Kind.FUNCTION: "a function",
}


@dataclass(frozen=True, eq=False)
class LineNames:
    """The names that one slot of a group of like lines declares: rows `first .. first + n`."""

    first: int
    lines: ast.LineGroup
    place: int
    """Which of the template's declared names this is (an `input` line may have several)."""


@dataclass(eq=False)
class Symbols:
    """The table of declared names; row k is the k-th declared name.

    `kinds` int8[D]; `starts`, `ends` int64[D] place the name; `turns` int64[D] is where its
    statement begins, which decides what may refer to it; `node`, `member` int64[D] say where the
    value of a single matrix is (node -1: unknown, so far or for good).
    """

    ids: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    statements: dict[int, ast.Statement] = field(default_factory=dict)
    groups: list[LineNames] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    """The rows that each item of the program declares; those of like lines int64[names, n]."""
    twice: list[tuple[int, int]] = field(default_factory=list)
    """(second, first) rows of names that are declared twice."""
    kinds: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int8))
    starts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    ends: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    turns: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    used: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    node: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    member: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.names)

    def span(self, row: int) -> Span:
        """Where the name of `row` stands in its declaration."""
        return Span(int(self.starts[row]), int(self.ends[row]))

    def find(self, name: str, turn: int, *kinds: Kind) -> int | None:
        """The row of `name` as one of `kinds`, if a statement that begins at `turn` may use it."""
        row = self.ids.get(name)
        if row is None or self.turns[row] >= turn or Kind(self.kinds[row]) not in kinds:
            return None
        return row

    def row_at(self, name: ast.Name) -> int | None:
        """The row of `name` where it is declared; None if an earlier declaration has taken the name."""
        row = self.ids[name.name]
        return row if self.starts[row] == name.span.start else None

    def line_of(self, row: int) -> tuple[LineNames, int] | None:
        """The group of like lines and the line in it that declare `row`, if one does."""
        place = bisect_right(self.groups, row, key=lambda group: group.first) - 1
        if place < 0:
            return None
        group = self.groups[place]
        line = row - group.first
        return (group, line) if line < len(group.lines) else None

    def statement(self, row: int) -> ast.Statement:
        """The statement that declares `row`, written out if it is one of like lines."""
        if row in self.statements:
            return self.statements[row]
        place = self.line_of(row)
        assert place is not None
        group, line = place
        return group.lines.statement(line)


def declare(program: ast.Program) -> Symbols:
    """All declared names of `program`; names declared twice are listed in `Symbols.twice`."""
    symbols = Symbols()
    kinds: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    for item in program.items:
        first = len(symbols)
        if isinstance(item, ast.LineGroup):
            added = _declare_lines(symbols, item)
            kinds.append(np.full(added.shape[1], Kind.MATRIX, np.int8))
            columns.append(added)
            symbols.rows.append(np.arange(first, len(symbols)).reshape(-1, len(item)))
            continue
        declared = declared_names(item)
        for name, _ in declared:
            symbols.statements[len(symbols)] = item
            symbols.names.append(name.name)
        kinds.append(np.array([kind for _, kind in declared], np.int8))
        places = [(name.span.start, name.span.end, item.span.start) for name, _ in declared]
        columns.append(np.array(places, np.int64).reshape(-1, 3).T)
        symbols.rows.append(np.arange(first, len(symbols)))
    if columns:
        symbols.kinds = np.concatenate(kinds)
        symbols.starts, symbols.ends, symbols.turns = np.concatenate(columns, axis=1)
    symbols.used = np.zeros(len(symbols), bool)
    symbols.node = np.full(len(symbols), -1, np.int64)
    symbols.member = np.zeros(len(symbols), np.int64)
    _number(symbols)
    return symbols


def declared_names(statement: ast.Statement) -> list[tuple[ast.Name, Kind]]:
    """The names that one statement declares, with what each of them is."""
    match statement:
        case ast.IndexDecl(names=names):
            return [(name, Kind.INDEX) for name in names]
        case ast.DimDecl(names=names):
            return [(name, Kind.DIM) for name in names]
        case ast.MapDecl(names=names):
            return [(name, Kind.MAP) for name in names]
        case ast.InputDecl(names=names):
            return [(name, Kind.MATRIX) for name in names]
        case ast.Definition(name=name):
            return [(name, Kind.MATRIX)]
        case ast.FunctionDef(name=name):
            return [(name, Kind.FUNCTION)]
        case _:
            return []


def _declare_lines(symbols: Symbols, lines: ast.LineGroup) -> np.ndarray:
    added = []
    for place, (name, _) in enumerate(declared_names(lines.template)):
        slot = slot_at(lines, 0, name.span.start)
        words = lines.columns[slot]
        assert isinstance(words, list)
        symbols.groups.append(LineNames(len(symbols), lines, place))
        symbols.names.extend(words)
        token = lines.slots[slot]
        added.append(np.stack([lines.token_starts[:, token], lines.token_ends[:, token], lines.starts]))
    return np.concatenate(added, axis=1)


def slot_at(lines: ast.LineGroup, line: int, start: int) -> int:
    """The slot whose token begins at character `start` in line `line`."""
    token = int(np.searchsorted(lines.token_starts[line], start))
    return lines.slots.index(token)


def _number(symbols: Symbols) -> None:
    """Fill `ids`, and `twice` where two rows have one name: the earlier in the text keeps it."""
    symbols.ids = dict(zip(symbols.names, range(len(symbols)), strict=True))
    if len(symbols.ids) == len(symbols):
        return
    symbols.ids = {}
    for row in np.argsort(symbols.starts, kind="stable").tolist():
        first = symbols.ids.setdefault(symbols.names[row], row)
        if first != row:
            symbols.twice.append((row, first))
