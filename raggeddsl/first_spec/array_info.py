"""What the reader of a file gives: an `ArrayInfo` for each array, or an `RmmError` that names the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.diagnostics.source import Source, Span


@dataclass(frozen=True)
class ArrayInfo:
    """An array by its name, its shape and its element type: `f32` or what else its file calls it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


def refuse(path: Path, code: str, message: str, help: str | None = None) -> NoReturn:
    """Raise an `RmmError` at the file as a whole, which has no text to point into."""
    source = Source(str(path), "")
    raise RmmError([Diagnostic(code, "error", message, Span(0, 0), help=help, source=source)], source)
