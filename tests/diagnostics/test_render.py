"""Diagnostics are shown at their place: for people, editors, scripts and CI."""

from __future__ import annotations

import json

import pytest

from raggeddsl.diagnostics.diagnostic import Diagnostic, Fix, Label
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.diagnostics.render import render
from raggeddsl.diagnostics.source import Source, Span

SPEC = Source("model.rmm", "dim k[i] = [64, 96]\ndim r[i] = [64, 48]\n\nH[i] = A[i] @ B[i]\n")


def at(source: Source, text: str) -> Span:
    start = source.text.index(text)
    return Span(start, start + len(text))


def carets(text: str, line: str) -> str:
    """What of the printed source line stands above the carets of the primary mark."""
    source = Source("t", text)
    shown = render([Diagnostic("RMM101", "error", "m", at(source, line))], source=source).splitlines()
    place = next(number for number, row in enumerate(shown) if "^" in row)
    marks = shown[place]
    return shown[place - 1][marks.index("^") : marks.rindex("^") + 1]


def test_a_frame_shows_cause_fault_and_help() -> None:
    found = Diagnostic(
        "RMM301",
        "error",
        "inner sizes differ in `A[i] @ B[i]` for i = 1",
        at(SPEC, "A[i] @ B[i]"),
        (
            Label(at(SPEC, "96"), "A[1] has 96 columns"),
            Label(at(SPEC, "48"), "B[1] has 48 rows"),
            Label(at(SPEC, "A[i] @ B[i]"), "A[1] is f32[32,96], B[1] is f32[48,48]"),
        ),
        help="make them equal",
    )
    assert render([found], source=SPEC) == (
        "error[RMM301]: inner sizes differ in `A[i] @ B[i]` for i = 1\n"
        " --> model.rmm:4:8\n"
        "  |\n"
        "1 | dim k[i] = [64, 96]\n"
        "  |                 -- A[1] has 96 columns\n"
        "2 | dim r[i] = [64, 48]\n"
        "  |                 -- B[1] has 48 rows\n"
        "4 | H[i] = A[i] @ B[i]\n"
        "  |        ^^^^^^^^^^^ A[1] is f32[32,96], B[1] is f32[48,48]\n"
        "  = help: make them equal"
    )


def test_a_label_in_a_table_names_file_row_and_column() -> None:
    table = Source("sizes.csv", "rows,cols\n3,x\n")
    found = Diagnostic(
        "RMM405", "error", "not a size", at(SPEC, "k[i]"), (Label(at(table, "x"), "text", table),)
    )
    assert "  ::: sizes.csv:2:3\n" in render([found], source=SPEC).replace(" :::", "  :::")
    assert "2 | 3,x\n  |   - text" in render([found], source=SPEC)


def test_a_fault_in_a_table_is_framed_there_and_its_label_in_the_spec() -> None:
    table = Source("sizes.csv", "rows,cols\n3,x\n")
    found = Diagnostic(
        "RMM405", "error", "m", at(table, "x"), (Label(at(SPEC, "k[i]"), "read here"),), source=table
    )
    shown = render([found], source=SPEC)
    assert " --> sizes.csv:2:3\n" in shown and " ::: model.rmm:1:5\n" in shown


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("Y = A @ B", "@"),
        ("\tY =\tA @ B", "A @"),
        ("Y = 日本 @ B", "B"),
        ("e\u0301e\u0301 = B", "B"),
        ("x" * 500 + "HERE" + "y" * 500, "HERE"),
        ("x" * 500 + "HERE", "HERE"),
        ("HERE" + "y" * 500, "HERE"),
        ("\ty" * 300 + "HERE" + "y" * 500, "HERE"),
    ],
)
def test_carets_stand_below_the_fault(text: str, part: str) -> None:
    if "日" in text:  # wide signs take two columns, so the printed row has fewer characters than columns
        shown = render(
            [Diagnostic("RMM101", "error", "m", at(Source("t", text), part))], source=Source("t", text)
        )
        assert shown.endswith("  |" + " " * len("1Y = 1111 @ ") + "^")
    elif "\u0301" in text:
        shown = render(
            [Diagnostic("RMM101", "error", "m", at(Source("t", text), part))], source=Source("t", text)
        )
        assert shown.endswith("  |" + " " * len("1ee = ") + "^")
    else:
        assert carets(text, part) == part


