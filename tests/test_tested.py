"""The suite says which raggeddsl it tests, and prefers the installed one to sources without their library."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tested import LIBRARY, under_test

HERE = Path(__file__).parent
ONLY_BEFORE_SITE = """\
import sys
from importlib.machinery import ModuleSpec, PathFinder

class Hiding:
    '''Finds raggeddsl only outside of site-packages, as if it were not installed there.'''

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "raggeddsl":
            return None
        found = PathFinder.find_spec(name, [entry for entry in sys.path if "site-packages" not in entry])
        return found or ModuleSpec(name, None)

sys.meta_path.insert(0, Hiding)
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose one test prints where its raggeddsl lies."""
    folder = tmp_path / "checkout"
    (folder / "tests").mkdir(parents=True)
    for name in ("conftest.py", "tested.py"):
        shutil.copy(HERE / name, folder / "tests")
    (folder / "tests" / "test_it.py").write_text(
        "import raggeddsl\n\ndef test_it():\n    print('tested', raggeddsl.__file__)\n"
    )
    (folder / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\ntestpaths = ["tests"]\naddopts = ["--import-mode=importlib", "-s"]\n'
    )
    package(folder)
    return folder


@pytest.fixture
def run(checkout, tmp_path):
    """`run(*path)`: `python -m pytest` in the checkout, with no raggeddsl installed but in `path`."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(ONLY_BEFORE_SITE)

    def process(*path, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAGGEDDSL_")}
        env = kept | {"PYTHONPATH": os.pathsep.join(map(str, (hidden, *path)))} | more
        env["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        command = [sys.executable, "-m", "pytest"]
        return subprocess.run(command, cwd=checkout, env=env, capture_output=True, text=True)

    return process


def package(folder, library=False):
    """A raggeddsl in `folder`."""
    (folder / "raggeddsl" / LIBRARY.parent).mkdir(parents=True)
    (folder / "raggeddsl" / "__init__.py").write_text("")
    if library:
        (folder / "raggeddsl" / LIBRARY).write_bytes(b"")
    return folder / "raggeddsl"


def test_an_installed_package_is_tested_though_python_m_pytest_puts_the_checkout_first(run, tmp_path):
    installed = package(tmp_path / "installed", library=True)
    done = run(tmp_path / "installed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"tested {installed / '__init__.py'}\n" in done.stdout
    assert f"raggeddsl: {installed} (installed), with the native library; jax " in done.stdout


def test_an_installed_package_may_be_without_library(run, tmp_path):
    package(tmp_path / "installed")
    done = run(tmp_path / "installed")
    assert done.returncode == 0 and "(installed), without a native library; jax " in done.stdout


@pytest.mark.parametrize("asked", ["RAGGEDDSL_PURE", "RAGGEDDSL_LIBRARY"])
def test_sources_that_are_asked_for_are_tested_before_what_is_installed(run, tmp_path, asked):
    package(tmp_path / "installed", library=True)
    done = run(tmp_path / "installed", **{asked: str(HERE / "conftest.py")})
    assert done.returncode == 0 and "(source tree), with" in done.stdout


@pytest.mark.parametrize("first", [True, False])
def test_sources_without_their_library_are_refused_with_the_command(run, checkout, first):
    done = run(*[checkout] * (not first))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert (
        f"would import raggeddsl from {checkout / 'raggeddsl'}, sources without their native library"
        in done.stderr
    )
    assert "`pip install '.[test]' && pytest`" in done.stderr and "Traceback" not in done.stderr


def test_sources_without_their_library_are_tested_where_that_is_asked_for(run):
    done = run(RAGGEDDSL_PURE="1")
    assert done.returncode == 0 and "(source tree), without a native library" in done.stdout


def test_sources_with_a_library_are_tested(run, checkout, tmp_path):
    (tmp_path / "another.so").write_bytes(b"")
    done = run(RAGGEDDSL_LIBRARY=str(tmp_path / "another.so"))
    assert done.returncode == 0 and f"with the native library of {tmp_path / 'another.so'};" in done.stdout
    (checkout / "raggeddsl" / LIBRARY).write_bytes(b"")
    done = run()
    assert done.returncode == 0 and "(source tree), with the native library;" in done.stdout


def test_a_link_to_a_tree_with_its_library_is_tested(run, checkout, tmp_path):
    (checkout / "raggeddsl" / LIBRARY).write_bytes(b"")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "raggeddsl").symlink_to(checkout / "raggeddsl")
    done = run(tmp_path / "linked")
    shown = f"raggeddsl: {tmp_path / 'linked' / 'raggeddsl'} -> {checkout / 'raggeddsl'} (source tree), with"
    assert done.returncode == 0 and shown in done.stdout


def test_no_raggeddsl_at_all_says_how_to_install_it(run, checkout):
    shutil.rmtree(checkout / "raggeddsl")
    done = run()
    assert done.returncode == pytest.ExitCode.USAGE_ERROR and "pip install '.[test]' && pytest" in done.stderr


def test_what_is_said_to_be_tested_is_what_is_imported():
    import raggeddsl

    found = under_test(HERE.parent)
    assert found is not None and found.folder == Path(raggeddsl.__file__).parent
    assert found.fault is None
