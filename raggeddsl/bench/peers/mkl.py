"""MKL's `cblas_sgemm_batch` as a way, where the `mkl` wheel is installed: level by level."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from raggeddsl.bench.peers import blas
from raggeddsl.bench.peers.way import Limits, Skip, Way
from raggeddsl.bench.workload import Workload

SETTLE = 0.25  # KMP_BLOCKTIME is 200 ms: so long its threads spin after a call
INTEL_LAYER = 0


def mkl_batch(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """One batched call a level, groups of equal shape, results in memory given once."""
    library = load()
    if library is None:
        return Skip("MKL is not installed (pip install mkl)")
    job = blas.job(workload, inputs)
    batch = library.cblas_sgemm_batch
    calls = [(copy, level.arguments()) for copy, level in job.steps]

    def call() -> None:
        for copy, arguments in calls:
            if copy is not None:
                np.copyto(*copy)
            batch(*arguments)

    def results(_: Any) -> list[np.ndarray]:
        return job.memory[workload.out].members()

    return Way(call, call, results, settle=SETTLE, note="results' memory given once")


@cache
def load() -> ctypes.CDLL | None:
    """MKL's run-time library with its OpenMP layer (or that of MKL_THREADING_LAYER), or None."""
    folders = [Path(sys.prefix) / "lib", Path(sys.prefix) / "Library" / "bin"]
    names = ("libmkl_rt.so*", "libmkl_rt*.dylib", "mkl_rt*.dll")
    paths = [path for folder in folders for name in names for path in sorted(folder.glob(name))]
    for path in paths:
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        if "MKL_THREADING_LAYER" not in os.environ:
            library.MKL_Set_Threading_Layer(INTEL_LAYER)
        return library
    return None
