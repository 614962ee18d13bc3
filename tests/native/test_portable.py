"""The engine without the code of any one architecture, and on another architecture where that can be run."""

from __future__ import annotations

import shutil

import pytest

from tests.native.building import SECONDS, built, said

pytestmark = pytest.mark.cpp

ARM_COMPILER, ARM_MACHINE = "aarch64-linux-gnu-g++", "qemu-aarch64"

# The code is the installed library's, which other tests run as it is compiled for users; here it is enough
# that it compiles and computes.
QUICK_TO_COMPILE = ("-DRAGGEDDSL_PORTABLE=ON", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-Og")


def test_without_any_architectures_own_code_the_results_are_the_same(request):
    folder = built(request, "portable", *QUICK_TO_COMPILE)
    assert "are right on base provider" in said(folder / "native_driver", SECONDS, "1", timeout=300)


def test_on_aarch64_the_results_are_the_same(request):
    if not (shutil.which(ARM_COMPILER) and shutil.which(ARM_MACHINE)):
        pytest.skip("Debian's g++-aarch64-linux-gnu and qemu-user are not installed")
    target = ["-DCMAKE_SYSTEM_NAME=Linux", "-DCMAKE_SYSTEM_PROCESSOR=aarch64"]
    folder = built(request, "aarch64", *target, f"-DCMAKE_CXX_COMPILER={ARM_COMPILER}")
    machine = [ARM_MACHINE, "-L", "/usr/aarch64-linux-gnu"]
    assert "are right on base provider" in said(*machine, folder / "native_driver", SECONDS, "1", timeout=600)
    assert "ran inside their buffers" in said(*machine, folder / "native_fuzz", SECONDS, "1", timeout=600)
