"""A size in, the place in the spec or in a table that it was written at out."""

from __future__ import annotations

import numpy as np

from raggeddsl.diagnostics.diagnostic import Label
from raggeddsl.elaborate.domain import SINGLE, Domain
from raggeddsl.elaborate.members import members
from raggeddsl.elaborate.state import Cause, State
from raggeddsl.elaborate.symbols import Kind
from raggeddsl.language import ast

AXES = ("row", "column")


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def axis_label(state: State, cause: Cause, row: int, size: int) -> Label:
    """`A[2] has 96 columns`, where the size of that member is written."""
    symbols = state.symbols
    member = cause.member(row)
    statement = symbols.statement(cause.row)
    family = cause.row in state.families
    name = f"{symbols.names[cause.row]}[{member}]" if family else symbols.names[cause.row]
    message = f"{name} has {count(size, AXES[cause.axis])}"
    turn = statement.span.start
    if isinstance(statement, ast.InputDecl | ast.Definition) and statement.type is not None:
        shape = statement.type.shape
        index = _index_name(statement, symbols.names[cause.row])
        domain = Domain(1, {index: np.array([member])}) if index is not None else SINGLE
        if len(shape) == 2:
            return _written(state, shape[cause.axis], domain, turn, message)
        return Label(statement.type.span, message)
    return Label(symbols.span(cause.row), message)


def _index_name(statement: ast.InputDecl | ast.Definition, name: str) -> str | None:
    names = statement.names if isinstance(statement, ast.InputDecl) else (statement.name,)
    return next((declared.index for declared in names if declared.name == name), None)


def _written(state: State, expr: ast.Expr, domain: Domain, turn: int, message: str) -> Label:
    """A label where the size that `expr` has in the one row of `domain` was written down."""
    here = Label(expr.span, message)
    if not isinstance(expr, ast.Ref):
        return here
    row = state.symbols.find(expr.name, turn, Kind.DIM)
    sizes = None if row is None else state.dims.get(row)
    if sizes is None:
        return here
    if expr.name in state.options.dims:
        return Label(sizes.written.span, f"{message}, set from outside")
    member = 0
    if expr.index is not None:
        picked = members(state, expr.index, domain, turn)
        assert picked is not None, "this index was evaluated before, without a fault"
        column = picked.picked
        member = 0 if column is None else column if isinstance(column, int) else int(column[0])
    if sizes.column is not None:
        return sizes.column.label(member, message) or Label(
            sizes.written.span, f"{message}, from {sizes.column.cell(member)}"
        )
    if isinstance(sizes.written, ast.ListLiteral):
        return Label(sizes.written.items[member].span, message)
    return Label(sizes.written.span, message)
