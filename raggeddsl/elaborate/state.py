"""What elaboration knows so far: `State`, and the values that names have taken in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.elaborate.symbols import Symbols
from raggeddsl.elaborate.tables import TableColumn, Tables
from raggeddsl.elaborate.unread import Unread
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Columns, FamilyType, Operand
from raggeddsl.language import ast
from raggeddsl.options import Options

MEMBER_LIMIT = 2**24
"""Members an index may have: a plan takes some 200 bytes a member, so more would take gigabytes."""

LINE_LIMIT = 1000
"""Faulty like lines that are reported one by one; the rest are counted."""


@dataclass(eq=False)
class Index:
    """An index: its length (None: none yet), and the place that gave it."""

    length: int | None
    sized_by: Span | None
    failed: bool = False


@dataclass(frozen=True, eq=False)
class Sizes:
    """The value of a `dim`: one size (`index` None) or int64[N], one a member of `index`.

    `column` is set where the sizes came from a table, so that blame can point at its cell.
    """

    value: int | Columns
    index: str | None
    written: ast.Expr
    column: TableColumn | None = None


@dataclass(frozen=True, eq=False)
class IndexMap:
    """A `map`: int64[N] members of `target`, one a member of `index`."""

    members: Columns
    index: str
    target: str


@dataclass(frozen=True, eq=False)
class Cause:
    """Which declaration gave an axis its size: axis 0 or 1 of the matrix of symbol row `row`.

    A row r of the domain at hand belongs to member `steps[-1][… steps[0][r]]`; a step is a column,
    None (the same member) or one number (always that member).
    """

    row: int
    axis: int
    steps: tuple[Columns | int | None, ...] = ()

    def member(self, at: int) -> int:
        """The member that domain row `at` belongs to."""
        for step in self.steps:
            if step is None:
                continue
            at = step if isinstance(step, int) else int(step[at])
        return at

    def through(self, step: Columns | int | None) -> Cause:
        """The same cause seen through one more indexing on the reader's side."""
        return self if step is None else Cause(self.row, self.axis, (step, *self.steps))


Causes = tuple[Cause | None, Cause | None]
"""Of the rows, of the columns."""


@dataclass(frozen=True, eq=False)
class Family:
    """The value of a matrix declared over an index."""

    operand: Operand
    type: FamilyType
    index: str
    causes: Causes


@dataclass(eq=False)
class State:
    """Everything that elaboration has found out; one a run, passed explicitly."""

    program: ast.Program
    options: Options
    diagnostics: Diagnostics
    symbols: Symbols
    tables: Tables
    partial: bool
    """The text had syntax errors, so what is missing may be on a line that was not read."""
    unread: Unread = field(default_factory=Unread)
    graph: Graph = field(default_factory=Graph)
    given: dict[str, ast.Option] = field(default_factory=dict)
    default_dtype: str | None = None
    left: bool = False
    indexes: dict[str, Index] = field(default_factory=dict)
    dims: dict[int, Sizes] = field(default_factory=dict)
    maps: dict[int, IndexMap] = field(default_factory=dict)
    families: dict[int, Family] = field(default_factory=dict)
    single_causes: dict[int, Causes] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)
    """Rows of functions that cannot be expanded."""
    spent: int = 0
    costs: dict[int, int] = field(default_factory=dict)
    lines_reported: int = 0
    lines_hidden: int = 0
    lines_tried: int = 0

    @property
    def source(self) -> Source:
        return self.program.source

    def text(self, span: Span) -> str:
        """What is written at `span`, on one line and not too long."""
        words = " ".join(self.source.text[span.start : span.end].split())
        return words if len(words) <= 60 else words[:57] + "..."

    def length(self, index: str) -> int | None:
        """The members of `index`, or None if that is not known (which has been reported)."""
        entry = self.indexes.get(index)
        return None if entry is None or entry.failed else entry.length

    def report_line(self) -> bool:
        """Whether one more faulty like line is to be reported on its own."""
        if self.lines_reported >= LINE_LIMIT:
            self.lines_hidden += 1
            return False
        self.lines_reported += 1
        return True

    def causes_of(self, row: int) -> Causes:
        """Which declarations the shape of symbol `row` is from: its own, where it is written there."""
        family = self.families.get(row)
        causes = family.causes if family is not None else self.single_causes.get(row, (None, None))
        return (causes[0] or Cause(row, 0), causes[1] or Cause(row, 1))

    def bind_single(self, row: int, node: int, member: int, causes: Causes) -> None:
        self.symbols.node[row] = node
        self.symbols.member[row] = member
        self.single_causes[row] = causes


def identity(members: Columns, length: int) -> bool:
    """Whether `members` is 0, 1, … of a node of `length` members, so that no map is needed."""
    return len(members) == length and bool((members == np.arange(length)).all())
