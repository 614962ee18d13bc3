"""One `input` line or definition in, its nodes and the value of its name out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix, Label
from raggeddsl.diagnostics.source import Span
from raggeddsl.elaborate.attributes import arithmetic_of
from raggeddsl.elaborate.context import Context, close, is_matrix
from raggeddsl.elaborate.declarations import domain_of
from raggeddsl.elaborate.domain import SINGLE, Domain
from raggeddsl.elaborate.expressions import evaluate
from raggeddsl.elaborate.sizes import Scope
from raggeddsl.elaborate.state import Cause, Causes, Family, State
from raggeddsl.elaborate.types import check_dtype, family_type, shape_of, show_type, type_dtype
from raggeddsl.elaborate.values import Matrix
from raggeddsl.graph import rules
from raggeddsl.graph.nodes import FamilyType, Input, Operand, Origin, Output
from raggeddsl.language import ast


def declare_input(state: State, statement: ast.InputDecl) -> None:
    """Add the inputs of one line."""
    dtype = type_dtype(state, statement.type)
    shared: dict[str | None, FamilyType | None] = {}
    for name in statement.names:
        if name.index not in shared:
            domain = _domain(state, name, statement.span.start)
            scope = None if domain is None else Scope(statement.span.start, domain)
            shared[name.index] = None if scope is None else family_type(state, statement.type, dtype, scope)
        type = shared[name.index]
        row = state.symbols.row_at(name)
        if type is None or row is None:
            continue
        node = Input(type, (name.name,), name.index is not None, Origin(label(name), name.span))
        bind(state, name, row, Operand(state.graph.add(node)), type, (None, None))


def _domain(state: State, name: ast.Name, turn: int) -> Domain | None:
    if name.index is None:
        return SINGLE
    return domain_of(state, name.index, name.index_span or name.span, turn)


def label(name: ast.Name) -> str:
    """`A[i]` or `W`."""
    return name.name if name.index is None else f"{name.name}[{name.index}]"


def bind(state: State, name: ast.Name, row: int, operand: Operand, type: FamilyType, causes: Causes) -> None:
    """Let symbol `row` stand for `operand`: all of it, or its one member if the name is single."""
    if name.index is not None:
        state.families[row] = Family(operand, type, name.index, causes)
        return
    member = 0 if operand.members is None else int(operand.members[0])
    state.bind_single(row, operand.node, member, causes)


# ---------------------------------------------------------------- definitions


@dataclass(frozen=True, eq=False)
class Declared:
    """The type that a definition carries: its shapes, and its dtype if that is written."""

    rows: np.ndarray
    cols: np.ndarray
    scalar: bool
    dtype: str | None


def define(state: State, statement: ast.Definition, row: int) -> Output | None:
    """Work out one definition and bind its name; gives what it outputs, if it is an `output`."""
    name = statement.name
    arithmetic, accum_span = arithmetic_of(state, statement)
    domain = _domain(state, name, statement.span.start)
    if domain is None:
        return None
    declared = None if statement.type is None else _declared(state, statement.type, domain, statement.span)
    typed = declared is not None and declared.dtype is not None
    kept = arithmetic.accum if typed and declared is not None and declared.dtype == arithmetic.accum else None
    ctx = Context(
        state,
        domain,
        statement.span.start,
        Origin(label(name), name.span),
        arithmetic,
        kept=kept,
        accum_span=accum_span,
        empty=None
        if declared is None
        else FamilyType(declared.rows, declared.cols, declared.dtype or "f32", declared.scalar),
    )
    value = evaluate(ctx, statement.value)
    if not is_matrix(ctx, value, statement.value, f"`{name.name}` is to be a matrix"):
        return None
    assert isinstance(value, Matrix)
    if declared is not None and not _as_declared(ctx, statement, declared, value):
        return None
    if statement.type is not None and declared is None:
        return None
    closed = close(ctx, value)
    if closed is None:
        return None
    return _store(state, statement, row, domain, closed)


def _store(state: State, statement: ast.Definition, row: int, domain: Domain, value: Matrix) -> Output | None:
    name, use = statement.name, value.use
    assert use is not None
    family = name.index is not None
    operand = use.over(domain.length if family else None)
    type = value.type
    if family and value.constant:
        type = type.take(np.zeros(domain.length, np.int64))
    declared_here = (Cause(row, 0), Cause(row, 1))
    bind(state, name, row, operand, type, declared_here if statement.type is not None else value.causes)
    if not statement.output:
        return None
    state.symbols.used[row] = True
    return Output((name.name,), operand, family, name.span)


def _declared(state: State, type: ast.TypeExpr, domain: Domain, span: Span) -> Declared | None:
    fine = type.dtype is None or check_dtype(state, type.dtype, type.dtype_span or type.span)
    shape = shape_of(state, type, Scope(span.start, domain))
    if shape is None or not fine:
        return None
    return Declared(*shape, scalar=len(type.shape) == 0, dtype=type.dtype)


def _as_declared(ctx: Context, statement: ast.Definition, declared: Declared, value: Matrix) -> bool:
    """Whether `value` has the declared type; else an error says which side to change."""
    wanted = FamilyType(declared.rows, declared.cols, declared.dtype or value.type.dtype, declared.scalar)
    mismatch = rules.as_declared(wanted, value.type)
    if mismatch is None:
        return True
    if mismatch.shapes:
        _wrong_shape(ctx, statement, wanted, value, mismatch)
    else:
        _wrong_dtype(ctx, statement, wanted, value.type)
    return False


def _wrong_shape(
    ctx: Context,
    statement: ast.Definition,
    declared: FamilyType,
    value: Matrix,
    mismatch: rules.NotAsDeclared,
) -> None:
    assert statement.type is not None
    bad, row = mismatch.bad, mismatch.member
    text, have = ctx.state.text(statement.value.span), show_type(value.type, row)
    labels: list[Label | None] = [Label(statement.value.span, f"`{text}` is {have}")]
    if bad.any():
        shapes = rules.shape(declared, row), rules.shape(value.type, row)
        for axis, (wanted, size) in enumerate(zip(*shapes, strict=True)):
            if wanted != size:
                labels.append(ctx.axis(value.causes[axis], bad, size))
    ctx.error(
        mismatch.code,
        f"`{label(statement.name)}` is declared {show_type(declared, row)}, but its value is "
        f"{have}{ctx.domain.rows(bad)}",
        statement.type.span,
        labels=labels,
        help="change the type or the value; a definition's type may also be left out",
    )


def _wrong_dtype(ctx: Context, statement: ast.Definition, declared: FamilyType, have: FamilyType) -> None:
    type = statement.type
    assert type is not None
    ctx.error(
        rules.NotAsDeclared.code,
        f"`{label(statement.name)}` is declared {declared.dtype}, but its value is {have.dtype}",
        type.dtype_span or type.span,
        labels=[Label(statement.value.span, f"this is {have.dtype}")],
        help=f"declare it {have.dtype}, or keep its products in {declared.dtype} by "
        f"`with accum={declared.dtype}`",
        fixes=[Fix(type.dtype_span, have.dtype)] if type.dtype_span else (),
    )
