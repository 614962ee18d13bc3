"""Checks that every mentioned name is declared, earlier, and of the kind that its place wants.

In: the syntax tree and its `Symbols`.  Out: which matrices each definition reads; faults are
recorded here once, so that later stages may meet a name they cannot find in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix, Label
from raggeddsl.diagnostics.suggest import suggest
from raggeddsl.elaborate.state import State
from raggeddsl.elaborate.symbols import KIND_WORDS, Kind, Symbols, declared_names, slot_at
from raggeddsl.elaborate.uses import Use, Wanted, uses
from raggeddsl.language import ast

WANTED: dict[Wanted, tuple[Kind, ...]] = {
    "matrix": (Kind.MATRIX,),
    "size": (Kind.DIM, Kind.INDEX, Kind.MAP),
    "variable": (Kind.INDEX,),
    "map": (Kind.MAP,),
    "index": (Kind.INDEX,),
    "function": (Kind.FUNCTION,),
}
WANTED_WORDS: dict[Wanted, str] = {
    "matrix": "a matrix",
    "size": "a size",
    "variable": "an index",
    "map": "an index map",
    "index": "an index",
    "function": "a function",
}
SUGGESTIONS = 50
"""Names for which a likely spelling is looked up; beyond them the help would not be read."""


@dataclass(eq=False)
class Reads:
    """The matrices that definitions read, as symbol rows.

    `plain[k]` are those of statement k of the program's items, `lines[k]` those of like lines.
    """

    plain: dict[int, list[int]] = field(default_factory=dict)
    lines: dict[int, LineReads] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LineReads:
    """What a group of like lines reads: `rows[j]` int64[n] by the name that begins at `starts[j]`.

    `starts` are places in the first line; rows are -1 where a name failed.
    """

    starts: tuple[int, ...]
    rows: np.ndarray


def resolve(state: State) -> Reads:
    """Check every name of the program; functions that call each other in a cycle become `broken`."""
    _twice(state)
    reads = Reads()
    functions = _functions(state)
    for place, item in enumerate(state.program.items):
        if isinstance(item, ast.LineGroup):
            reads.lines[place] = _lines(state, item)
        elif not isinstance(item, ast.FunctionDef):
            reads.plain[place] = check_names(state, item, functions)
    return reads


def check_names(state: State, statement: ast.Statement, functions: dict[int, set[int]]) -> list[int]:
    """Check one statement's names; gives the rows of the matrices that it reads."""
    read: list[int] = []
    failed: set[str] = set()
    for use in sorted(uses(statement), key=lambda use: use.span.start):
        row = None if use.name in failed else check_use(state, use, statement)
        if row is None:
            failed.add(use.name)
            continue
        if use.wanted == "function":
            read += functions.get(row, ())
        elif use.wanted == "matrix":
            read.append(row)
    return read


def check_use(state: State, use: Use, statement: ast.Statement) -> int | None:
    """The row that `use` refers to, or None after saying what is wrong with it."""
    symbols = state.symbols
    row = symbols.ids.get(use.name)
    if row is None:
        _unknown(state, use)
        return None
    symbols.used[row] = True
    kind = Kind(symbols.kinds[row])
    if kind not in WANTED[use.wanted]:
        _wrong_kind(state, use, row)
        return None
    if symbols.turns[row] >= statement.span.start:
        _too_early(state, use, row, statement)
        return None
    return row


def _unknown(state: State, use: Use) -> None:
    if use.name in state.unread:
        return
    known = _named(state.symbols, WANTED[use.wanted])
    near = suggest(use.name, known) if len(state.diagnostics.found) < SUGGESTIONS else None
    state.diagnostics.error(
        "RMM201",
        f"unknown name `{use.name}`: there is no such {WANTED_WORDS[use.wanted].split(' ', 1)[1]}",
        use.span,
        help=f"did you mean `{near}`?" if near else _how_to_declare(use),
        fixes=[Fix(use.span, near)] if near else (),
    )


def _named(symbols: Symbols, kinds: tuple[Kind, ...]) -> set[str] | dict[str, int]:
    if Kind.MATRIX in kinds and len(symbols) > 2000:
        return symbols.ids
    return {name for name, row in symbols.ids.items() if symbols.kinds[row] in kinds}


def _how_to_declare(use: Use) -> str:
    match use.wanted:
        case "matrix":
            return f"declare it above: `input {use.name} : f32[m, n]`, or define it: `{use.name} = ...`"
        case "size":
            return f"declare it above: `dim {use.name} = 64`"
        case "map":
            return f"declare it above: `map {use.name}[t] in i = [...]`"
        case "function":
            return f"define it above: `def {use.name}(X) = ...`"
        case _:
            return f"declare it above: `index {use.name} in 4`"


def _wrong_kind(state: State, use: Use, row: int) -> None:
    kind = Kind(state.symbols.kinds[row])
    label = Label(state.symbols.span(row), f"`{use.name}` is declared here, as {KIND_WORDS[kind]}")
    if use.wanted == "variable":
        state.diagnostics.error(
            "RMM409",
            f"`{use.name}` is {KIND_WORDS[kind]}; in brackets stands an index, a map of one, or a number",
            use.span,
            labels=[label],
            help=f"write `{use.name}[...]`" if kind is Kind.MAP else "write an index, as `i`, or a number",
        )
        return
    state.diagnostics.error(
        "RMM204",
        f"`{use.name}` is {KIND_WORDS[kind]}, but {WANTED_WORDS[use.wanted]} is wanted here",
        use.span,
        labels=[label],
        help=_kind_help(use, kind),
    )


