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


def pytest_report_header() -> str:
    found = under_test(CHECKOUT)
    assert found is not None
    return found.header


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, str], None]:
    """`golden(path, text)` asserts that the file at `path` holds `text`."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8", newline="\n")
        assert path.exists(), f"{path.name} is missing: run pytest with --update-golden, and read it"
        assert text == path.read_text(encoding="utf-8")

    return compare
