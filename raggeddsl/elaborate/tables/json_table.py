"""JSON text in, a `Table` out: a list of objects (one a row), or an object of lists (one a column)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.elaborate.tables.fault import TableError, not_a_size

_WHITE = re.compile(r"[ \t\r\n]*")
_FORMS = 'write `{"p": [1, 2]}` or `[{"p": 1}, {"p": 2}]`'


@dataclass(frozen=True, eq=False)
class JsonTable:
    """A JSON table; `content` is its parsed list of objects or object of lists."""

    source: Source
    content: dict[str, list[Any]] | list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        if isinstance(self.content, dict):
            return list(self.content)
        return list(self.content[0]) if self.content else []

    def cells(self, name: str) -> list[Any]:
        """The column's values as JSON gave them; raises `TableError` at a row that lacks it."""
        if isinstance(self.content, dict):
            return self.content[name]
        try:
            return [row[name] for row in self.content]
        except KeyError:
            row = next(k for k, row in enumerate(self.content) if name not in row)
            raise TableError(
                "RMM422",
                f'row {row + 1} of {self.source.name} has no "{name}"',
                _element(self.source.text, _WHITE.match(self.source.text, 0).end(), row),  # type: ignore[union-attr]
                "give every row one value for each column",
            ) from None

    def numbers(self, name: str) -> np.ndarray:
        cells = self.cells(name)
        if set(map(type, cells)) <= {int} and all(0 <= cell < 2**63 for cell in cells):
            return np.array(cells, np.int64)
        row = next(k for k, cell in enumerate(cells) if type(cell) is not int or not 0 <= cell < 2**63)
        span = self.span(name, row)
        shown = self.source.text[span.start : span.end]
        raise not_a_size(shown, f'row {row + 1} of column "{name}"', self.source.name, span)

    def span(self, name: str, row: int) -> Span:
        """Found by scanning the text again: only an error asks for it."""
        text = self.source.text
        start = _WHITE.match(text, 0).end()  # type: ignore[union-attr]
        if isinstance(self.content, dict):
            return _element(text, _value(text, start, name).start, row)
        return _value(text, _element(text, start, row).start, name)


def read_json(source: Source) -> JsonTable:
    """The table in `source`; raises `TableError` where it is no JSON or not of one of the two forms."""
    if not source.text.strip():
        raise TableError("RMM422", f"{source.name} is empty", Span(0, 0), _FORMS)
    try:
        content = json.loads(source.text, object_pairs_hook=partial(_once, source.name))
    except json.JSONDecodeError as error:
        place = Span(error.pos, min(error.pos + 1, len(source.text)))
        raise TableError("RMM422", f"{source.name} is not JSON: {error.msg}", place, _FORMS) from error
    except RecursionError as error:
        raise TableError("RMM422", f"{source.name} is nested too deeply", Span(0, 1), _FORMS) from error
    except ValueError as error:
        raise TableError("RMM422", f"{source.name} is not JSON: {error}", Span(0, 1), _FORMS) from error
    _check(content, source)
    return JsonTable(source, content)


def _once(table: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise TableError("RMM423", f'{table} has "{twice}" twice in one object', None, "rename one of them")
    return entries


def _check(content: Any, source: Source) -> None:
    if isinstance(content, dict):
        columns = [column for column in content.values() if isinstance(column, list)]
        if len(columns) != len(content):
            raise TableError("RMM422", f"a column of {source.name} is not a list", Span(0, 1), _FORMS)
        if len({len(column) for column in columns}) > 1:
            lengths = ", ".join(f'"{name}": {len(column)}' for name, column in list(content.items())[:8])
            raise TableError(
                "RMM422",
                f"the columns of {source.name} differ in length ({lengths})",
                Span(0, 1),
                "give every column one value for each row",
            )
        return
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise TableError("RMM422", f"{source.name} is neither rows nor columns", Span(0, 1), _FORMS)


def _element(text: str, start: int, place: int) -> Span:
    """The span of element `place` of the array that opens at `start`."""
    decoder = json.JSONDecoder()
    at = _skip(text, start + 1)
    for _ in range(place):
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
    return Span(at, decoder.raw_decode(text, at)[1])


def _value(text: str, start: int, name: str) -> Span:
    """The span of the value under `name` in the object that opens at `start`."""
    decoder = json.JSONDecoder()
    at = _skip(text, start + 1)
    while True:
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
        _, end = decoder.raw_decode(text, at)
        if key == name:
            return Span(at, end)
        at = _skip(text, _skip(text, end) + 1)


def _skip(text: str, at: int) -> int:
    match = _WHITE.match(text, at)
    assert match is not None
    return match.end()
