"""The streams of this process: made fit for a command before it runs, and the exit code where one failed."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

from raggeddsl.cli.parser import EXIT_BROKEN_PIPE, EXIT_USAGE


def prepare() -> None:
    """Let stdout escape what it cannot show, and let a stream that is closed swallow what it is given."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # `>&-`: nobody wants to read it
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - kept open
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr has it: better escaped than lost


def failed(error: OSError) -> int | None:
    """The exit code where `error` is that stdout took no more, which is said unless its reader left.

    None for all other errors; those of files that are written say so where they are written.
    """
    if not isinstance(error, BrokenPipeError) and (error.errno != errno.ENOSPC or error.filename is not None):
        return None
    # Python flushes stdout once more at exit: give it a place where that cannot fail.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):
        return EXIT_BROKEN_PIPE
    print(f"raggeddsl: cannot write to standard output: {error.strerror}", file=sys.stderr)
    return EXIT_USAGE
