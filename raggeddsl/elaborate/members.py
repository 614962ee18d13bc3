"""Expressions in brackets in, members out: `X[i]`, `X[l[t]]`, `X[f[g[t]]]`, `X[0]`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.diagnostics.diagnostic import Label
from raggeddsl.diagnostics.source import Span
from raggeddsl.elaborate.domain import Domain
from raggeddsl.elaborate.state import State
from raggeddsl.elaborate.symbols import Kind
from raggeddsl.elaborate.uses import walk
from raggeddsl.graph.nodes import Columns
from raggeddsl.language import ast


@dataclass(frozen=True, eq=False)
class Members:
    """For each row of a domain a member of `index`: a column, None (row r is member r), or one number.

    A literal number belongs to any index, so its `index` is None.
    """

    index: str | None
    picked: Columns | int | None


def members(state: State, expr: ast.Expr, domain: Domain, turn: int) -> Members | None:
    """The members that `expr` picks in each row of `domain`; None after an error was recorded."""
    while isinstance(expr, ast.Group):
        expr = expr.inner
    match expr:
        case ast.Ref(index=None):
            return _variable(state, expr, domain, turn)
        case ast.Ref():
            return _mapped(state, expr, domain, turn)
        case ast.Number(value=int(value)):
            return Members(None, value)
        case _:
            _formula(state, expr)
            return None


def _variable(state: State, expr: ast.Ref, domain: Domain, turn: int) -> Members | None:
    if expr.name in domain.variables:
        return Members(expr.name, domain.variables[expr.name])
    if state.symbols.find(expr.name, turn, Kind.INDEX) is None:
        return None
    bound = ", ".join(f"`{name}`" for name in domain.variables)
    state.diagnostics.error(
        "RMM407",
        f"the index `{expr.name}` has no value here",
        expr.span,
        help=f"{bound} is in scope; use it or a map of it"
        if bound
        else f"declare over it, `Y[{expr.name}] = ...`, or sum over it, `sum(... for {expr.name})`",
    )
    return None


def _mapped(state: State, expr: ast.Ref, domain: Domain, turn: int) -> Members | None:
    assert expr.index is not None
    inner = members(state, expr.index, domain, turn)
    row = state.symbols.find(expr.name, turn, Kind.MAP)
    map = None if row is None else state.maps.get(row)
    if inner is None or map is None or row is None:
        return None
    if not fits(state, inner, map.index, expr, row):
        return None
    return Members(map.target, take(map.members, inner.picked))


def take(column: Columns, picked: Columns | int | None) -> Columns | int:
    """`column` at the picked members."""
    if picked is None:
        return column
    return int(column[picked]) if isinstance(picked, int) else column[picked]


def fits(state: State, picked: Members, index: str, expr: ast.Ref, row: int) -> bool:
    """Whether the picked members are members of `index`, which symbol `row` is declared over."""
    assert expr.index is not None
    label = Label(state.symbols.span(row), f"`{expr.name}` is declared over `{index}`")
    if picked.index is not None:
        if picked.index != index:
            state.diagnostics.error(
                "RMM408",
                f"`{expr.name}` is indexed by `{index}`, but `{state.text(expr.index.span)}` is a member of "
                f"`{picked.index}`",
                expr.index.span,
                labels=[label],
                help=_map_help(expr.name, picked.index, index),
            )
        return picked.index == index
    length = state.length(index)
    assert isinstance(picked.picked, int)
    if length is None:
        return False
    if picked.picked >= length:
        _outside(state, expr.index.span, expr.name, index, length, [label])
        return False
    return True


def _map_help(name: str, have: str, want: str) -> str:
    return f"a map leads from one to the other: `map f[{have}] in {want} = [...]`, then `{name}[f[{have}]]`"


def _outside(state: State, span: Span, name: str, index: str, length: int, labels: list[Label]) -> None:
    have = "no members" if length == 0 else f"members 0 to {length - 1}"
    state.diagnostics.error(
        "RMM410",
        f"`{name}` has no member {state.text(span)}: `{index}` has {have}",
        span,
        labels=labels,
        help="members are counted from 0" if length else f"give `{index}` a length above 0",
    )


def _formula(state: State, expr: ast.Expr) -> None:
    text = state.text(expr.span)
    if isinstance(expr, ast.Negate) and isinstance(expr.operand, ast.Number):
        state.diagnostics.error(
            "RMM410",
            f"`{text}` is not a member: members are counted from 0",
            expr.span,
            help="count from the front; there are no negative members",
        )
        return
    if isinstance(expr, ast.Number):
        state.diagnostics.error(
            "RMM409",
            f"`{text}` is not a whole number, so it is no member",
            expr.span,
            help="write a whole number such as 0",
        )
        return
    inside = walk(expr, "variable")
    index = inside[0].name if inside else "i"
    state.diagnostics.error(
        "RMM409",
        f"`{text}` is a formula; in brackets stands an index, a map of one, or a number",
        expr.span,
        help=f"write it as a map, `map f[{index}] in {index} = {text}`, and use `[f[{index}]]`",
    )


def column(picked: Columns | int | None, length: int) -> Columns:
    """What is picked as int64[length]."""
    if picked is None:
        return np.arange(length)
    return np.full(length, picked, np.int64) if isinstance(picked, int) else picked
