"""What is wrong is said once, at its place, with a mend; what depends on it is not complained of."""

from __future__ import annotations

from pathlib import Path

import pytest

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.options import Options
from tests.graph.by_hand import built, codes

BAD = Path(__file__).parents[1] / "cases" / "bad"


def findings(text: str, options: Options | None = None) -> list[Diagnostic]:
    return sorted(built(text, options)[1], key=lambda one: one.start)


def at(text: str, one: Diagnostic) -> str:
    assert one.span is not None
    return text[one.span.start : one.span.end]


@pytest.mark.parametrize("spec", sorted(BAD.glob("RMM[234]*.rmm")), ids=lambda path: path.stem)
def test_every_error_has_a_place_a_mend_and_a_tidy_message(spec: Path) -> None:
    for one in findings(spec.read_text(encoding="utf-8"), Options(folder=BAD)):
        assert one.span is not None
        assert one.help, one
        assert one.message[-1] not in ".!" and "\n" not in one.message
        assert "Traceback" not in one.message and "None" not in one.message


@pytest.mark.parametrize("spec", sorted(BAD.glob("RMM[234]*.rmm")), ids=lambda path: path.stem)
def test_fixes_that_are_offered_lead_to_fewer_errors(spec: Path) -> None:
    text = spec.read_text(encoding="utf-8")
    found = findings(text, Options(folder=BAD))
    for one in found:
        for fix in one.fixes:
            mended = text[: fix.span.start] + fix.replacement + text[fix.span.end :]
            again = [other.message for other in findings(mended, Options(folder=BAD))]
            assert one.message not in again or again.count(one.message) < [o.message for o in found].count(
                one.message
            )


def test_a_one_letter_name_is_mended_by_case_alone() -> None:
    text = "input A : f32[2, 2]\ninput W : f32[2, 2]\noutput B = A @ w @ U"
    assert [(one.help, [fix.replacement for fix in one.fixes]) for one in findings(text)] == [
        ("did you mean `W`?", ["W"]),
        ("declare it above: `input U : f32[m, n]`, or define it: `U = ...`", []),
    ]


@pytest.mark.parametrize(("written", "meant"), [("f23", ["f32"]), ("F64", ["f64"]), ("f8", []), ("u8", [])])
def test_a_dtype_is_never_mended_to_one_of_another_kind(written: str, meant: list[str]) -> None:
    (one,) = findings(f"input A : {written}[2, 2]\noutput Y = A @ A")
    assert one.code == "RMM307" and [fix.replacement for fix in one.fixes] == meant


SILENT = {
    "an input of an unknown size": ("input A : f32[x, 2]\nB = A @ A\noutput Y = B + A", ["RMM201"]),
    "a failed definition": ("input A : f32[2, 3]\nB = A @ A\nC = B @ A\noutput Y = C + B", ["RMM301"]),
    "a failed index": ("index i in 2 - 3\ninput A[i] : f32[2, 2]\noutput Y[i] = A[i] @ A[i]", ["RMM405"]),
    "a failed list": (
        "index i\ndim m[i] = [1, -1]\ninput A[i] : f32[m[i], 2]\noutput Y[i] = A[i]",
        ["RMM405"],
    ),
    "a failed table": (
        'index i\ndim m[i] = table("t.csv")\ninput A[i] : f32[m[i], 2]\noutput Y[i] = A[i]',
        ["RMM421"],
    ),
    "a failed map": (
        "index i in 2\nmap f[i] in i = [0, 2]\ninput A[i] : f32[2, 2]\noutput Y[i] = A[f[i]]",
        ["RMM404"],
    ),
    "a failed function": ("def f(X) = f(X)\ninput A : f32[2, 2]\noutput Y = f(A) @ f(A)", ["RMM205"]),
    "a failed dtype": ("input A : f31[2, 2]\noutput Y = A @ A", ["RMM307"]),
    "a failed default": ("option dtype = f31\ninput A : [2, 2]\noutput Y = A @ A", ["RMM307"]),
    "a failed line": ("input A : f32[2, 2]\nB = A @@ A\noutput Y = B + A", ["RMM101"]),
    "a failed declaration": ("input A f32[2, 2]\noutput Y = A @ A", ["RMM101"]),
    "the same name twice in a line": ("input A : f32[2, 2]\noutput Y = A @ B @ B + B", ["RMM201"]),
    "an index without a length": (
        "index i\ninput A[i] : f32[2, 2]\ninput B[i] : f32[2, 2]\noutput Y[i] = A[i] @ B[i]",
        ["RMM401"],
    ),
}


@pytest.mark.parametrize("cause", SILENT)
def test_what_depends_on_a_fault_is_silent(cause: str) -> None:
    text, wanted = SILENT[cause]
    assert codes(text) == wanted


def test_faults_that_do_not_depend_on_each_other_are_all_found() -> None:
    text = "input A : f32[2, 3]\nB = A @ A\nC = A * A\noutput Y = (A + 1) @ (A @ A) + s\ndim n = 1.5"
    assert codes(text) == ["RMM301", "RMM303", "RMM304", "RMM301", "RMM201", "RMM405"]


def test_a_fault_in_a_function_is_said_at_the_call_with_the_place_inside() -> None:
    text = "def f(X) = X @ X\ninput A : f32[2, 3]\noutput Y = f(A)"
    (one,) = findings(text)
    assert at(text, one) == "f(A)"
    assert text[one.labels[0].span.start : one.labels[0].span.end] == "X @ X"
    assert one.fixes == ()


