"""Diagnostics in, text on stdout or stderr out, in the format and colour that was asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from typing import TextIO

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.source import Source


def report(
    diagnostics: Iterable[Diagnostic],
    source: Source | None,
    args: argparse.Namespace,
    stream: TextIO | None = None,
) -> None:
    """Write diagnostics as `--diagnostic-format` and `--color` say, to `stream`; or, if any, to stderr."""
    listed = tuple(diagnostics)
    if not listed and stream is None:
        return
    from raggeddsl.diagnostics.render import render

    out = sys.stderr if stream is None else stream
    text = render(listed, source=source, style=args.diagnostic_format, color=colored(args.color, out))
    out.write(text + "\n")


def colored(choice: str, stream: TextIO) -> bool:
    """Whether to colour what goes to `stream` (the convention of no-color.org under "auto")."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()
