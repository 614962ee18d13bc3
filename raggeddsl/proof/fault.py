"""What a proof raises: the schedule is wrong, so nothing may run by it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

NAMED = 5
"""How many tasks a message names."""


class ScheduleFault(RuntimeError):
    """An error of raggeddsl's own: a schedule that would compute something else than the plan says."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"internal error: {what}.  No value was computed.  Please report this with the spec; meanwhile "
            'kernel="reference" runs it'
        )


def refuse(wrong: np.ndarray, what: str, noun: str = "task") -> None:
    """Raise `ScheduleFault`, naming the first of the tasks that are `wrong[T]`, unless none is."""
    if wrong.any():
        raise ScheduleFault(f"{listed(np.flatnonzero(wrong).tolist(), noun)}: {what}")


def listed(numbers: Sequence[int], noun: str) -> str:
    """`tasks 3, 4, 9 and 12 more`."""
    named = ", ".join(str(number) for number in numbers[:NAMED])
    more = len(numbers) - NAMED
    return f"{noun}{'s' if len(numbers) > 1 else ''} {named}" + (f" and {more} more" if more > 0 else "")
