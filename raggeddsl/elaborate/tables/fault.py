"""What can be wrong with a table, whatever its format: a code, a message, a place and a help."""

from __future__ import annotations

from raggeddsl.diagnostics.source import Span

SIZE_LIMIT = 256 * 2**20
"""Bytes that a table may have."""


class TableError(Exception):
    """What a reader found wrong: `code`, message, place in the table's text if it has one, help.

    `near` is the name of a table in the same folder that was probably meant.
    """

    def __init__(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        help: str | None = None,
        near: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.span, self.help, self.near = code, message, span, help, near


def not_a_size(cell: str, where: str, table: str, span: Span | None) -> TableError:
    """The error for a cell that is not a whole number ≥ 0."""
    shown = cell if len(cell) <= 40 else cell[:37] + "..."
    message = f"{_what(cell, shown)}, in {where} of {table}"
    return TableError("RMM424", message, span, "sizes are whole numbers ≥ 0")


def _what(cell: str, shown: str) -> str:
    if not cell:
        return "a cell is empty"
    try:
        number = float(cell)
    except ValueError:
        return f"`{shown}` is not a number"
    if number != number or number in (float("inf"), float("-inf")):
        return f"`{shown}` is not a size"
    if number < 0:
        return f"`{shown}` is negative"
    return f"`{shown}` is too large for a size" if number >= 2.0**59 else f"`{shown}` is not a whole number"
