"""Where the help says what to write, the edit comes as data, and the text that it gives is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from raggeddsl.api import check

HEAD = "input A : f32[2, 2]\ninput s : f32[]\n"
TIMES = "\N{MULTIPLICATION SIGN}"
DOT = "\N{MIDDLE DOT}"
OPEN, CLOSE = "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"
OPEN_1, CLOSE_1 = "\N{LEFT SINGLE QUOTATION MARK}", "\N{RIGHT SINGLE QUOTATION MARK}"
TABLE = "index i\ndim m[i] = table({})\ninput A[i] : f32[m[i], 2]\noutput Y[i] = A[i]"

MENDED = {
    "an option": (
        "option dtpye = f32\n" + HEAD + "output Y = A",
        "option dtype = f32\n" + HEAD + "output Y = A",
    ),
    "an option's value": (
        "option association = letf\n" + HEAD + "output Y = A",
        "option association = left\n" + HEAD + "output Y = A",
    ),
    "an attribute": (
        HEAD + "output Y = A @ A with precison=high",
        HEAD + "output Y = A @ A with precision=high",
    ),
    "an attribute's value": (
        HEAD + "output Y = A @ A with precision=hihg",
        HEAD + "output Y = A @ A with precision=high",
    ),
    "the edition": ("rmm 2\n" + HEAD + "output Y = A", "rmm 1\n" + HEAD + "output Y = A"),
    "a product": (HEAD + f"output Y = A {TIMES} A", HEAD + "output Y = A @ A"),
    "a product by a dot": (HEAD + f"output Y = A {DOT} A.T", HEAD + "output Y = A @ A.T"),
    "a number times": (HEAD + f"output Y = 2 {TIMES} A", HEAD + "output Y = 2 * A"),
    "times a number": (HEAD + f"output Y = A {DOT} 0.5", HEAD + "output Y = A * 0.5"),
    "a size": (
        f"dim n = 3\ninput A : f32[n {TIMES} n, 2]\noutput Y = A",
        "dim n = 3\ninput A : f32[n * n, 2]\noutput Y = A",
    ),
    "a size in a dim": (
        f"dim n = 3\ndim m = n {DOT} n\ninput A : f32[m, 2]\noutput Y = A",
        "dim n = 3\ndim m = n * n\ninput A : f32[m, 2]\noutput Y = A",
    ),
    "a table": (TABLE.format('"here/sizs.csv"'), TABLE.format('"here/sizes.csv"')),
    "quotes": (TABLE.format(f"{OPEN}here/sizes.csv{CLOSE}"), TABLE.format('"here/sizes.csv"')),
    "single quotes": (TABLE.format(f"{OPEN_1}here/sizes.csv{CLOSE_1}"), TABLE.format('"here/sizes.csv"')),
    "a transpose": (HEAD + f"output Y = A{CLOSE_1} @ A", HEAD + "output Y = A.T @ A"),
}


@pytest.mark.parametrize("what", MENDED)
def test_the_fix_gives_the_right_text(what: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "sizes.csv").write_text("m\n1\n2\n", encoding="utf-8")
    text, wanted = MENDED[what]
    errors = [one for one in check(text, folder=tmp_path) if one.severity == "error" and one.fixes]
    assert len(errors) == 1
    for fix in reversed(errors[0].fixes):
        text = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
    assert text == wanted
    assert [one for one in check(text, folder=tmp_path) if one.severity == "error"] == []


def test_an_iterate_without_a_count_is_told_so() -> None:
    text = "def f(X) = X @ X\ninput A : f32[2, 2]\noutput Y = iterate(f, (A + A))"
    (one,) = check(text)
    assert one.code == "RMM101" and one.help == "write the count last, as in `iterate(f, (A + A), 5)`"
    (other,) = check(text.replace("(f, (A + A))", "(f)"))
    assert other.message == "unexpected `)`"


@pytest.mark.parametrize("members", ["[0, 2, -1]", "range(0, -3, -1)", "0 - i"])
def test_a_negative_member_is_out_of_range_and_no_size(members: str) -> None:
    head = f"index i in 3\nindex e in 1\nmap o[i] in e = {members}\n"
    text = head + "input A[e] : f32[2, 2]\noutput Y[i] = A[o[i]]"
    (one,) = check(text)
    assert one.code == "RMM404" and "(and 1 more)" in one.message