def _kind_help(use: Use, kind: Kind) -> str:
    if use.wanted == "matrix" and kind is Kind.FUNCTION:
        return f"call it: `{use.name}(A)`"
    if use.wanted == "matrix" and kind is Kind.DIM:
        return f"sizes do not multiply matrices; write the number, or `input {use.name}_ : f32[]`"
    if use.wanted == "function" and kind is Kind.MATRIX:
        return "products are written with `@`, scaling with `*`"
    return f"a name stands for one thing; use {WANTED_WORDS[use.wanted]} here"


def _too_early(state: State, use: Use, row: int, statement: ast.Statement) -> None:
    in_itself = state.symbols.turns[row] == statement.span.start
    if (use.wanted == "function" and row in state.broken) or (use.name in state.unread and not in_itself):
        return
    state.diagnostics.error(
        "RMM202",
        f"`{use.name}` is used in its own definition"
        if in_itself
        else f"`{use.name}` is used before it is defined",
        use.span,
        labels=[Label(state.symbols.span(row), f"`{use.name}` is defined here")],
        help="a name has one value; give the new value a new name"
        if in_itself
        else f"move the definition of `{use.name}` above this line",
    )


def _twice(state: State) -> None:
    symbols = state.symbols
    for second, first in symbols.twice:
        if not state.report_line():
            continue
        name = symbols.names[second]
        line = state.source.position(int(symbols.starts[first]))[0]
        state.diagnostics.error(
            "RMM203",
            f"`{name}` is defined twice",
            symbols.span(second),
            labels=[Label(symbols.span(first), f"`{name}` is first defined here, in line {line}")],
            help="a name has one value; give one of the two another name",
        )


# ---------------------------------------------------------------- functions


def _functions(state: State) -> dict[int, set[int]]:
    """The matrices that each function reads, directly or by calling others: row → rows."""
    rows = {
        row: statement
        for row, statement in state.symbols.statements.items()
        if isinstance(statement, ast.FunctionDef)
    }
    if not rows:
        return {}
    _cycles(state, rows)
    reads: dict[int, set[int]] = {}
    for row, statement in rows.items():
        _parameters(state, statement)
        reads[row] = set(check_names(state, statement, reads))
    return reads


def _parameters(state: State, statement: ast.FunctionDef) -> None:
    seen: dict[str, ast.Name] = {}
    for parameter in statement.parameters:
        first = seen.setdefault(parameter.name, parameter)
        if first is not parameter:
            state.diagnostics.error(
                "RMM203",
                f"`{statement.name.name}` has two parameters called `{parameter.name}`",
                parameter.span,
                labels=[Label(first.span, "the first is here")],
                help="give one of the two another name",
            )


def _cycles(state: State, rows: dict[int, ast.FunctionDef]) -> None:
    import networkx as nx

    ids = state.symbols.ids
    calls = nx.DiGraph()
    for row, statement in rows.items():
        called = [ids.get(use.name) for use in uses(statement) if use.wanted == "function"]
        calls.add_edges_from((row, callee) for callee in called if callee in rows)
    for component in nx.strongly_connected_components(calls):
        cycle = sorted(component)
        if len(cycle) == 1 and not calls.has_edge(cycle[0], cycle[0]):
            continue
        state.broken.update(cycle)
        names = [state.symbols.names[row] for row in cycle]
        state.diagnostics.error(
            "RMM205",
            f"`{names[0]}` calls itself"
            if len(names) == 1
            else f"`{'`, `'.join(names[:-1])}` and `{names[-1]}` call each other in a cycle",
            state.symbols.span(cycle[0]),
            labels=[Label(state.symbols.span(row), "part of the cycle") for row in cycle[1:5]],
            help="a `def` is written out where it is called, so it cannot call itself; "
            "to repeat it use `iterate(f, X, n)`",
        )


# ---------------------------------------------------------------- like lines


def _lines(state: State, lines: ast.LineGroup) -> LineReads:
    """The matrices read by each of the lines; names that cannot be used are reported."""
    symbols = state.symbols
    declared = {name.span.start for name, _ in declared_names(lines.template)}
    faulty = np.zeros(len(lines), bool)
    starts: list[int] = []
    columns: list[np.ndarray] = []
    for use in uses(lines.template):
        if use.span.start in declared:
            continue
        rows = rows_of(symbols, lines, use.span.start)
        good = rows >= 0
        good &= np.isin(symbols.kinds[rows], WANTED[use.wanted]) & (symbols.turns[rows] < lines.starts)
        symbols.used[rows[rows >= 0]] = True
        faulty |= ~good
        if use.wanted == "matrix":
            starts.append(use.span.start)
            columns.append(np.where(good, rows, -1))
    for line in np.flatnonzero(faulty).tolist():
        if state.report_line():
            check_names(state, lines.statement(line), {})
    read = np.array(columns, np.int64).reshape(len(columns), len(lines))
    return LineReads(tuple(starts), read)


def rows_of(symbols: Symbols, lines: ast.LineGroup, start: int) -> np.ndarray:
    """The symbol row (-1: none) of the name that stands at `start` in the first line, for each line."""
    words = lines.columns[slot_at(lines, 0, start)]
    get = symbols.ids.get
    return np.fromiter((get(word, -1) for word in words), np.int64, len(words))
