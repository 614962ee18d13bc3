"""What a benchmark ran on: nothing in, the machine, its measured peak and the versions out."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("raggeddsl", "jax", "jaxlib", "numpy", "torch", "mkl", "scipy-openblas32")


def machine() -> dict[str, Any]:
    """CPU model, cores that this process may use, memory in bytes, platform and JAX's backend."""
    import jax

    return {
        "cpu": cpu_model(),
        "cores": cores(),
        "memory_bytes": memory_bytes(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "backend": jax.default_backend(),
    }


def versions() -> dict[str, str | None]:
    """Versions of what takes part, None where it is not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def cpu_model() -> str:
    """The CPU's name as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_bytes() -> int | None:
    """Physical memory, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def peak(size: int = 2048, tries: int = 5) -> dict[str, float]:
    """The best of a few tries: one large f32 product (GFLOP/s) and one large copy (GB/s read and written).

    The product is the better of NumPy's and JAX's.
    """
    import jax
    import jax.numpy as jnp

    a = np.random.default_rng(7).standard_normal((size, size), dtype=np.float32)
    resident, product = jnp.array(a), jax.jit(jnp.matmul)
    slow = np.ones(1 << 26, np.float32)
    fast = np.zeros_like(slow)
    ways = {
        "numpy": lambda: a @ a,
        "jax": lambda: jax.block_until_ready(product(resident, resident)),
        "copy": lambda: np.copyto(fast, slow),
    }
    best = {name: min(_seconds(way) for _ in range(tries)) for name, way in ways.items()}
    gflops = 2e-9 * size**3 / min(best["numpy"], best["jax"])
    return {"gflops": gflops, "gbytes_s": 2e-9 * slow.nbytes / best["copy"]}


def _seconds(way: Any) -> float:
    started = time.perf_counter()
    way()
    return time.perf_counter() - started
