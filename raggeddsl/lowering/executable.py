"""What runs a plan: one protocol for the fused program and for the launches of a dispatched one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from raggeddsl.kernels.kernel import Lowering, StageTime
from raggeddsl.lowering.choose import Choice
from raggeddsl.packing.signature import Signature
from raggeddsl.packing.values import Value, at_hand
from raggeddsl.plan.plan import Plan

Progress = Callable[[int, int], None]
"""Called with how many executables are compiled and how many there will be; one thread at a time."""


def run(executable: Executable, values: Sequence[Value]) -> Sequence[Value]:
    """The results for values of any kind, by the shortest way."""
    if at_hand(values):
        return executable.run(values)
    return executable(executable.ready(values))


class Executable(Protocol):
    """A plan ready to run; what that needs is made when it is first needed, once, in any thread.

    Values go in and come out by groups, one for each of `inputs.groups` and `outputs.groups`: the elements
    of a group packed in one array, or its members one by one (`raggeddsl.packing.values.Value`).
    """

    plan: Plan
    choice: Choice
    inputs: Signature
    outputs: Signature
    timings: dict[str, float]

    @property
    def takes_members(self) -> bool:
        """Whether members that lie apart are read as they are, so that packing them would be in vain."""
        ...

    def run(self, buffers: Sequence[Any], donated: tuple[Any, ...] = ()) -> Sequence[Value]:
        """The results for inputs that are packed and concrete; `donated` are arrays to write over."""
        ...

    def ready(self, values: Sequence[Value]) -> list[Value]:
        """Values in the form in which they are read: packed, or members.  Raises RMM706 for what is gone."""
        ...

    def __call__(self, values: Sequence[Value], donated: tuple[Any, ...] = ()) -> Sequence[Value]:
        """The results for values that are `ready`; works under every transformation of JAX."""
        ...

    def compile(self, progress: Progress | None = None) -> None:
        """Have XLA compile everything now, so that the first call need not."""
        ...

    def lower(self) -> Any:
        """What XLA receives, with the `as_text` and `compile` of `jax.stages.Lowered`."""
        ...

    def jaxpr(self) -> Any:
        """What JAX traces; `str` of it is text."""
        ...

    @property
    def lowered(self) -> Lowering:
        """How each stage of the plan was lowered, for `explain`."""
        ...

    @property
    def why(self) -> str:
        """Why `lowered.kernel` computes, in words."""
        ...

    @property
    def ran(self) -> str:
        """What computes, as in "the results by …"."""
        ...

    def operations(self) -> int:
        """How many XLA operations a call runs."""
        ...

    def measure(self, values: Sequence[Value]) -> Sequence[StageTime]:
        """Where the time of a call on values that are `ready` goes; empty where that is not known."""
        ...

    def prove(self) -> str:
        """Prove that what runs computes what the plan says; tells what was shown, if there is a proof.

        Raises `ScheduleFault`, an internal error that names the tasks.
        """
        ...
