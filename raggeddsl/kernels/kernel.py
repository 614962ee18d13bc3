"""What a kernel is: it takes a `Plan` and gives a `LoweredPlan`, a traceable function over packed buffers.

Kernels know the plan's tables and nothing above them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, Self

import numpy as np

from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import Tuning

ClassForm = Literal["exact", "padded", "tiled", "elementwise", "member"]


@dataclass(frozen=True)
class ShapeClass:
    """Tasks of one stage that run as one batched operation.

    `exact`: every task has the shape (m, n, k); `padded`: each is padded up to it; `tiled`: each
    is cut into blocks of it, accumulated over k; `elementwise`: combines on whole buffers;
    `member`: one at a time (the reference, or a kernel that takes the table as it is).
    `flop` is what was asked for, `padded_flop` what is computed.
    """

    form: ClassForm
    tasks: int
    m: int
    n: int
    k: int
    flop: float
    padded_flop: float


@dataclass(frozen=True)
class CodeReport:
    """Tasks of one stage that run in the same code of a kernel: `kind` by the kernel's own names,
    `arithmetic` the instruction set and type, `cost` an estimate of their time in any unit."""

    kind: str
    arithmetic: str
    tasks: int
    cost: float


@dataclass(frozen=True)
class StageTime:
    """What one kind of code took for one stage in a call, in seconds: `busy_s` on all threads
    together, and from `first_s` to `last_s` after the call's begin."""

    stage: int
    kind: str
    busy_s: float
    first_s: float
    last_s: float


@dataclass(frozen=True)
class StageReport:
    """How one stage of the plan was lowered, for `explain`.

    `code` is empty where a kernel's shape classes say it all; `spread` says how tasks are shared out
    among workers, by the kernel's own words.
    """

    stage: int
    classes: tuple[ShapeClass, ...]
    workspace_bytes: int = 0
    code: tuple[CodeReport, ...] = ()
    spread: tuple[str, ...] = ()


class Lowering(Protocol):
    """What can be said of a plan that was made ready, by a kernel or as launches."""

    @property
    def kernel(self) -> str:
        """What computes, by name."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to say, in sentences."""
        ...

    @property
    def scratch_bytes(self) -> int | None:
        """What intermediates take at most, where that is not what the plan says."""
        ...

    @property
    def stages(self) -> tuple[StageReport, ...]:
        """How each stage of the plan was lowered."""
        ...


class Resident(Protocol):
    """A lowered plan whose tables lie in this process, for as long as this object lives."""

    def run(self, buffers: Sequence[Any]) -> tuple[Any, ...]:
        """As `LoweredPlan.run`, but the program that is traced only names the tables."""
        ...


@dataclass(frozen=True, eq=False)
class LoweredPlan:
    """A plan made ready for one backend.

    `run(buffers, tables)` is pure and traceable: `buffers` are the plan's input buffers in
    `plan.inputs` order (1-D), `tables` the arrays of `tables` in their order, passed as operands
    so that the program's size does not depend on them; it returns the output buffers in
    `plan.outputs` order.  Two lowered plans with equal `key` (None: unique) trace to the same
    program for equal buffer and table shapes.  `traceable` is False for a kernel that needs
    concrete arrays.  `wide` says that `run` takes the bytes of its tables as int64 of any shape too.
    `report()` gives `stages`, once somebody asks for them.  `measure(buffers)`, of a kernel that
    can, makes some calls and says where the time of the fastest went.  `scratch_bytes` is what
    intermediates take at most in a kernel that does not keep them where the plan has them (None: it does).
    `make_resident()`, of a kernel that can, makes the plan `resident`.  `prove()` raises `ScheduleFault`
    unless what runs computes what the plan says, and tells in a few words what was shown.
    """

    kernel: str
    run: Callable[[Sequence[Any], Sequence[Any]], tuple[Any, ...]]
    tables: tuple[np.ndarray, ...]
    report: Callable[[], tuple[StageReport, ...]]
    key: Hashable | None = None
    notes: tuple[str, ...] = ()
    traceable: bool = True
    wide: bool = False
    measure: Callable[[Sequence[Any]], tuple[StageTime, ...]] | None = None
    scratch_bytes: int | None = None
    make_resident: Callable[[], Resident | None] | None = None
    prove: Callable[[], str] | None = None

    @cached_property
    def stages(self) -> tuple[StageReport, ...]:
        """How each stage of the plan was lowered."""
        return self.report()

    @cached_property
    def resident(self) -> Resident | None:
        """The plan with its tables in this process, so that programs need not contain them; or None."""
        return None if self.make_resident is None else self.make_resident()


def proved_if_asked(prove: Callable[[], str]) -> None:
    """Prove at once what was just made, where `RAGGEDDSL_CHECK=1` asks for that."""
    if os.environ.get("RAGGEDDSL_CHECK") == "1":
        prove()


class Kernel(Protocol):
    """A way to run a plan's table on one kind of backend; `raggeddsl.kernels.registry` knows them by name."""

    @property
    def name(self) -> str:
        """What users call it."""
        ...

    @classmethod
    def tuned(cls, tuning: Tuning) -> Self:
        """The kernel with these thresholds."""
        ...

    def unavailable(self, plan: Plan, backend: str) -> str | None:
        """Why this kernel cannot run `plan` on `backend` (`cpu`, `gpu`, …), or None if it can."""
        ...

    def lower(self, plan: Plan) -> LoweredPlan:
        """The plan made ready; no jax program is compiled yet."""
        ...
