"""A line that does not parse hides no fault of the others, and is the cause of none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from raggeddsl.api import check
from raggeddsl.language.lines import logical_lines
from raggeddsl.language.read import read_source
from tests.graph.by_hand import codes

ROOT = Path(__file__).parents[2]
GOOD = sorted([*(ROOT / "tests" / "cases" / "good").glob("*.rmm"), *(ROOT / "examples").glob("*/*.rmm")])

BROKEN: dict[str, Callable[[str], str]] = {
    "ended by a semicolon": lambda line: line + " ;",
    "in brackets that never close": lambda line: "(" + line,
    "with a foreign letter": lambda line: "\N{CYRILLIC CAPITAL LETTER A}" + line,
    "without its first blank": lambda line: line.replace(" ", "", 1) + "$",
    "without its name": lambda line: " ".join([*line.split()[:1], *line.split()[2:], "$"]),
    "with another sign": lambda line: line.replace("=", "~").replace(":", "~") + "~",
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("spec", GOOD, ids=lambda path: path.stem)
def test_a_broken_line_of_a_good_spec_is_all_that_is_wrong(spec: Path, how: str) -> None:
    source = read_source(spec)
    lines = logical_lines(source)
    for start, end in zip(lines.starts, lines.ends, strict=True):
        text = source.text[:start] + BROKEN[how](source.text[start:end]) + source.text[end:]
        found = {one.code for one in check(text, name=spec.name, folder=spec.parent)}
        assert found and all(code.startswith("RMM1") for code in found), (source.text[start:end], found)


FAULTS = {
    "unknown names": ("input A : f32[2, 2];\noutput D = A @ B * Q", ["RMM113", "RMM201", "RMM201"]),
    "sizes that do not fit": ("B = A ^ 2\ninput A : f32[2, 3]\noutput D = A @ A", ["RMM113", "RMM301"]),
    "a name that is defined twice": ("B = 2 / 3\ndim n = 1\ndim n = 2", ["RMM113", "RMM203"]),
    "an index without a length": (
        "index i\ninput A[i] : f32[2, 2]\noutput Y = $",
        ["RMM102", "RMM401"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_line_does_not_hide(fault: str) -> None:
    text, wanted = FAULTS[fault]
    assert sorted(one.code for one in check(text)) == sorted(codes(text)) == wanted


SILENT = {
    "the broken line names it": "input A, B : f32[2, 2];\noutput Y = A @ B",
    "the broken line has no name": "input : f32[2, 2]\noutput Y = A @ A",
    "the broken line has no blank": "inputA : f32[2, 2]\noutput Y = A @ A",
    "the broken line has letters that no name has": "input \N{GREEK CAPITAL LETTER ALPHA} : f32[2, 2]\nY = A",
    "the broken line sizes the index": "index i\ndim m[i] = [1, 2;]\ninput A[i] : f32[2, 2]\nY[i] = A[i]",
    "the broken line may come first": "X = 3 ^ A\ninput A : f32[2, 2]\nY = X @ A\nX = A",
}


@pytest.mark.parametrize("cause", SILENT)
def test_what_a_broken_line_may_declare_is_not_missed(cause: str) -> None:
    assert [code for code in codes(SILENT[cause]) if not code.startswith("RMM1")] == []


def test_a_size_from_outside_may_be_meant_for_a_broken_line() -> None:
    text = "dim n = 4;\ninput A : f32[n, n]\noutput Y = A"
    assert [one.code for one in check(text, dims={"n": 8})] == ["RMM113"]
    assert [one.code for one in check(text, dims={"k": 8})] == ["RMM213", "RMM113"]
