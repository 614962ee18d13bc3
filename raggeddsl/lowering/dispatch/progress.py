"""How many of how many executables are compiled in, a bar on a terminal out."""

from __future__ import annotations

import sys
import time
from typing import TextIO

_PATIENCE = 1.0
"""Seconds without a bar: most programs are compiled by then."""
_WIDTH = 30
_INTERVAL = 0.1


class ProgressBar:
    """Call it with (done, total); draws on `stream` from one second on, if that is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.started = time.perf_counter()
        self.drawn = 0.0

    def __call__(self, done: int, total: int) -> None:
        elapsed = time.perf_counter() - self.started
        finished = done == total
        if elapsed < _PATIENCE or not self.stream.isatty():
            return
        if finished and self.drawn:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
        elif not finished and elapsed - self.drawn >= _INTERVAL:
            self.drawn = elapsed
            filled = _WIDTH * done // total
            bar = "#" * filled + "." * (_WIDTH - filled)
            self.stream.write(f"\rcompiling [{bar}] {done}/{total} shapes, {elapsed:.0f} s")
            self.stream.flush()
