"""CSV text in, a `Table` out: a header line, then one row a line, separated by commas.

Vectorised over characters: quotes are paired by a running count, so that commas and newlines inside
them do not separate (RFC 4180), and every cell's place falls out of the separators' places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.elaborate.tables.fault import TableError, not_a_size

COMMA, NEWLINE, RETURN, QUOTE, SPACE, TAB, ZERO, NINE, PLUS = (ord(sign) for sign in ',\n\r" \t09+')
DIGITS = 18
"""Digits that surely fit an int64."""


@dataclass(frozen=True, eq=False)
class CsvTable:
    """Cells of a CSV text: `starts`, `ends` int64[rows, columns] place each in it, header left out."""

    source: Source
    names: list[str]
    codes: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def span(self, name: str, row: int) -> Span:
        column = self.names.index(name)
        return Span(int(self.starts[row, column]), int(self.ends[row, column]))

    def numbers(self, name: str) -> np.ndarray:
        column = self.names.index(name)
        starts, ends = _trim(self.codes, self.starts[:, column], self.ends[:, column])
        values, bad = _digits(self.codes, starts, ends)
        if bad.any():
            row = int(bad.argmax())
            cell = self.source.text[starts[row] : ends[row]]
            where = f'row {row + 1} of column "{name}"'
            raise not_a_size(cell, where, self.source.name, self.span(name, row))
        return values


def read_csv(source: Source) -> CsvTable:
    """The table in `source`; raises `TableError` where it is empty, ragged or badly quoted."""
    codes = _codes(source.text)
    if not source.text.strip():
        raise TableError("RMM422", f"{source.name} is empty", Span(0, 0), "its first line names the columns")
    starts, ends, lines = _cells(codes, source)
    width = int((lines == lines[0]).sum())
    names = [_unquote(source.text[a:b]) for a, b in zip(starts[:width], ends[:width], strict=True)]
    _check_names(names, source, starts, ends)
    _check_widths(names, source, starts, ends, lines)
    return CsvTable(source, names, codes, starts[width:].reshape(-1, width), ends[width:].reshape(-1, width))


def _codes(text: str) -> np.ndarray:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def _cells(codes: np.ndarray, source: Source) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start and end of every cell and the number of its line; empty lines have none."""
    separates = (codes == COMMA) | (codes == NEWLINE)
    quotes = codes == QUOTE
    if quotes.any():
        inside = np.cumsum(quotes, dtype=np.int64) & 1
        if inside[-1]:
            last = int(np.flatnonzero(quotes)[-1])
            message = f"a quote is never closed in {source.name}"
            raise TableError("RMM422", message, Span(last, last + 1), 'write a quote as `""`')
        separates &= inside == 0
    ends = np.append(np.flatnonzero(separates), len(codes))
    starts = np.concatenate([[0], ends[:-1] + 1])
    last_of_line = np.append(codes[ends[:-1]] == NEWLINE, True)
    lines = np.concatenate([[0], np.cumsum(last_of_line[:-1])])
    trimmed = ends - ((ends > starts) & (codes[np.maximum(ends, 1) - 1] == RETURN) & last_of_line)
    alone = last_of_line & np.concatenate([[True], last_of_line[:-1]])
    keep = ~(alone & (trimmed == starts))
    return starts[keep], trimmed[keep], lines[keep]


def _check_names(names: list[str], source: Source, starts: np.ndarray, ends: np.ndarray) -> None:
    for place, name in enumerate(names):
        if name in names[:place]:
            raise TableError(
                "RMM423",
                f'{source.name} has two columns "{name}"',
                Span(int(starts[place]), int(ends[place])),
                "rename one of them",
            )


def _check_widths(
    names: list[str], source: Source, starts: np.ndarray, ends: np.ndarray, lines: np.ndarray
) -> None:
    first = np.flatnonzero(np.diff(lines, prepend=-1))
    widths = np.diff(np.append(first, len(lines)))
    wrong = np.flatnonzero(widths != len(names))
    if not len(wrong):
        return
    row = int(wrong[0])
    start, stop = first[row], first[row] + widths[row] - 1
    cells = f"{widths[row]} cell" + ("" if widths[row] == 1 else "s")
    raise TableError(
        "RMM422",
        f"row {row} of {source.name} has {cells}, its header has {len(names)}",
        Span(int(starts[start]), int(ends[stop])),
        "give every row one cell for each column",
    )


def _unquote(cell: str) -> str:
    cell = cell.strip()
    if len(cell) >= 2 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell


def _trim(codes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells without white space, a pair of quotes and a plus sign around their digits."""
    padded = np.append(codes, np.zeros(1, codes.dtype))
    for signs in ((SPACE, TAB), (QUOTE,), (SPACE, TAB)):
        starts, ends = _strip(padded, starts, ends, signs)
    return starts, ends


def _strip(
    codes: np.ndarray, starts: np.ndarray, ends: np.ndarray, signs: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    once = signs == (QUOTE,)
    while True:
        left = (starts < ends) & np.isin(codes[starts], signs)
        right = (starts + left < ends) & np.isin(codes[ends - 1], signs)
        starts, ends = starts + left, ends - right
        if once or not (left.any() or right.any()):
            return starts, ends


def _digits(codes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The int64 values of cells of decimal digits, and which cells are something else."""
    widths = ends - starts
    values = np.zeros(len(starts), np.int64)
    bad = (widths == 0) | (widths > DIGITS)
    for place in range(min(int(widths.max(initial=0)), DIGITS)):
        here = widths > place
        code = codes[np.where(here, starts + place, 0)].astype(np.int64)
        bad |= here & ((code < ZERO) | (code > NINE))
        values = np.where(here, values * 10 + (code - ZERO), values)
    return values, bad
