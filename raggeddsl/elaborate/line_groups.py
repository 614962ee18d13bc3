"""Like lines in, one node an operation out: n lines become the n members of a family.

Lines that read the same nodes are worked out together, with the template's expression over a domain
of one row a line.  Where that finds a fault in some lines, those are written out and worked out one
by one, which gives each its own exact error; the rest goes on together.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace

import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.dtypes import DTYPES
from raggeddsl.elaborate.attributes import arithmetic_of
from raggeddsl.elaborate.context import Context, close
from raggeddsl.elaborate.definitions import declare_input, define
from raggeddsl.elaborate.domain import Domain
from raggeddsl.elaborate.expressions import evaluate
from raggeddsl.elaborate.names import LineReads, rows_of
from raggeddsl.elaborate.sizes import BadLines, Exact, Scope
from raggeddsl.elaborate.state import LINE_LIMIT, State, identity
from raggeddsl.elaborate.symbols import slot_at
from raggeddsl.elaborate.types import family_type, usable
from raggeddsl.elaborate.values import Matrix, Use, of_use
from raggeddsl.graph import rules
from raggeddsl.graph.buffers import of_their_own
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Input, Operand, Origin, Output
from raggeddsl.language import ast

Together = Callable[[np.ndarray], "Output | None"]
Alone = Callable[[int], "Output | None"]


def _apart(lines: np.ndarray, together: Together, alone: Alone) -> list[Output]:
    """Work `lines` out together; those that cannot be, one by one."""
    outputs: list[Output | None] = []
    while len(lines):
        try:
            outputs.append(together(lines))
            break
        except BadLines as fault:
            bad = np.ones(len(lines), bool) if fault.bad is None else np.broadcast_to(fault.bad, len(lines))
            outputs += [alone(line) for line in lines[bad].tolist()]
            lines = lines[~bad]
    return [output for output in outputs if output is not None]


# ---------------------------------------------------------------- inputs


def declare_inputs(state: State, lines: ast.LineGroup, rows: np.ndarray) -> None:
    """One `Input` node for each name of the template, and one for each large matrix.

    `rows` int64[names, n] are its symbols.
    """

    def together(chosen: np.ndarray) -> None:
        template = lines.template
        assert isinstance(template, ast.InputDecl)
        dtype = template.type.dtype or state.default_dtype
        if dtype is None or not usable(state, dtype):
            raise BadLines
        type = family_type(state, template.type, dtype, _scope(state, lines, chosen, template.type))
        if type is None:
            return
        large = of_their_own(type.sizes, DTYPES[dtype].itemsize, state.options.tuning.graph)
        rest = np.delete(np.arange(len(chosen)), large)
        for members in filter(len, (*large[:, None], rest)):
            for symbols in rows[:, chosen[members]]:
                _add_input(state, symbols, type.take(members))

    def alone(line: int) -> None:
        if state.report_line():
            statement = lines.statement(line)
            assert isinstance(statement, ast.InputDecl)
            declare_input(state, statement)

    _apart(np.arange(len(lines)), together, alone)


def _add_input(state: State, rows: np.ndarray, type: FamilyType) -> None:
    symbols = state.symbols
    names = tuple([symbols.names[row] for row in rows.tolist()])
    origin = Origin(_span_label(names), symbols.span(int(rows[0])))
    symbols.node[rows] = state.graph.add(Input(type, names, False, origin))
    symbols.member[rows] = np.arange(len(rows))


def _span_label(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} ... {names[-1]}"


def _scope(state: State, lines: ast.LineGroup, chosen: np.ndarray, type: ast.TypeExpr) -> Scope:
    """The chosen lines as the rows of a domain, with the numbers and `dim`s of the template's type."""
    leaves: dict[int, Exact] = {}
    pending: list[ast.Expr] = list(type.shape)
    while pending:
        expr = pending.pop()
        match expr:
            case ast.Number(span=span):
                leaves[span.start] = _numbers(lines, span.start, chosen)
            case ast.Ref(name_span=span):
                named = rows_of(state.symbols, lines, span.start)[chosen]
                leaves[span.start] = _dims(state, named, lines.starts[chosen])
            case ast.Binary(left=left, right=right):
                pending += [left, right]
            case ast.Negate(operand=inner) | ast.Group(inner=inner):
                pending.append(inner)
            case _:
                raise BadLines
    return Scope(int(lines.starts[0]), Domain(len(chosen)), leaves)


