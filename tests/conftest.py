"""What all tests share: which raggeddsl they test, and golden files, compared or written anew."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

CHECKOUT = Path(__file__).parents[1]

# Tests import each other as `tests.…`.  The checkout comes last on the path, so that the raggeddsl they
# test is the installed one, with its compiled library, wherever there is one.
sys.path.append(str(CHECKOUT))

from tests.tested import behind_installed, under_test  # noqa: E402

behind_installed(CHECKOUT)

# Whatever any test makes is proved when it is made, and results are NaN before they are written; so it is
# in the processes that tests start.  Set before raggeddsl loads its library.
os.environ.setdefault("RAGGEDDSL_CHECK", "1")

# Time says nothing on a machine that others use too, and the first example builds the parser.
settings.register_profile("raggeddsl", deadline=None)
settings.load_profile("raggeddsl")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew")


def pytest_configure() -> None:
    found = under_test(CHECKOUT)
    if found is None:
        raise pytest.UsageError("there is no raggeddsl to test: run `pip install '.[test]' && pytest`")
    if found.fault is not None:
        raise pytest.UsageError(found.fault)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """A worker for each core; none for some tests by name, which end sooner than workers begin.

    More than eight would wait for each other: programs and compilers use all cores themselves.
    """
    if config.args and all("::" in argument for argument in config.args):
        return 0
    return min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)


def pytest_report_header() -> str:
    found = under_test(CHECKOUT)
    assert found is not None
    return found.header


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests `say`, whichever process ran them."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, text in report.user_properties:
            if name == "says":
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(text)


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """`say(text)` shows a text below all tests, also if this one passes."""
    return lambda text: record_property("says", text)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """`golden(path, text)` asserts that the file at `path` holds `text`."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"{path.name} is missing: run pytest with --update-golden, and read it"
        assert text == path.read_text(encoding="utf-8")

    return compare
