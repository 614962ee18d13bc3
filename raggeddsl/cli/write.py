"""A path and its future content in, a file that is wholly there or not touched at all out."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from raggeddsl.cli.parser import WrongUsage


def write_whole(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Let `fill` write a temporary file beside `path`, then rename it: readers never see a half.

    A file that is replaced keeps its mode; a link stays a link, and what it points to is replaced.
    A pipe, terminal or other device is written to, once all is there: it must not be replaced.
    Raises `WrongUsage` where the file cannot be written.
    """
    target = path.resolve() if path.is_symlink() else path
    temporary: Path | None = None
    try:
        mode = target.stat().st_mode if target.exists() else 0o666 & ~current_umask()
        if target.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        if target.exists() and not target.is_file():
            content = io.BytesIO()
            fill(content)
            target.write_bytes(content.getvalue())
            return
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            fill(stream)
        temporary.chmod(mode & 0o7777)
        temporary.replace(target)
        temporary = None
    except OSError as error:
        raise WrongUsage(f"cannot write `{path}`: {error.strerror or error}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, line endings as they are in `text`; whole or not at all."""
    write_whole(path, lambda stream: stream.write(text.encode("utf-8")))


def write_result(destination: str | None, text: str) -> None:
    """Write text to the file named by `-o`, or to stdout where that is None or `-`."""
    if destination is None or destination == "-":
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    else:
        write_text(Path(destination), text if text.endswith("\n") else text + "\n")


def current_umask() -> int:
    """The mask of new files' modes; the system can only say it while setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
