"""The `mkl` kernel: the native kernel whose large products run in Intel's MKL, one thread a worker.

MKL is proprietary, large and for x86-64 only: it is used where a user asks for it, never otherwise.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.native.library import address, block_sizes, library
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import DEFAULT

LEAST_SIDE = 64
"""Products of fewer multiplications than one of this side, cubed, run in the native kernel's own
code: below, a call of MKL costs as much as it gains."""

SEQUENTIAL = 1
_INSTALL = 'pip install "raggeddsl[mkl]" installs it, on x86-64'
_taking = threading.Lock()


@dataclass(frozen=True)
class MklKernel(NativeKernel):
    """Products of real and complex f32 and f64 as large as 64 x 64 x 64 by MKL, all else as `native`.

    Symmetric products stay the native kernel's, which computes half of each.
    """

    isa: str = "provider"

    name: ClassVar[str] = "mkl"

    def unavailable(self, plan: Plan, backend: str) -> str | None:
        """Why this kernel cannot run `plan` on `backend`, or None."""
        return super().unavailable(plan, backend) or provide()


def provide() -> str | None:
    """Give MKL's products to the native library, once; returns why that cannot be, or None."""
    with _taking:
        return _provided()


@cache
def _provided() -> str | None:
    mkl = _load()
    if isinstance(mkl, str):
        return mkl
    native = library()
    assert not isinstance(native, str), native
    # MKL's layer holds for the whole process.  Where OpenMP's came first, each call asks for one thread.
    layer = mkl.MKL_Set_Threading_Layer(SEQUENTIAL)
    alone = None if layer == SEQUENTIAL else _entry(mkl.MKL_Set_Num_Threads_Local)
    products = [_entry(getattr(mkl, f"cblas_{letter}gemm")) for letter in "sdcz"]
    give = native.raggeddsl_set_provider
    give.restype = ctypes.c_char_p
    fault = give(*products, alone, ctypes.c_int64(LEAST_SIDE**3), address(block_sizes(DEFAULT.blocks)))
    return None if fault is None else f"MKL fails the native kernel's self-test: {fault.decode()}"


def _entry(function: object) -> ctypes.c_void_p:
    return ctypes.cast(function, ctypes.c_void_p)  # type: ignore[arg-type]


def _load() -> ctypes.CDLL | str:
    """MKL's run-time library from this environment or, failing that, from where the system looks."""
    paths = candidates()
    if not paths:
        return f"MKL is not installed: {_INSTALL}"
    faults = []
    for path in paths:
        try:
            mkl = ctypes.CDLL(str(path))
            mkl.MKL_Set_Threading_Layer.restype = ctypes.c_int
            return mkl
        except (OSError, AttributeError) as error:
            faults.append(str(error))
    return f"MKL does not load ({faults[0]}): {_INSTALL}"


def candidates(prefix: str | None = None) -> list[Path]:
    """The files that MKL's wheel puts beside Python's packages, or a conda environment has in lib.

    `RAGGEDDSL_MKL` names another file in their place.
    """
    override = os.environ.get("RAGGEDDSL_MKL")
    if override:
        return [Path(override)]
    roots = [sys.prefix, sys.base_prefix] if prefix is None else [prefix]
    return [path for root in dict.fromkeys(roots) for path in sorted(Path(root, "lib").glob("libmkl_rt.so*"))]
