"""Every code that the sources use has a page, examples that are true, and a case."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from raggeddsl.api import check
from raggeddsl.diagnostics.codes import all_codes, explanation

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "cases" / "bad"
CODES = all_codes()
ABOUT_SPECS = [code for code in CODES if explanation(code).about_spec]


def used() -> set[str]:
    files = (ROOT / "raggeddsl").rglob("*.py")
    return {
        code for file in files for code in re.findall(r"\"(RMM\d{3})\"", file.read_text(encoding="utf-8"))
    }


def test_the_codes_in_use_are_the_codes_with_pages() -> None:
    assert used() == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_page_explains(code: str) -> None:
    page = explanation(code)
    assert page.code == code
    assert page.title and page.text.endswith((".", "|")) and len(page.text) > 40
    assert page.bad.strip() and page.good.strip() and page.bad != page.good


@pytest.mark.parametrize("code", ABOUT_SPECS)
def test_the_bad_example_gets_the_code(code: str) -> None:
    assert code in {one.code for one in check(explanation(code).bad)}


@pytest.mark.parametrize("code", ABOUT_SPECS)
def test_the_good_example_is_good(code: str) -> None:
    assert check(explanation(code).good) == []


@pytest.mark.parametrize("code", ABOUT_SPECS)
def test_there_is_a_case(code: str) -> None:
    assert list(BAD.glob(f"{code}_*.rmm"))


def test_a_code_without_a_page_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        explanation("RMM999")
    with pytest.raises(KeyError):
        explanation("../../x")
