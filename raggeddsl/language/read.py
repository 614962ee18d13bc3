"""The path of a spec (or `-` for standard input) in, its `Source` out, or why it cannot be read."""

from __future__ import annotations

import os
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.language.parse import LARGEST_SOURCE, normalised


def read_source(path: str | os.PathLike[str]) -> Source:
    """The spec at `path`, in UTF-8; `-` reads standard input.

    Raises `RmmError`: RMM120 no such file, RMM121 a folder, RMM122 unreadable, RMM123 not UTF-8,
    RMM124 binary, RMM125 too large.
    """
    name = "<stdin>" if os.fspath(path) == "-" else os.fspath(path)
    return Source(name, decode(_bytes(Path(path), name), name))


def decode(data: bytes, name: str) -> str:
    """The text of a spec from its bytes; raises RMM123, RMM124 and RMM125 as `read_source` does."""
    if len(data) > LARGEST_SOURCE:
        mebibytes = LARGEST_SOURCE // 1024**2
        help = "declare families (`input A[i] : ...`) and keep their sizes in a table"
        raise _failed(name, "RMM125", f"`{name}` has more than {mebibytes} MiB", help)
    return normalised(_text(data, name))


def _bytes(path: Path, name: str) -> bytes:
    """At most one byte more than is allowed, so that an endless device ends."""
    if not name:
        raise _failed(name, "RMM120", "the path of the spec is empty", "check the path")
    if name == "<stdin>" and sys.stdin is None:
        raise _failed(name, "RMM122", "there is no standard input", "name a file, or pipe a spec in")
    try:
        if name == "<stdin>":
            return sys.stdin.buffer.read(LARGEST_SOURCE + 1)
        with path.open("rb") as file:
            return file.read(LARGEST_SOURCE + 1)
    except FileNotFoundError:
        raise _failed(name, "RMM120", f"there is no file `{name}`", _nearby(path)) from None
    except IsADirectoryError:
        help = "name a file in it, such as `model.rmm`"
        raise _failed(name, "RMM121", f"`{name}` is a folder, not a spec", help) from None
    except (OSError, ValueError) as error:
        if _is_folder(path):
            help = "name a file in it, such as `model.rmm`"
            raise _failed(name, "RMM121", f"`{name}` is a folder, not a spec", help) from None
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        message = f"`{name}` cannot be read: {reason.lower()}"
        raise _failed(name, "RMM122", message, "check its permissions") from None


def _is_folder(path: Path) -> bool:
    """Some systems say of a folder only that it may not be read; of one behind a wall, nothing is known."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def _text(data: bytes, name: str) -> str:
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        help = "save it as UTF-8 (for example with `iconv -f utf-16 -t utf-8`)"
        raise _failed(name, "RMM123", f"`{name}` is not UTF-8 but UTF-16", help, "\ufffd")
    zero = data.find(b"\0")
    if zero >= 0:
        seen = data[: zero + 1].decode("utf-8", errors="replace")
        help = "a spec is plain text in UTF-8"
        raise _failed(name, "RMM124", f"`{name}` is a binary file, not a spec", help, seen)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        seen = data[: error.start].decode("utf-8") + "\ufffd"
        message = f"`{name}` is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        help = "save it as UTF-8 (for example with `iconv -f latin1 -t utf-8`)"
        raise _failed(name, "RMM123", message, help, seen) from None


def _nearby(path: Path) -> str:
    """A help that names the spec with the most similar name in the same folder, if there is one."""
    from raggeddsl.diagnostics.suggest import nearby

    near = nearby(path, [".rmm"])
    return f"did you mean `{near}`?" if near else "check the path, or use `-` for standard input"


def _failed(name: str, code: str, message: str, help: str, seen: str | None = None) -> RmmError:
    """The error; `seen` is the text up to and with the character that is at fault."""
    source = Source(name, seen or "")
    span = Span(len(seen) - 1, len(seen)) if seen else Span(0, 0)
    return RmmError([Diagnostic(code, "error", message, span, help=help, source=source)], source)
