"""A plan, the user's wishes and a backend in; the target and the kernel, each with its reason, out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.units import count_text, si
from raggeddsl.kernels.kernel import Kernel
from raggeddsl.kernels.registry import KERNELS, kernel
from raggeddsl.options import Options, Target
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import DEFAULT, Tuning


@dataclass(frozen=True)
class Choice:
    """How a plan runs.  Under `dispatch` the kernel serves only calls from inside a traced function.

    `implementation` is the kernel itself, of the name `kernel`.
    """

    target: Literal["fused", "dispatch"]
    target_why: str
    kernel: str
    kernel_why: str
    implementation: Kernel = field(compare=False, repr=False)


def choose(plan: Plan, options: Options, backend: str, diagnostics: Diagnostics) -> Choice:
    """Decide how `plan` runs on `backend` (`cpu`, `gpu`, …).

    Raises `RmmError` RMM510 where a kernel is asked for that cannot run it, RMM513 for a target that
    there is not; RMM511 and RMM512 warn where something else runs than was asked for or is best.
    """
    targets = get_args(Target)
    if options.target not in targets:
        listed = ", ".join(f'"{name}"' for name in targets)
        diagnostics.error(
            "RMM513", f"there is no target `{options.target}`", help=f"the targets are {listed}"
        )
        diagnostics.raise_if_failed()
    if options.kernel == "auto":
        chosen, kernel_why = _best(plan, options.tuning, backend, diagnostics)
    else:
        chosen, kernel_why = _asked(plan, options, backend, diagnostics), "as asked"
    target, target_why = _target(plan, options, chosen.name, diagnostics)
    return Choice(target, target_why, chosen.name, kernel_why, chosen)


def require(candidate: Kernel | None, name: str, plan: Plan, backend: str, diagnostics: Diagnostics) -> None:
    """Raise `RmmError` RMM510 unless the kernel `name` is there and can run `plan`."""
    reason = "there is none of this name" if candidate is None else candidate.unavailable(plan, backend)
    if reason is not None:
        diagnostics.error(
            "RMM510",
            f"the kernel `{name}` cannot run this program on {backend}: {reason}",
            help=_other_kernels(plan, name, backend),
        )
    diagnostics.raise_if_failed()


def _asked(plan: Plan, options: Options, backend: str, diagnostics: Diagnostics) -> Kernel:
    chosen = kernel(options.kernel, options.tuning)
    require(chosen, options.kernel, plan, backend, diagnostics)
    assert chosen is not None
    return chosen


def _best(plan: Plan, tuning: Tuning, backend: str, diagnostics: Diagnostics) -> tuple[Kernel, str]:
    """The first kernel of the table that can run `plan`, and why it runs."""
    refused: list[tuple[str, str]] = []
    for name, candidate in _automatic(tuning):
        reason = candidate.unavailable(plan, backend)
        if reason is None:
            return candidate, _passed_over(name, refused, backend, diagnostics)
        refused.append((name, reason))
    raise AssertionError("the reference runs every plan")


def _automatic(tuning: Tuning = DEFAULT) -> Iterator[tuple[str, Kernel]]:
    """The kernels that may be chosen, best first."""
    for name, registered in KERNELS.items():
        candidate = kernel(name, tuning) if registered.automatic else None
        if candidate is not None:
            yield name, candidate


def _passed_over(name: str, refused: list[tuple[str, str]], backend: str, diagnostics: Diagnostics) -> str:
    """Why `name` runs and the better kernels do not; a warning where that is out of the ordinary."""
    for other, reason in refused:
        if not KERNELS[other].optional:
            message = f"the kernel `{other}` cannot run this program: {reason}; `{name}` is used"
            diagnostics.warning("RMM511", message, help=f'ask for kernel="{name}" if that is what you want')
    others = "".join(f"; {other} does not: {reason}" for other, reason in refused)
    return f"runs on {backend}{others}"


def _other_kernels(plan: Plan, name: str, backend: str) -> str:
    """The mend where the kernel `name` cannot run `plan`: what can."""
    able = [
        f'kernel="{other}"'
        for other, candidate in _automatic()
        if other != name and candidate.unavailable(plan, backend) is None
    ]
    return f'leave the choice to kernel="auto", or ask for {" or ".join(able)}, which can run it'


def _target(
    plan: Plan, options: Options, name: str, diagnostics: Diagnostics
) -> tuple[Literal["fused", "dispatch"], str]:
    match options.target:
        case "fused":
            return "fused", "as asked"
        case "dispatch":
            if options.kernel != "auto":
                diagnostics.warning(
                    "RMM512",
                    f"the target `dispatch` has executables of its own: the kernel `{name}` is used only "
                    "where the program is called inside another traced function",
                    help='leave out the kernel, or ask for target="fused"',
                )
            return "dispatch", "as asked"
        case _ if options.kernel != "auto":
            return "fused", f"the kernel `{name}` was asked for"
        case _ if name == "native":
            return "fused", "the native kernel runs every shape at once"
        case _:
            return cheaper(plan, options.tuning)


def cheaper(plan: Plan, tuning: Tuning = DEFAULT) -> tuple[Literal["fused", "dispatch"], str]:
    """The target that should take less time: dispatch where few shapes make long products.

    An executable of its own is the fastest code for a product that runs for far longer than a
    launch, and costs some 20 ms of compiling for each shape; the fused program's batches gather
    and scatter, and its compile time is bounded.

    The thresholds were measured against the fused program with the `xla` kernel (2 cores with AVX-512,
    jax 0.10.2, f32, 8 to 256 products, one to 100 shapes): at 34 MFLOP a product dispatch took 0.2 to
    1.2 times as long, at 4 MFLOP 0.5 to 1.7 times, at 0.5 MFLOP 1.3 to 14 times, since a launch costs
    some 20 µs.  128 shapes compile in about the time that the fused program takes at worst, 1 to 2 s.
    """
    tasks = plan.tasks
    if not len(tasks):
        return "fused", "there is nothing to compute"
    shapes = plan.cost.distinct_shapes
    average = float(np.sum(tasks.flop)) / len(tasks)
    work = f"{count_text(shapes, 'shape')}, {si(average, 'FLOP')} a task"
    if shapes <= tuning.dispatch_shapes and average >= tuning.dispatch_flop:
        return "dispatch", f"few shapes and long products ({work}): each shape gets code of its own"
    return "fused", f"one program of bounded compile time for {work}"