def _numbers(lines: ast.LineGroup, start: int, chosen: np.ndarray) -> np.ndarray:
    values = lines.columns[slot_at(lines, 0, start)]
    assert isinstance(values, np.ndarray)
    if values.dtype != np.int64:
        raise BadLines
    return values[chosen]


def _dims(state: State, rows: np.ndarray, turns: np.ndarray) -> Exact:
    distinct, which = np.unique(rows, return_inverse=True)
    values = [state.dims.get(row) for row in distinct.tolist()]
    single = np.array([sizes is not None and isinstance(sizes.value, int) for sizes in values])[which]
    fine = single & (state.symbols.turns[rows] < turns)
    if not fine.all():
        raise BadLines(~fine)
    known = [sizes.value for sizes in values if sizes is not None and isinstance(sizes.value, int)]
    return known[0] if len(known) == 1 else np.array(known, np.int64)[which]


# ---------------------------------------------------------------- definitions


def define_lines(
    state: State, lines: ast.LineGroup, chosen: np.ndarray, rows: np.ndarray, read: LineReads
) -> list[Output]:
    """Work out the `chosen` lines, which do not read each other; `rows` int64[n] are their symbols."""
    template = lines.template
    assert isinstance(template, ast.Definition)
    read_rows = read.rows[:, chosen]
    nodes = np.where(read_rows >= 0, state.symbols.node[read_rows], -1)
    known = np.asarray((nodes >= 0).all(axis=0))
    keys = [*nodes, *_constants(lines, chosen, template.value)]
    families = np.isin(read_rows, list(state.families)).any(axis=0)
    for line in chosen[families].tolist():
        _define_alone(state, lines, line, rows)
    for line in chosen[~known & ~families].tolist():
        _define_broken(state, lines, line, rows)
    outputs: list[Output] = []
    for part in _groups(keys, len(chosen)):
        picked = chosen[part[known[part]]]
        outputs += _apart(
            picked,
            lambda some: _define_together(state, lines, some, rows, read),
            lambda line: _define_alone(state, lines, line, rows),
        )
    return outputs


def _groups(keys: list[np.ndarray], length: int) -> list[np.ndarray]:
    """Positions by equal keys: the lines of a group read the same nodes with the same numbers."""
    if length == 1 or all(bool((key == key[0]).all()) for key in keys):
        return [np.arange(length)]
    codes = np.stack([np.unique(key, return_inverse=True)[1] for key in keys])
    order = np.lexsort(codes[::-1])
    edges = np.flatnonzero((np.diff(codes[:, order]) != 0).any(axis=0)) + 1
    return [np.sort(part) for part in np.split(order, edges)]


def _constants(lines: ast.LineGroup, chosen: np.ndarray, value: ast.Expr) -> list[np.ndarray]:
    """The column of each number in the expression, one value a line."""
    constants: list[np.ndarray] = []
    pending = [value]
    while pending:
        match expr := pending.pop():
            case ast.Number(span=span):
                column = lines.columns[slot_at(lines, 0, span.start)]
                assert isinstance(column, np.ndarray)
                constants.append(column[chosen])
            case ast.Binary(left=left, right=right):
                pending += [left, right]
            case ast.Negate(operand=inner) | ast.Transpose(operand=inner) | ast.Group(inner=inner):
                pending.append(inner)
            case _:
                assert isinstance(expr, ast.Ref), "like lines are made of names, numbers and operators"
    return constants


