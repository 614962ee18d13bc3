"""A library that is missing, broken or wrong is a reason, never an ImportError or a wrong result."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess

import pytest

from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.native import library as finding
from raggeddsl.native.library import FORMAT, address, block_sizes, library, register
from raggeddsl.tuning import DEFAULT
from tests.kernels.native.running import LEAST, pairs, planned
from tests.processes import printed


@pytest.fixture
def anew(monkeypatch):
    """Forget the library for this test; `anew(path)` then loads another one."""
    caches = (finding.library, finding.register, finding.instruction_set, finding.instruction_sets)

    def use(path) -> str | ctypes.CDLL:
        monkeypatch.setenv("RAGGEDDSL_LIBRARY", str(path))
        for cache in caches:
            cache.cache_clear()
        return library()

    yield use
    monkeypatch.undo()
    for cache in caches:
        cache.cache_clear()


def compile_library(folder, text: str):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source, made = folder / "other.c", folder / "other.so"
    source.write_text(text)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, source], check=True)
    return made


def test_the_self_test_passes_however_often_it_runs():
    loaded = library()
    test = loaded.raggeddsl_self_test
    test.restype = ctypes.c_char_p
    for blocks in (DEFAULT.blocks, LEAST):
        sizes = address(block_sizes(blocks))
        assert [test(sizes) for _ in range(50)] == [None] * 50


def test_no_instruction_set_but_those_of_the_processor_are_offered():
    names = finding.instruction_sets()
    assert names[0] == "base" and finding.instruction_set() == names[-1]
    assert not library().raggeddsl_has_isa(b"avx1024")


def test_an_editable_installation_has_it_in_a_folder_of_its_own(tmp_path):
    """There the package has two folders: that of the sources comes first, and has no library."""
    sources, built = tmp_path / "sources", tmp_path / "built"
    sources.mkdir()
    built.mkdir()
    shutil.copy(library()._name, built / finding._FILE)
    code = (
        "from raggeddsl import native\n"
        "from raggeddsl.native.library import library\n"
        f"native.__path__ = {[str(sources), str(built)]!r}\n"
        "print(library()._name)\n"
    )
    assert printed(code, tmp_path, RAGGEDDSL_LIBRARY="").strip() == str(built / finding._FILE)


@pytest.mark.without_library
def test_a_file_that_is_not_there_is_named(anew, tmp_path):
    assert "nothing.so, which is not a file" in anew(tmp_path / "nothing.so")
    assert register() == library()


@pytest.mark.without_library
def test_a_file_that_is_no_library_is_a_reason_not_an_error(anew, tmp_path):
    path = tmp_path / "text.so"
    path.write_text("not a library")
    assert "does not load" in anew(path)
    assert NativeKernel().unavailable(planned(pairs([(1, 1, 1)])), "cpu") == library()


@pytest.mark.without_library
def test_a_library_that_lacks_a_function_is_a_reason_not_an_error(anew, tmp_path):
    path = compile_library(tmp_path, "int something_else(void) { return 0; }")
    assert re.search("does not load: .*raggeddsl_self_test", anew(path))


@pytest.mark.without_library
def test_a_library_that_multiplies_wrongly_is_not_used_and_that_is_said(anew, tmp_path):
    text = f"int raggeddsl_format(void) {{ return {FORMAT}; }}"
    text += 'const char* raggeddsl_self_test(const long* blocks) { return "a product is wrong"; }'
    with pytest.warns(RuntimeWarning, match="fails its self-test on this processor: a product is wrong; "):
        reason = anew(compile_library(tmp_path, text))
    assert "a product is wrong" in reason
    assert NativeKernel().unavailable(planned(pairs([(1, 1, 1)])), "cpu") == reason


@pytest.mark.without_library
@pytest.mark.parametrize("found", [None, FORMAT - 1, FORMAT + 1])
def test_a_library_of_another_version_is_not_used_and_that_is_said(anew, tmp_path, found):
    """It would read a table wrongly, or not at all; the first had no number."""
    text = 'const char* raggeddsl_self_test(void) { return "called"; }'
    if found is not None:
        text += f"int raggeddsl_format(void) {{ return {found}; }}"
    reason = anew(compile_library(tmp_path, text))
    assert re.search(
        rf"other\.so is of another version .*format {found or 1}, this is format {FORMAT}", reason
    )
    assert NativeKernel().unavailable(planned(pairs([(1, 1, 1)])), "cpu") == reason


def test_runs_on_no_other_backend():
    assert "not on gpu" in NativeKernel().unavailable(planned(pairs([(1, 1, 1)])), "gpu")
