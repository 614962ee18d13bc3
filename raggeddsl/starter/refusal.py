"""What is wrong with a file in, an `RmmError` that names the file out."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from raggeddsl.language.source import Diagnostic, RmmError, Source, Span


def refuse(path: Path, code: str, message: str, help: str | None = None) -> NoReturn:
    """Raise an `RmmError` at the file as a whole, which has no text to point into."""
    source = Source(str(path), "")
    raise RmmError([Diagnostic(code, "error", message, Span(0, 0), help=help, source=source)], source)
