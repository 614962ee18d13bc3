"""A piece of work in, how much Python it takes out: a measure of effort that no other process can disturb."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


def steps(work: Callable[[], object]) -> int:
    """How many lines of Python run during `work()`, in all that it calls; a loop counts every round.

    Nothing is proved meanwhile, as it is in other tests.  What NumPy or a regular expression does inside
    one call is one line, whatever its length.  Garbage is not collected: that would run other tests'
    finalizers, and count them.
    """
    count = 0
    collecting = gc.isenabled()

    def trace(frame: FrameType, event: str, argument: Any) -> Callable[..., Any]:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    with unproved():
        gc.disable()
        sys.settrace(trace)
        try:
            work()
        finally:
            sys.settrace(before)
            if collecting:
                gc.enable()
    return count


@contextmanager
def unproved() -> Iterator[None]:
    """Within it, nothing is proved when it is made, as all is in tests."""
    checked = os.environ.pop("RAGGEDDSL_CHECK", None)
    try:
        yield
    finally:
        if checked is not None:
            os.environ["RAGGEDDSL_CHECK"] = checked
