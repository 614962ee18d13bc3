"""A code, what is wrong and the mend in; an `RmmError` with that one finding raised."""

from __future__ import annotations

from typing import NoReturn

from raggeddsl.language.source import Diagnostic, RmmError


def refuse(code: str, message: str, help: str | None = None) -> NoReturn:
    """Raise `RmmError` with this one error, about what a caller gave, which has no place in a text."""
    raise RmmError([Diagnostic(code, "error", message, help=help)])
