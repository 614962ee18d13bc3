"""What a peer gives for a workload: a `Way`, ready to be called and timed, or a `Skip` with its reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from raggeddsl.bench.workload import Workload
from raggeddsl.options import KernelName, Target


@dataclass(frozen=True)
class Work:
    """What a call does: FLOP, and bytes that no call can avoid moving."""

    flop: float
    bytes: int


@dataclass(frozen=True, eq=False)
class Way:
    """One way of doing a workload, its inputs resident where it wants them.

    `first` is the first call with all the compiling that it needs, `call` a later one; both
    return when every result is ready.  `results` turns what they return into the members,
    f32[m, n] each, in order.  `settle` is how many seconds the way's threads go on spinning
    after a call: the next way's time starts after that.
    """

    first: Callable[[], Any]
    call: Callable[[], Any]
    results: Callable[[Any], list[np.ndarray]]
    settle: float = 0.0
    note: str = ""
    facts: Callable[[], Mapping[str, Any]] = field(default=dict)
    """More to report once it has run: compile times by part, padded FLOP, the kernel chosen."""
    beside: Callable[[Any], float] = lambda value: 0.0
    """The largest relative error of what it gives beside the results, such as gradients."""
    work: Callable[[], Work] | None = None
    """What it does where that is not the workload's own, known once it has run."""
    members: int | None = None
    """It does only so many of the workload's members, the first ones; None: all."""


@dataclass(frozen=True)
class Skip:
    """Why a way was not tried."""

    reason: str


@dataclass(frozen=True)
class Limits:
    """What a way may cost before it is skipped with a reason.

    `shapes` bounds programs that are compiled shape by shape or array by array; `padding` bounds
    padded memory, in bytes.  `force` lifts both.  `target` and `kernel` are those of the row
    called raggeddsl.
    """

    shapes: int = 3000
    padding: int = 4 << 30
    force: bool = False
    target: Target = "auto"
    kernel: KernelName = "auto"


Prepare: TypeAlias = Callable[[Workload, Mapping[str, Any], Limits], Way | Skip]
"""Takes a workload, its inputs (lists of f32 NumPy arrays) and the limits."""


def as_list(value: Any) -> list[np.ndarray]:
    """A list of arrays of any library as NumPy arrays."""
    return [np.asarray(member) for member in value]
