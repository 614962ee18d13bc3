"""CMake options in, the folder of the C++ tests built with them out; and what one of these says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "raggeddsl" / "native"
SECONDS = "3"
"""How long each of the programs runs."""


def built(request: pytest.FixtureRequest, name: str, *options: str) -> Path:
    """The folder of the C++ tests built with these options; pytest's cache keeps the build."""
    if shutil.which("cmake") is None or not (os.environ.get("CXX") or shutil.which("c++")):
        pytest.skip("the C++ tests need cmake and a C++ compiler")
    assert request.config.cache is not None
    folder = request.config.cache.mkdir(f"native-{name}")
    always = ["-DRAGGEDDSL_FFI=OFF", "-DRAGGEDDSL_TESTS=ON"]
    with alone_in(folder):
        cache = folder / "CMakeCache.txt"
        if cache.exists() and f"HOME_DIRECTORY:INTERNAL={SOURCE}\n" not in cache.read_text():
            cache.unlink()  # it was made of sources in another place
        said("cmake", "-S", SOURCE, "-B", folder, *always, *options, timeout=120)
        said("cmake", "--build", folder, "--parallel", str(os.cpu_count() or 1), timeout=1200)
    return folder / "tests"


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Within it, other processes that want this folder wait: the first builds, the others find it built."""
    try:
        import fcntl
    except ImportError:  # not a Unix
        yield
        return
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def said(*command: str | Path, timeout: int) -> str:
    """What a command prints; the test fails, showing that, if it fails."""
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "TSAN_OPTIONS": "halt_on_error=1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, env=env)
    text = done.stdout + done.stderr
    if "unexpected memory mapping" in text:  # it is older than the kernel's way of placing memory
        pytest.skip("this ThreadSanitizer does not run on this kernel")
    assert done.returncode == 0, text[-6000:]
    return done.stdout
