"""Rows of cells in, lines out: aligned columns, Markdown tables, wrapped lines, and seconds as text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TypeAlias

from raggeddsl.diagnostics.units import digits

Row: TypeAlias = Sequence[str]

WIDTH = 110
"""Columns that no line of text passes."""


def aligned(rows: Sequence[Row]) -> list[str]:
    """Columns side by side, the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def piped(rows: Sequence[Row]) -> list[str]:
    """A Markdown table."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return [f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]]]


def wrapped(line: str, indent: str = "") -> list[str]:
    """The line behind `indent`, in as many lines as it takes."""
    return textwrap.wrap(line, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def seconds_text(seconds: float) -> str:
    """Three digits, from microseconds up."""
    if seconds < 0.9995e-3:
        return f"{digits(1e6 * seconds)} µs"
    return f"{digits(1e3 * seconds)} ms" if seconds < 0.9995 else f"{digits(seconds)} s"


def times_text(ratio: float | None) -> str:
    """`1.52x`, or nothing."""
    return "" if ratio is None else f"{digits(ratio)}x"


def share_text(share: float | None) -> str:
    """`52%`, or nothing."""
    return "" if share is None else f"{100 * share:.0f}%"