def test_sizes_are_blamed_through_products_maps_and_sums() -> None:
    text = (
        "index i in 2\nindex t\nmap l[t] in i = [1, 0]\ndim m[i] = [3, 7]\ninput A[i] : f32[m[i], 5]\n"
        "H[i] = A[i] @ A[i].T\nG[t] = H[l[t]]\ninput W : f32[4, 4]\noutput Y[t] = W @ (G[t] + G[t])"
    )
    (one,) = findings(text)
    assert one.message.endswith("for t = 0 (and 1 more)")
    places = {text[label.span.start : label.span.end]: label.message for label in one.labels}
    assert places["7"] == "A[1] has 7 rows"


def test_64_bit_types_need_x64_only_where_that_is_known_to_be_off() -> None:
    for dtype in ("f64", "c128"):
        text = f"input A : {dtype}[2, 2]\noutput Y = A @ A"
        assert codes(text, Options(x64=None)) == codes(text, Options(x64=True)) == []
        (one,) = findings(text, Options(x64=False))
        assert one.code == "RMM308" and 'jax.config.update("jax_enable_x64", True)' in (one.help or "")
        assert codes(f"option dtype = {dtype}\ninput A : [2, 2]\noutput Y = A", Options(x64=False)) == [
            "RMM308"
        ]
    accum = "input A : f32[2, 2]\noutput Y = A @ A with accum=f64"
    assert codes(accum, Options(x64=False)) == ["RMM308"]


@pytest.mark.parametrize("value", [-1, 1.5, "4", True, None, 2**63])
def test_a_size_from_outside_must_be_a_size(value: object) -> None:
    text = "dim n = 4\ninput A : f32[n, n]\noutput Y = A"
    assert codes(text, Options(dims={"n": value})) == ["RMM213"]  # type: ignore[dict-item]


@pytest.mark.parametrize("name", ["m", "nn", "A", "i"])
def test_only_single_dims_are_set_from_outside(name: str) -> None:
    text = "index i in 2\ndim n = 4\ndim m[i] = [1, 2]\ninput A[i] : f32[m[i], n]\noutput Y[i] = A[i]"
    found = findings(text, Options(dims={name: 3}))
    assert [one.code for one in found] == ["RMM213"] and found[0].help


def test_a_size_from_outside_that_does_not_fit_is_blamed_as_such() -> None:
    text = "dim n = 4\ninput A : f32[n, 4]\noutput Y = A.T @ A.T"
    (one,) = findings(text, Options(dims={"n": 5}))
    assert any("set from outside" in label.message for label in one.labels)


def test_numbers_that_leave_int64_on_the_way_come_back_exact() -> None:
    text = "dim n = 9223372036854775807 * 9223372036854775807 // 9223372036854775807 - 9223372036854775805\n"
    graph, found = built(f"{text}input A : f32[n, n]\noutput Y = A")
    assert found == [] and graph.type(0).rows.tolist() == [2]
    family = "index i in 3\ndim h[i] = (i + 1) * 9223372036854775807 // 4611686018427387904 - i\n"
    graph, found = built(f"{family}input A[i] : f32[h[i], 2]\noutput Y[i] = A[i]")
    exact = [(k + 1) * (2**63 - 1) // 2**62 - k for k in range(3)]
    assert found == [] and graph.type(0).rows.tolist() == exact


def test_floor_division_rounds_down_as_in_python() -> None:
    graph, _ = built(
        "index i in 3\ndim h[i] = 5 + -(2 * i + 1) // 2\ninput A[i] : f32[h[i], 1]\noutput Y[i] = A[i]"
    )
    assert graph.type(0).rows.tolist() == [5 + -(2 * i + 1) // 2 for i in range(3)]


def test_unused_names_are_warned_of_and_not_too_many() -> None:
    lines = [f"input A{k} : f32[2, {k + 1}]" for k in range(100)]
    found = findings("\n".join([*lines, "output Y = A0"]))
    assert len(found) == 21
    assert {one.code for one in found} == {"RMM207"} and {one.severity for one in found} == {"warning"}
    assert "78 more" in found[-1].message


def test_a_failed_graph_still_has_what_is_right() -> None:
    graph, found = built("input A : f32[2, 2]\noutput Y = A @ A\noutput Z = A @ B")
    assert [one.code for one in found] == ["RMM201"]
    assert [output.names for output in graph.outputs] == [("Y",)]


EMPTY = "index i in 0\ninput A[i] : f32[2, 2]\ninput s[i] : f32[]\ninput r : f32[]\n"


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("output C[i] : f32[2, 2] = s[i]", "RMM309", "`C[i]` is declared f32[?,?], but its value is f32[]"),
        ("output C[i] : f32[] = A[i]", "RMM309", "`C[i]` is declared f32[], but its value is f32[?,?]"),
        (
            "def f(X) = r\noutput C[i] = iterate(f, A[i], 2)",
            "RMM314",
            "`f` changes the shape, so it cannot be",
        ),
    ],
)
def test_a_scalar_for_a_matrix_is_refused_where_there_are_no_members_too(line, code, message) -> None:
    found = [one for one in findings(EMPTY + line) if one.severity == "error"]
    assert [one.code for one in found] == [code] and found[0].message.startswith(message)
