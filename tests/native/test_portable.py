"""The engine without the code of any one architecture, and on another architecture where that can be run."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.native.test_driver import ROOT, SECONDS, said

ARM_COMPILER, ARM_MACHINE = "aarch64-linux-gnu-g++", "qemu-aarch64"


def built(request: pytest.FixtureRequest, name: str, *options: str):
    """The folder of the C++ tests built with these options; pytest's cache keeps the build."""
    if shutil.which("cmake") is None or not (os.environ.get("CXX") or shutil.which("c++")):
        pytest.skip("the C++ tests need cmake and a C++ compiler")
    assert request.config.cache is not None
    folder = request.config.cache.mkdir(f"native-{name}")
    always = ["-DRAGGEDDSL_FFI=OFF", "-DRAGGEDDSL_TESTS=ON"]
    said("cmake", "-S", ROOT / "raggeddsl/native", "-B", folder, *always, *options, timeout=120)
    said("cmake", "--build", folder, "--parallel", str(os.cpu_count() or 1), timeout=1200)
    return folder / "tests"


def test_without_any_architectures_own_code_the_results_are_the_same(request):
    folder = built(request, "portable", "-DRAGGEDDSL_PORTABLE=ON")
    assert "are right on base provider" in said(folder / "native_driver", SECONDS, "1", timeout=300)


def test_on_aarch64_the_results_are_the_same(request):
    if not (shutil.which(ARM_COMPILER) and shutil.which(ARM_MACHINE)):
        pytest.skip("Debian's g++-aarch64-linux-gnu and qemu-user are not installed")
    target = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"]
    folder = built(request, "aarch64", *target, f"-DCMAKE_CXX_COMPILER={ARM_COMPILER}")
    machine = [ARM_MACHINE, "-L", "/usr/aarch64-linux-gnu"]
    assert "are right on base provider" in said(*machine, folder / "native_driver", SECONDS, "1", timeout=600)
    assert "ran inside their buffers" in said(*machine, folder / "native_fuzz", SECONDS, "1", timeout=600)
