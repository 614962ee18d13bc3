"""The syntax tree of a spec in, its product graph out: `build`, the stages of elaboration in order."""

from __future__ import annotations

import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Span
from raggeddsl.elaborate.declarations import declarations
from raggeddsl.elaborate.definitions import declare_input, define
from raggeddsl.elaborate.line_groups import declare_inputs, define_lines
from raggeddsl.elaborate.names import Reads, resolve
from raggeddsl.elaborate.order import turns
from raggeddsl.elaborate.state import State
from raggeddsl.elaborate.symbols import Kind, declare
from raggeddsl.elaborate.tables import Tables
from raggeddsl.elaborate.unread import unread
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Output
from raggeddsl.language import ast
from raggeddsl.options import Options

WARNED = 20
"""Unused names that are warned of one by one."""


def elaborate(program: ast.Program, options: Options, diagnostics: Diagnostics) -> Graph:
    """The un-normalised product graph of `program`: one node a family operation.

    Everything wrong is recorded in `diagnostics` (look at `diagnostics.failed`); what could not be
    worked out is left out of the graph, and so, without a word, is what depends on it.  Names that
    lines of the spec which did not parse may declare are taken to be declared there.
    """
    if diagnostics.source is None:
        diagnostics.source = program.source
    symbols = declare(program)
    tables = Tables(options, diagnostics, program.source)
    partial = diagnostics.failed
    state = State(program, options, diagnostics, symbols, tables, partial, unread(program))
    reads = resolve(state)
    declarations(state)
    _inputs(state)
    state.graph.outputs = tuple(_definitions(state, reads))
    _outputs_and_unused(state)
    if state.lines_hidden:
        diagnostics.error(
            "RMM214",
            f"{state.lines_hidden} more lines like these are at fault",
            Span(0, 0),
            help="they are not shown; mend the first ones and check again",
        )
    _once(diagnostics)
    return state.graph


def _once(diagnostics: Diagnostics) -> None:
    """Drop repeats: what is wrong inside a function is met at every call of it."""
    seen = {(d.code, d.message, d.span): d for d in reversed(diagnostics.found)}
    diagnostics.found[:] = reversed(seen.values())


def _inputs(state: State) -> None:
    for item, rows in zip(state.program.items, state.symbols.rows, strict=True):
        if isinstance(item, ast.InputDecl):
            declare_input(state, item)
        elif isinstance(item, ast.LineGroup) and isinstance(item.template, ast.InputDecl):
            declare_inputs(state, item, rows)


def _definitions(state: State, reads: Reads) -> list[Output]:
    """The outputs, in the order of the text."""
    rows = {k: of_item.reshape(-1) for k, of_item in enumerate(state.symbols.rows)}
    placed: list[tuple[int, Output]] = []
    for turn in turns(state, reads, rows):
        item = state.program.items[turn.item]
        if isinstance(item, ast.LineGroup):
            assert turn.lines is not None
            outputs = define_lines(state, item, turn.lines, rows[turn.item], reads.lines[turn.item])
        else:
            assert isinstance(item, ast.Definition)
            output = define(state, item, int(rows[turn.item][0]))
            outputs = [] if output is None else [output]
        placed += [(output.span.start if output.span else 0, output) for output in outputs]
    return [output for _, output in sorted(placed, key=lambda entry: entry[0])]


def _outputs_and_unused(state: State) -> None:
    """Warn of what is never used; a program that gives nothing is an error."""
    symbols = state.symbols
    outputs = False
    for item, rows in zip(state.program.items, symbols.rows, strict=True):
        statement = item.template if isinstance(item, ast.LineGroup) else item
        if isinstance(statement, ast.Definition) and statement.output:
            symbols.used[rows.reshape(-1)] = True
            outputs = True
    if state.partial or not state.program.items:
        return
    if not outputs:
        _no_output(state)
        return
    if any(diagnostic.code == "RMM201" for diagnostic in state.diagnostics.found):
        return  # what is unused may be what was misspelt
    symbols.used[[second for second, _ in symbols.twice]] = True
    unused = np.flatnonzero((symbols.kinds == Kind.MATRIX) & ~symbols.used)
    for row in unused[:WARNED].tolist():
        state.diagnostics.warning(
            "RMM207",
            f"`{symbols.names[row]}` is never used",
            symbols.span(row),
            help="delete its line, or use it in an `output`",
        )
    if len(unused) > WARNED:
        row = int(unused[WARNED])
        others = f"and {len(unused) - WARNED - 1} more are" if len(unused) > WARNED + 1 else "is"
        state.diagnostics.warning("RMM207", f"`{symbols.names[row]}` {others} never used", symbols.span(row))


def _no_output(state: State) -> None:
    spans = [item.span for item in state.program.items if isinstance(item, ast.Definition)]
    span = max(spans, key=lambda span: span.start) if spans else Span(0, 0)
    state.diagnostics.error(
        "RMM208",
        "the spec has no `output`, so it computes nothing",
        Span(span.start, span.start) if spans else span,
        help="write `output` in front of the definitions that you want: `output Y = ...`",
    )
