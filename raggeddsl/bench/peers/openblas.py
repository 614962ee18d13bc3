"""OpenBLAS' `cblas_sgemm_batch` as a way, where the `scipy-openblas32` wheel is installed.

The batched call of some builds crashes on small matrices, so it is tried in a process of its own
first; where that process dies, a loop over `cblas_sgemm` takes its place and the note says so.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from raggeddsl.bench.peers import blas
from raggeddsl.bench.peers.way import Limits, Skip, Way
from raggeddsl.bench.workload import Workload

SETTLE = 0.1
TRIAL_S = 120.0


def openblas_batch(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """One batched call a level where that is safe, else one `cblas_sgemm` after another."""
    library = load()
    if library is None:
        return Skip("OpenBLAS is not installed (pip install scipy-openblas32)")
    job = blas.job(workload, inputs)
    safe = survives(workload.name)
    note = "results' memory given once" if safe else "cblas_sgemm in a loop: cblas_sgemm_batch crashes here"

    def call() -> None:
        for copy, arguments in calls:
            if copy is not None:
                np.copyto(*copy)
            for problem in arguments:
                function(*problem)

    def results(_: Any) -> list[np.ndarray]:
        return job.memory[workload.out].members()

    function = library.scipy_cblas_sgemm_batch if safe else library.scipy_cblas_sgemm
    calls = [(copy, [level.arguments()] if safe else level.problems()) for copy, level in job.steps]
    return Way(call, call, results, settle=SETTLE, note=note)


def survives(name: str) -> bool:
    """Whether a process that runs the batched calls of the workload `name` three times ends well."""
    trial = [sys.executable, "-m", "raggeddsl.bench.peers.openblas", name]
    try:
        done = subprocess.run(trial, capture_output=True, timeout=TRIAL_S, check=False, env=_environment())
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _environment() -> dict[str, str]:
    """This process' environment, with its import path: a child must find the same raggeddsl."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}


@cache
def load() -> ctypes.CDLL | None:
    """The library in the `scipy_openblas32` package, or None."""
    try:
        import scipy_openblas32
    except ImportError:
        return None
    folder = Path(scipy_openblas32.get_lib_dir())
    files = sorted(folder.glob(f"*{scipy_openblas32.get_library()}.*"))
    libraries = [path for path in files if path.suffix in (".so", ".dylib", ".dll")]
    return ctypes.CDLL(str(libraries[0])) if libraries else None


def _trial(name: str) -> None:
    from raggeddsl.bench.workloads import workload

    library = load()
    assert library is not None
    chosen = workload(name)
    job = blas.job(chosen, chosen.inputs())
    for _ in range(3):
        for copy, level in job.steps:
            if copy is not None:
                np.copyto(*copy)
            library.scipy_cblas_sgemm_batch(*level.arguments())


if __name__ == "__main__":
    _trial(sys.argv[1])
