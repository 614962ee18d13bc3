"""`option`, `index`, `dim` and `map` statements in, their values in `State` out, in source order."""

from __future__ import annotations

import operator

import numpy as np

from raggeddsl.diagnostics.diagnostic import Label
from raggeddsl.diagnostics.source import Span
from raggeddsl.diagnostics.suggest import did_you_mean, respelt
from raggeddsl.dtypes import DTYPES
from raggeddsl.elaborate.domain import SINGLE, Domain
from raggeddsl.elaborate.listed import Listed, check_keywords, is_listed, listed, too_many
from raggeddsl.elaborate.sizes import LARGEST, Scope, size
from raggeddsl.elaborate.state import Index, IndexMap, Sizes, State
from raggeddsl.elaborate.symbols import Kind
from raggeddsl.elaborate.types import check_dtype
from raggeddsl.language import ast

OPTIONS: dict[str, tuple[str, ...]] = {"dtype": tuple(DTYPES), "association": ("left", "flop")}


def declarations(state: State) -> None:
    """Give every index, dim and map its value; what is wrong is recorded and left without one."""
    statements = [item for item in state.program.items if not isinstance(item, ast.LineGroup)]
    _overrides(state)
    for statement in sorted(statements, key=lambda statement: statement.span.start):
        match statement:
            case ast.IndexDecl():
                _index(state, statement)
            case ast.DimDecl():
                _dim(state, statement)
            case ast.MapDecl():
                _map(state, statement)
            case ast.Option():
                _option(state, statement)
            case _:
                pass


# ---------------------------------------------------------------- options


def _option(state: State, option: ast.Option) -> None:
    values = OPTIONS.get(option.key)
    first = state.given.setdefault(option.key, option)
    if first is not option:
        state.diagnostics.error(
            "RMM209",
            f"the option `{option.key}` is given twice",
            option.key_span,
            labels=[Label(first.key_span, "the first is here")],
            help="keep one of them",
        )
        return
    if values is None:
        help, fixes = respelt(option.key, list(OPTIONS), option.key_span)
        state.diagnostics.error(
            "RMM209",
            f"unknown option `{option.key}`",
            option.key_span,
            help=help or f"options are {_either(tuple(OPTIONS))}",
            fixes=fixes,
        )
        return
    if option.key == "dtype":
        if check_dtype(state, option.value, option.value_span):
            state.default_dtype = option.value
        return
    if option.value not in values:
        help, fixes = respelt(option.value, values, option.value_span)
        state.diagnostics.error(
            "RMM209",
            f"`{option.value}` is not a value of `{option.key}`",
            option.value_span,
            help=help or f"it is {_either(values)}",
            fixes=fixes,
        )
        return
    state.left = option.value == "left"


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _overrides(state: State) -> None:
    """Check the sizes given from outside against the dims that the spec has."""
    names = state.symbols.ids
    single = {
        name.name
        for statement in state.program.items
        if isinstance(statement, ast.DimDecl)
        for name in statement.names
        if name.index is None
    }
    for name, value in state.options.dims.items():
        if name not in single and name in state.unread:
            continue
        if name not in single:
            why = "has one size for each member" if _is_dim(state, name) else "is not a `dim` of the spec"
            listed_names = ", ".join(f"`{known}`" for known in sorted(single)[:10])
            state.diagnostics.error(
                "RMM213",
                f"`{name}` cannot be set from outside: it {why}",
                state.symbols.span(names[name]) if name in names else None,
                help=did_you_mean(str(name), single)
                or (f"single sizes are {listed_names}" if single else "the spec declares no single size"),
            )
        elif _whole(value) is None:
            state.diagnostics.error(
                "RMM213",
                f"`{name}` cannot be {value!r}",
                state.symbols.span(names[name]),
                help="sizes are whole numbers ≥ 0",
            )


def _is_dim(state: State, name: str) -> bool:
    row = state.symbols.ids.get(name)
    return row is not None and state.symbols.kinds[row] == Kind.DIM


def _whole(value: object) -> int | None:
    """`value` as a size, or None if it is none."""
    if isinstance(value, bool):
        return None
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        return None
    return number if 0 <= number < 2**63 else None


# ---------------------------------------------------------------- indices


def _index(state: State, statement: ast.IndexDecl) -> None:
    scope = Scope(statement.span.start)
    length: int | None = None
    failed = False
    if statement.size is not None:
        value = size(state, statement.size, scope)
        assert value is None or isinstance(value, int)
        failed = value is None or too_many(state, value, statement.size.span)
        length = None if failed else value
    for name in statement.names:
        if state.symbols.row_at(name) is not None:
            place = statement.size.span if statement.size is not None else None
            state.indexes[name.name] = Index(length, place, failed)


def domain_of(state: State, index: str, use: Span, turn: int) -> Domain | None:
    """The members of `index`; None if it has no length (which is recorded here, once)."""
    entry = state.indexes.get(index)
    if entry is None or entry.failed or state.symbols.find(index, turn, Kind.INDEX) is None:
        return None
    if entry.length is None:
        entry.failed = True
        if index in state.unread:
            return None
        state.diagnostics.error(
            "RMM401",
            f"the index `{index}` has no length here",
            use,
            labels=[Label(state.symbols.span(state.symbols.ids[index]), "declared without a length")],
            help=f"write `index {index} in 4`, or put a list or table over `{index}` above this line",
        )
        return None
    return Domain(entry.length, {index: None})


