"""The syntax tree of a `.rmm` spec: closed sets of frozen dataclasses, each with its `Span`.

Shapes, sizes and matrices share one set of expression nodes; which operators are legal where is
the business of `raggeddsl.elaborate`, so that a wrong one gets an error that explains.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from raggeddsl.diagnostics.source import Source, Span

_LONGEST_INT = 1000
"""Digits of a whole number that Python is given to read: it refuses longer ones."""

# ---------------------------------------------------------------- expressions


@dataclass(frozen=True, slots=True)
class Number:
    """`48`, `0.5`, `1e-3`: an int where it is written as one, else a float."""

    value: int | float
    span: Span


def number_value(literal: str) -> int | float:
    """The value of an INT or FLOAT terminal; an int too long for Python to read is infinite."""
    if not literal.isdecimal():
        return float(literal)
    return int(literal) if len(literal) <= _LONGEST_INT else math.inf


@dataclass(frozen=True, slots=True)
class Text:
    """A string in double quotes, unescaped; only in the arguments of `table` and in options."""

    value: str
    span: Span


@dataclass(frozen=True, slots=True)
class Ref:
    """`W`, `A[i]`, `X[l[t]]`, `m[0]`: a name, with at most one index expression."""

    name: str
    index: Expr | None
    name_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Negate:
    """`-x`."""

    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Transpose:
    """`x.T`."""

    operand: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Binary:
    """`x op y`; `*`, `@` and `//` share one precedence and group from the left, then `+`, `-`."""

    op: Literal["+", "-", "*", "@", "//"]
    left: Expr
    right: Expr
    op_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Group:
    """`(x)`: kept, because parentheses are honoured when a chain's order is chosen."""

    inner: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class ListLiteral:
    """`[128, 64, 32]`: sizes, one a member."""

    items: tuple[Expr, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Call:
    """`ns(A[i])`, `table("t.csv", p="rows")`, `range(8, 40, 8)`, `iterate(ns, A[i], 5)`."""

    function: str
    arguments: tuple[Expr, ...]
    keywords: tuple[tuple[str, Expr], ...]
    function_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class Condition:
    """`if o[t] == e`, the filter of a sum; the sides are index expressions."""

    left: Expr
    right: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Sum:
    """`sum(body for t)` or `sum(body for t if o[t] == e)`."""

    body: Expr
    index: str
    condition: Condition | None
    index_span: Span
    span: Span


Expr: TypeAlias = Number | Text | Ref | Negate | Transpose | Binary | Group | ListLiteral | Call | Sum

# ---------------------------------------------------------------- parts of statements


@dataclass(frozen=True, slots=True)
class Name:
    """A name where it is declared, with its index variable if it declares a family: `A[i]`."""

    name: str
    index: str | None
    span: Span
    index_span: Span | None = None


@dataclass(frozen=True, slots=True)
class TypeExpr:
    """`f32[m[i], k[i]]`, `f32[]`, or `[m, k]` (dtype None: the default of the spec).

    `dtype` is the word as written; whether it names a dtype is checked in elaboration.
    """

    dtype: str | None
    shape: tuple[Expr, ...]
    dtype_span: Span | None
    span: Span


@dataclass(frozen=True, slots=True)
class Attribute:
    """One `key=value` after `with`; the value is a word (`highest`, `f32`) or a number's text."""

    key: str
    value: str
    key_span: Span
    value_span: Span


# ---------------------------------------------------------------- statements


@dataclass(frozen=True, slots=True)
class Edition:
    """`rmm 1`: the first statement, if present."""

    number: int
    span: Span


@dataclass(frozen=True, slots=True)
class Option:
    """`option dtype = f32`, `option association = left`."""

    key: str
    value: str
    key_span: Span
    value_span: Span
    span: Span


@dataclass(frozen=True, slots=True)
class IndexDecl:
    """`index i in 4` or `index e` (size None: the length of what defines its sizes)."""

    names: tuple[Name, ...]
    size: Expr | None
    span: Span


@dataclass(frozen=True, slots=True)
class DimDecl:
    """`dim n = 48`, `dim m[i] = [..]`, `dim p[e], q[e] = table(..)`."""

    names: tuple[Name, ...]
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class MapDecl:
    """`map l[t] in i, r[t] in e = table(..)`; `targets[k]` is the index that `names[k]` maps into."""

    names: tuple[Name, ...]
    targets: tuple[Name, ...]
    value: Expr
    span: Span


@dataclass(frozen=True, slots=True)
class InputDecl:
    """`input A[i], B[i] : f32[m[i], k[i]]`."""

    names: tuple[Name, ...]
    type: TypeExpr
    span: Span


@dataclass(frozen=True, slots=True)
class Definition:
    """`H[i] = ..`, `output Y[i] : type = .. with precision=highest`."""

    name: Name
    output: bool
    type: TypeExpr | None
    value: Expr
    attributes: tuple[Attribute, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class FunctionDef:
    """`def ns(X) = ..`: a macro over matrices, expanded where it is called."""

    name: Name
    parameters: tuple[Name, ...]
    value: Expr
    span: Span


Statement: TypeAlias = Edition | Option | IndexDecl | DimDecl | MapDecl | InputDecl | Definition | FunctionDef


@dataclass(frozen=True, eq=False)
class LineGroup:
    """n >= 2 `input` or definition lines of one form that name single matrices only.

    Two lines have one form if they are equal once every name and every number is blanked, so one
    template and a few columns say what n trees would: `template` is the tree of the first line;
    slot s is the s-th token that was blanked (a name or a number; words of the language, dtypes and
    attributes are equal in all lines and stay); `slots[s]` is its place among the line's tokens, so
    a node of the template is spelled by slot s if its span starts at
    `token_starts[0, slots[s]]`; `columns[s]` holds that
    token's value in every line (a list of str, or an int64 or float64 array); `token_starts` and
    `token_ends` (int64[n, tokens]) place *all* tokens of each line in the source.  Lines need not
    be neighbours: `starts` (int64[n], ascending) is where each begins, and says its turn.
    """

    template: InputDecl | Definition
    columns: tuple[list[str] | np.ndarray, ...]
    slots: tuple[int, ...]
    token_starts: np.ndarray
    token_ends: np.ndarray

    def __len__(self) -> int:
        return len(self.token_starts)

    @property
    def starts(self) -> np.ndarray:
        return self.token_starts[:, 0]

    def statement(self, line: int) -> InputDecl | Definition:
        """The tree of one line, equal to what the grammar would give for it."""
        template_starts = self.token_starts[0].tolist()
        starts = dict(zip(template_starts, self.token_starts[line].tolist(), strict=True))
        ends = dict(zip(self.token_ends[0].tolist(), self.token_ends[line].tolist(), strict=True))
        values = {
            template_starts[slot]: column[line] for slot, column in zip(self.slots, self.columns, strict=True)
        }
        return _moved(self.template, _Move(starts, ends, values))


_SPELLED: dict[type, tuple[tuple[str, str], ...]] = {
    Number: (("value", "span"),),
    Ref: (("name", "name_span"),),
    Call: (("function", "function_span"),),
    Sum: (("index", "index_span"),),
    Name: (("name", "span"), ("index", "index_span")),
    TypeExpr: (("dtype", "dtype_span"),),
    Attribute: (("key", "key_span"), ("value", "value_span")),
}
"""Which fields of a node are spelled by a token, and the field that says where."""


@dataclass(frozen=True)
class _Move:
    """Where each token of the template went, and what stands there now.

    `starts` and `ends` map the template's token starts and ends to the new ones; `values` maps the
    start of a template's token to its new value, for those that differ.
    """

    starts: Mapping[int, int]
    ends: Mapping[int, int]
    values: Mapping[int, str | int | float]


def _moved(node: Any, move: _Move) -> Any:
    """`node` with every span moved and every word replaced as `move` says."""
    if isinstance(node, Span):
        return Span(move.starts[node.start], move.ends[node.end])
    if isinstance(node, tuple):
        return tuple([_moved(part, move) for part in node])
    if node is None or isinstance(node, str | int | float):
        return node
    fields = {name: _moved(getattr(node, name), move) for name in node.__dataclass_fields__}
    for field, place in _SPELLED.get(type(node), ()):
        span = getattr(node, place)
        if span is not None and span.start in move.values:
            fields[field] = _spelled(node, move.values[span.start])
    return type(node)(**fields)


def _spelled(node: Any, value: str | int | float) -> str | int | float:
    if isinstance(node, Number) and isinstance(value, str):
        return number_value(value)
    return value.item() if isinstance(value, np.generic) else value


# ---------------------------------------------------------------- a whole spec


@dataclass(frozen=True, eq=False)
class Program:
    """A parsed spec.  `items` is ordered by first line; `statements()` is the plain list.

    `unread` are the logical lines that did not parse, in order.
    """

    items: tuple[Statement | LineGroup, ...]
    source: Source
    unread: tuple[Span, ...] = ()

    def statements(self) -> Iterator[Statement]:
        """Every statement in source order, like lines written out one by one."""
        flat: list[Statement] = []
        for item in self.items:
            if isinstance(item, LineGroup):
                flat.extend(item.statement(line) for line in range(len(item)))
            else:
                flat.append(item)
        return iter(sorted(flat, key=lambda statement: statement.span.start))