def test_a_long_line_is_clipped() -> None:
    source = Source("t", "x" * 5000 + "HERE" + "y" * 5000)
    shown = render([Diagnostic("RMM101", "error", "m", at(source, "HERE"))], source=source)
    assert max(map(len, shown.splitlines())) < 120


def test_control_characters_never_reach_the_terminal() -> None:
    source = Source("a\x1b[31m.rmm", "Y = \x1b[2J\x07A\x9b1m")
    found = Diagnostic("RMM102", "error", "bad \x1b[1m", Span(4, 5), help="no \x07")
    for style in ("human", "short"):
        shown = render([found], source=source, style=style)  # type: ignore[arg-type]
        assert not any((ord(sign) < 32 and sign != "\n") or 127 <= ord(sign) < 160 for sign in shown)


def test_colors_only_when_asked() -> None:
    found = [Diagnostic("RMM101", "error", "m", Span(0, 3), help="h")]
    assert "\x1b" not in render(found, source=SPEC)
    colored = render(found, source=SPEC, color=True)
    assert "\x1b[1;31merror[RMM101]" in colored


def test_the_end_of_the_text_can_be_marked() -> None:
    source = Source("t", "Y = ")
    assert render([Diagnostic("RMM110", "error", "m", Span(4, 4))], source=source).endswith(
        "1 | Y =\n  |     ^"
    )


def test_many_findings_are_counted_not_listed() -> None:
    found = [Diagnostic("RMM101", "error", f"m{k}", Span(0, 1)) for k in range(50)]
    found += [Diagnostic("RMM201", "warning", "w", Span(0, 1))]
    shown = render(found, source=SPEC)
    assert shown.count("-->") == 20
    assert "31 more that are not shown: 30 of RMM101, 1 of RMM201" in shown
    assert "`--diagnostic-format short` shows all" in shown
    assert shown.endswith("50 errors, 1 warning")


def test_nothing_found_is_nothing_said() -> None:
    assert render([], source=SPEC) == ""


def test_short_is_one_line_each() -> None:
    found = [Diagnostic("RMM101", "error", "m", at(SPEC, "H")), Diagnostic("RMM701", "error", "n")]
    assert render(found, source=None, style="short") == "error[RMM101]: m\nerror[RMM701]: n"
    assert render(found[:1], source=SPEC, style="short") == "model.rmm:4:1: error[RMM101]: m"


def test_json_has_ranges_of_the_language_server_protocol() -> None:
    source = Source("t.rmm", "A\nY = 😀 B\n")
    found = Diagnostic("RMM102", "error", "m", at(source, "B"), (), "h", (Fix(at(source, "😀"), "x"),))
    (one,) = json.loads(render([found], source=source, style="json"))
    assert one["range"] == {"start": {"line": 1, "character": 7}, "end": {"line": 1, "character": 8}}
    assert one["fixes"] == [
        {
            "range": {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 6}},
            "replacement": "x",
        }
    ]
    assert (one["code"], one["severity"], one["file"], one["help"]) == ("RMM102", "error", "t.rmm", "h")
    assert json.loads(render([], source=source, style="json")) == []


def test_github_commands_are_escaped() -> None:
    source = Source("a,b:c.rmm", "Y = A\n")
    found = Diagnostic("RMM102", "error", "100% wrong\nreally", Span(4, 5), help="h")
    assert render([found], source=source, style="github") == (
        "::error file=a%2Cb%3Ac.rmm,line=1,col=5,endColumn=6,title=RMM102::100%25 wrong%0Areally%0Ahelp: h"
    )


def test_an_error_prints_as_its_frames() -> None:
    found = Diagnostic("RMM101", "error", "m", at(SPEC, "H"))
    assert str(RmmError([found], SPEC)) == render([found], source=SPEC)
