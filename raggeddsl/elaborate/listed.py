"""Lists, ranges and table columns in, int64 columns out: the values that give an index its length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.diagnostics.source import Span
from raggeddsl.diagnostics.suggest import did_you_mean
from raggeddsl.elaborate.sizes import LARGEST, Scope, formula, size
from raggeddsl.elaborate.state import MEMBER_LIMIT, State
from raggeddsl.elaborate.tables import TableColumn
from raggeddsl.language import ast


@dataclass(frozen=True, eq=False)
class Listed:
    """int64[N] values, and the table's column if they came from one."""

    values: np.ndarray
    column: TableColumn | None = None


def is_listed(value: ast.Expr) -> bool:
    """Whether `value` says how many values there are."""
    return isinstance(value, ast.ListLiteral) or (
        isinstance(value, ast.Call) and value.function in ("table", "range")
    )


def listed(state: State, value: ast.Expr, name: ast.Name, scope: Scope, least: int = 0) -> Listed | None:
    """The values that `value` gives to `name`, none under `least`; None after an error was recorded."""
    match value:
        case ast.ListLiteral():
            return _items(state, value, scope, least)
        case ast.Call(function="range"):
            return _range(state, value, scope, least)
        case ast.Call(function="table"):
            return _table(state, value, name)
        case _:
            raise AssertionError(f"not a list: {value}")


def _items(state: State, value: ast.ListLiteral, scope: Scope, least: int) -> Listed | None:
    try:
        plain = np.fromiter(map(_plain, value.items), np.int64, len(value.items))
    except (TypeError, OverflowError):
        sizes = [size(state, item, scope, least) for item in value.items]
        if any(number is None for number in sizes):
            return None
        return Listed(np.array(sizes, np.int64))
    return Listed(plain)


def _plain(item: ast.Expr) -> int | None:
    """The value of a literal whole number; None, which `np.fromiter` refuses, for all else."""
    return item.value if isinstance(item, ast.Number) and isinstance(item.value, int) else None


def _range(state: State, value: ast.Call, scope: Scope, least: int) -> Listed | None:
    numbers = [formula(state, argument, scope) for argument in value.arguments]
    if any(number is None for number in numbers):
        return None
    bounds = [number for number in numbers if isinstance(number, int)]
    if not 1 <= len(bounds) <= 3 or len(bounds) != len(numbers):
        state.diagnostics.error(
            "RMM411",
            f"`range` takes 1 to 3 sizes, here are {len(numbers)}",
            value.span,
            help="write `range(stop)`, `range(start, stop)` or `range(start, stop, step)`",
        )
        return None
    if len(bounds) == 3 and bounds[2] == 0:
        state.diagnostics.error(
            "RMM411", "the step of `range` is 0", value.arguments[2].span, help="give a step such as 1"
        )
        return None
    values = range(*bounds)
    if too_many(state, len_of(values), value.span):
        return None
    if len(values) and not least <= min(values[0], values[-1]) <= max(values[0], values[-1]) <= LARGEST:
        state.diagnostics.error(
            "RMM405",
            f"`{state.text(value.span)}` reaches {values[-1] if values[0] >= 0 else values[0]}",
            value.span,
            help="sizes are whole numbers ≥ 0",
        )
        return None
    if len(values) < 2:
        return Listed(np.array(values, np.int64))
    return Listed(values.start + values.step * np.arange(len(values), dtype=np.int64))


def len_of(values: range) -> int:
    """`len`, also where there are more than `sys.maxsize`."""
    return max(0, -((values.start - values.stop) // values.step))


def too_many(state: State, length: int, span: Span) -> bool:
    """Whether an index cannot have `length` members, which is then an error."""
    if length <= MEMBER_LIMIT:
        return False
    shown = str(length) if length < 10**30 else f"about 2**{length.bit_length()}"
    state.diagnostics.error(
        "RMM402",
        f"an index of {shown} members is too long: at most {MEMBER_LIMIT} (2**24) are planned for",
        span,
        help="a plan takes some 200 bytes a member; split the work into several programs",
    )
    return True


def _table(state: State, value: ast.Call, name: ast.Name) -> Listed | None:
    path = value.arguments[0]
    assert isinstance(path, ast.Text)
    chosen = dict(value.keywords).get(name.name)
    if chosen is None:
        cells = state.tables.column(path, name.name, name.span)
    else:
        assert isinstance(chosen, ast.Text)
        cells = state.tables.column(path, chosen.value, chosen.span)
    if cells is None or too_many(state, len(cells.values), value.span):
        return None
    return Listed(cells.values, cells)


def check_keywords(state: State, value: ast.Expr, names: tuple[ast.Name, ...]) -> None:
    """Every `name="column"` of a `table` must choose for a name of its statement, and only once."""
    if not isinstance(value, ast.Call) or value.function != "table":
        return
    known = [name.name for name in names]
    seen: set[str] = set()
    for keyword, column in value.keywords:
        if keyword in known and keyword not in seen:
            seen.add(keyword)
            continue
        state.diagnostics.error(
            "RMM423",
            f"`{keyword}` is chosen a column twice"
            if keyword in seen
            else f"`{keyword}` is not a name that this statement declares",
            column.span,
            help="keep one of them"
            if keyword in seen
            else did_you_mean(keyword, known) or f"choose columns for {', '.join(f'`{n}`' for n in known)}",
        )
