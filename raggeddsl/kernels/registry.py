"""The table of kernels: all that knows them by name reads it, and each of them is made here alone.

A kernel is a class with `tuned`, `unavailable` and `lower` (`raggeddsl.kernels.kernel.Kernel`) in a module
that is imported when the kernel is first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from raggeddsl.tuning import DEFAULT, Tuning

if TYPE_CHECKING:
    from raggeddsl.kernels.kernel import Kernel


@dataclass(frozen=True)
class Registered:
    """Where a kernel's class is, and in one line what it is.

    `automatic`: `kernel="auto"` may choose it.  `optional`: an installation or a backend may lack it
    without anything being amiss, so that this is said and not warned of.
    """

    module: str
    name: str
    summary: str
    automatic: bool = True
    optional: bool = False


KERNELS: dict[str, Registered] = {
    "native": Registered(
        "raggeddsl.kernels.native.kernel",
        "NativeKernel",
        "C++ on XLA's own threads, for CPUs: one call runs the whole task table",
        optional=True,
    ),
    "mkl": Registered(
        "raggeddsl.kernels.native.mkl",
        "MklKernel",
        "the native kernel with Intel's MKL for large products, where it is installed",
        automatic=False,
    ),
    "xla": Registered(
        "raggeddsl.kernels.xla.kernel",
        "XlaKernel",
        "XLA operations on every backend: shape classes, each a gather, a batched product and a scatter",
    ),
    "reference": Registered(
        "raggeddsl.kernels.reference",
        "ReferenceKernel",
        "NumPy in float64, row by row: what the others are compared with",
    ),
}
"""Every kernel by the name that users give it; `auto` tries the automatic ones in this order."""


def kernel(name: str, tuning: Tuning = DEFAULT) -> Kernel | None:
    """The kernel called `name` with these thresholds, or None where there is none of this name."""
    registered = KERNELS.get(name)
    if registered is None:
        return None
    implementation: Kernel = getattr(import_module(registered.module), registered.name).tuned(tuning)
    return implementation
