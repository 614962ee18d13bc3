"""The engine driven from plain C++ under the sanitizers, shortly; docs/native.md tells how for longer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.native.building import SECONDS, built, said

pytestmark = pytest.mark.cpp

Run = Callable[[str, str], str]


def can_sanitize(sanitizers: str, folder: Path) -> bool:
    """Whether the compiler has the sanitizers' libraries, and what it makes with them runs."""
    source, program = folder / "empty.cc", folder / "empty"
    source.write_text("int main() { return 0; }\n")
    compiler = os.environ.get("CXX") or shutil.which("c++") or "c++"
    command = [compiler, f"-fsanitize={sanitizers}", source, "-o", program]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def what_runs_here() -> list[str]:
    """Options that leave out what this processor cannot run: it takes longest to compile."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return []
    return [] if "avx512f" in flags else ["-DRAGGEDDSL_AVX512=OFF"]


@pytest.fixture(scope="module", params=["address,undefined", "thread"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """`run(name, seed)` runs one of the programs, built with sanitizers."""
    if not can_sanitize(request.param, tmp_path_factory.mktemp("sanitize")):
        pytest.skip(f"this compiler has no -fsanitize={request.param}")
    options = [f"-DRAGGEDDSL_SANITIZE={request.param}", *what_runs_here()]
    folder = built(request, request.param.replace(",", "-"), *options)
    return lambda name, seed: said(folder / name, SECONDS, seed, timeout=300)


def test_random_programs_are_right_with_every_kind_of_thread_pool(run):
    assert "are right on base" in run("native_driver", "1")


def test_random_tables_are_refused_or_run_inside_their_buffers(run):
    assert "were refused or ran inside their buffers" in run("native_fuzz", "1")


def test_members_anywhere_in_memory_are_packed_right(run):
    assert "lists of members are packed right" in run("native_members", "1")


def test_the_registry_gives_every_thread_the_table_of_its_name(run):
    assert "tables were held, found and let go" in run("native_registry", "1")