def _sized(state: State, name: ast.Name, values: Listed, written: ast.Expr) -> bool:
    """Whether `values` are as many as the index of `name` has members; the first ones say how many."""
    assert name.index is not None
    index = state.indexes.get(name.index)
    if index is None or index.failed:
        return False
    length = len(values.values)
    if index.length is None:
        index.length, index.sized_by = length, written.span
        return True
    if index.length == length:
        return True
    count = f"`{name.index}` has {index.length} members"
    labels = [] if index.sized_by is None else [Label(index.sized_by, count)]
    state.diagnostics.error(
        "RMM403",
        f"`{name.name}` has {length} values, but `{name.index}` has {index.length} members",
        written.span,
        labels=labels,
        help="give one value for each member",
    )
    return False


def _poison(state: State, name: ast.Name, value: ast.Expr) -> None:
    """An index whose length would have come from a value that failed has no length, in silence."""
    index = state.indexes.get(name.index or "")
    if index is not None and index.length is None and is_listed(value):
        index.failed = True


def _values(state: State, name: ast.Name, value: ast.Expr, turn: int, least: int = 0) -> Listed | None:
    """One value of at least `least` for each member of the index of `name`, from a list or by a formula."""
    assert name.index is not None
    if state.symbols.find(name.index, turn, Kind.INDEX) is None:
        return None
    if is_listed(value):
        listing = listed(state, value, name, Scope(turn), least)
        if listing is None:
            _poison(state, name, value)
            return None
        return listing if _sized(state, name, listing, value) else None
    domain = domain_of(state, name.index, name.index_span or name.span, turn)
    if domain is None:
        return None
    sizes = size(state, value, Scope(turn, domain), least)
    if sizes is None:
        return None
    return Listed(np.full(domain.length, sizes, np.int64) if isinstance(sizes, int) else sizes)


# ---------------------------------------------------------------- dims and maps


def _dim(state: State, statement: ast.DimDecl) -> None:
    check_keywords(state, statement.value, statement.names)
    turn = statement.span.start
    for name in statement.names:
        row = state.symbols.row_at(name)
        if row is None:
            continue
        if name.index is not None:
            sizes = _values(state, name, statement.value, turn)
            if sizes is not None:
                state.dims[row] = Sizes(sizes.values, name.index, statement.value, sizes.column)
            continue
        value = _single(state, name, statement)
        if value is not None:
            state.dims[row] = Sizes(value, None, statement.value)


def _single(state: State, name: ast.Name, statement: ast.DimDecl) -> int | None:
    if name.name in state.options.dims:
        return _whole(state.options.dims[name.name])
    if is_listed(statement.value):
        state.diagnostics.error(
            "RMM407",
            f"`{name.name}` is one size, but this gives one for each member",
            statement.value.span,
            labels=[Label(name.span, "declared without an index")],
            help=f"declare it over an index: `dim {name.name}[i] = ...`",
        )
        return None
    value = size(state, statement.value, Scope(statement.span.start, SINGLE))
    assert value is None or isinstance(value, int)
    return value


def _map(state: State, statement: ast.MapDecl) -> None:
    check_keywords(state, statement.value, statement.names)
    turn = statement.span.start
    for name, target in zip(statement.names, statement.targets, strict=True):
        if name.index is None:
            state.diagnostics.error(
                "RMM407",
                f"the map `{name.name}` has no index of its own",
                name.span,
                help=f"a map gives a member for each member: `map {name.name}[t] in {target.name} = ...`",
            )
            continue
        chosen = _values(state, name, statement.value, turn, -LARGEST)
        row = state.symbols.row_at(name)
        if chosen is None or row is None:
            continue
        into = domain_of(state, target.name, target.span, turn)
        if into is not None and _in_range(state, name, target, into.length, chosen, statement.value):
            state.maps[row] = IndexMap(chosen.values, name.index, target.name)


def _in_range(
    state: State, name: ast.Name, target: ast.Name, length: int, chosen: Listed, value: ast.Expr
) -> bool:
    bad = (chosen.values < 0) | (chosen.values >= length)
    if not bad.any():
        return True
    place = int(bad.argmax())
    more = int(bad.sum()) - 1
    members = f"{length} members, 0 to {length - 1}" if length else "no members"
    message = (
        f"`{name.name}[{place}]` is {chosen.values[place]}{f' (and {more} more)' if more else ''}, "
        f"but `{target.name}` has {members}"
    )
    sized = state.indexes[target.name].sized_by
    labels = [] if sized is None else [Label(sized, f"`{target.name}` has {length} members", state.source)]
    help = "members are counted from 0"
    cell = None if chosen.column is None else chosen.column.label(place, "")
    if cell is not None:
        labels.append(Label(value.span, f"`{name.name}` is read here", state.source))
        state.diagnostics.error("RMM404", message, cell.span, labels=labels, help=help, source=cell.source)
        return False
    if chosen.column is not None:
        message += f": {chosen.column.cell(place)}"
    span = value.items[place].span if isinstance(value, ast.ListLiteral) else value.span
    state.diagnostics.error("RMM404", message, span, labels=labels, help=help)
    return False