def _define_alone(state: State, lines: ast.LineGroup, line: int, rows: np.ndarray) -> Output | None:
    if not state.report_line():
        return None
    statement = lines.statement(line)
    assert isinstance(statement, ast.Definition)
    return define(state, statement, int(rows[line]))


def _define_broken(state: State, lines: ast.LineGroup, line: int, rows: np.ndarray) -> None:
    """Look for faults in what is left of a line that reads something unknown."""
    if state.lines_tried < LINE_LIMIT:
        state.lines_tried += 1
        statement = lines.statement(line)
        assert isinstance(statement, ast.Definition)
        define(state, statement, int(rows[line]))


def _define_together(
    state: State, lines: ast.LineGroup, chosen: np.ndarray, rows: np.ndarray, read: LineReads
) -> Output | None:
    """Work out lines that read the same nodes; raises `BadLines` where that does not go."""
    first = int(chosen[0])
    statement = lines.statement(first)
    assert isinstance(statement, ast.Definition)
    arithmetic, declared = _arithmetic(state, statement), _declared(state, lines, chosen)
    shift = dict(zip(lines.token_starts[0].tolist(), lines.token_starts[first].tolist(), strict=True))
    leaves = {
        shift[start]: _leaf(state, read_symbols)
        for start, read_symbols in zip(read.starts, read.rows[:, chosen], strict=True)
    }
    symbols = rows[chosen]
    names = tuple([state.symbols.names[row] for row in symbols.tolist()])
    origin = Origin(_span_label(names), statement.name.span)
    kept = arithmetic.accum if declared is not None and declared.dtype == arithmetic.accum else None
    accum_span = statement.attributes[0].value_span if statement.attributes else None
    ctx = Context(
        state, Domain(len(chosen)), statement.span.start, origin, arithmetic, kept, accum_span, leaves=leaves
    )
    value = evaluate(ctx, statement.value)
    if not isinstance(value, Matrix):
        raise BadLines
    if declared is not None:
        _check_declared(declared, value)
    closed = close(ctx, value)
    if closed is None:
        return None
    assert closed.use is not None
    operand = closed.use.over(len(chosen))
    state.symbols.node[symbols] = operand.node
    state.symbols.member[symbols] = np.arange(len(symbols)) if operand.members is None else operand.members
    if not statement.output:
        return None
    state.symbols.used[symbols] = True
    return Output(names, operand, False, statement.name.span)


def _arithmetic(state: State, statement: ast.Definition) -> Arithmetic:
    """As in every one of the lines; a fault is left for each of them to report."""
    if not statement.attributes:
        return Arithmetic()
    apart = copy(state)
    apart.diagnostics = Diagnostics(state.source)
    arithmetic, _ = arithmetic_of(apart, statement)
    if apart.diagnostics.failed:
        raise BadLines
    return arithmetic


def _declared(state: State, lines: ast.LineGroup, chosen: np.ndarray) -> FamilyType | None:
    """The type that the lines carry, with dtype "" where none is written."""
    type = lines.template.type
    if type is None:
        return None
    if type.dtype is not None and not usable(state, type.dtype):
        raise BadLines
    return family_type(state, type, type.dtype or "", _scope(state, lines, chosen, type))


def _check_declared(declared: FamilyType, value: Matrix) -> None:
    wanted = replace(declared, dtype=declared.dtype or value.type.dtype)
    mismatch = rules.as_declared(wanted, value.type)
    if mismatch is not None:
        raise BadLines(None if mismatch.kinds or mismatch.dtypes else mismatch.bad)


def _leaf(state: State, rows: np.ndarray) -> Matrix:
    """A name of the template over the lines: members of one node, constant if all name the same."""
    node = int(state.symbols.node[rows[0]])
    members = state.symbols.member[rows]
    type = state.graph.type(node)
    constant = bool((members == members[0]).all())
    if constant:
        members = members[:1]
    taken = None if identity(members, len(type)) else members
    return of_use(Use(Operand(node, taken), constant), type if taken is None else type.take(taken))
