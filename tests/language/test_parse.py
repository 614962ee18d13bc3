"""Text becomes the right tree, and every error of a text is found in one run, at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics, RmmError
from raggeddsl.diagnostics.render import render
from raggeddsl.language import ast
from raggeddsl.language.parse import parse
from tests.language.specs import specs
from tests.processes import printed
from tests.steps import steps

EXAMPLE = (Path(__file__).parents[1] / "cases" / "good" / "edition1.rmm").read_text(encoding="utf-8")


def one(text: str) -> ast.Statement:
    (statement,) = parse(text).statements()
    return statement


def errors(text: str) -> list[Diagnostic]:
    found = Diagnostics()
    parse(text, diagnostics=found)
    return sorted(found.found, key=lambda error: error.start)


def shape(node: object) -> str:
    """The tree of an expression with every group made visible."""
    match node:
        case ast.Binary(op, left, right):
            return f"({shape(left)}{op}{shape(right)})"
        case ast.Negate(inner):
            return f"(-{shape(inner)})"
        case ast.Transpose(inner):
            return f"{shape(inner)}.T"
        case ast.Group(inner):
            return f"<{shape(inner)}>"
        case ast.Ref(name, index):
            return name if index is None else f"{name}[{shape(index)}]"
        case ast.Number(value):
            return repr(value)
        case _:
            raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A @ B @ C", "((A@B)@C)"),
        ("A + B @ C - D", "((A+(B@C))-D)"),
        ("2 * A @ B", "((2*A)@B)"),
        ("-A.T @ B", "((-A.T)@B)"),
        ("--A", "(-(-A))"),
        ("A - -B", "(A-(-B))"),
        ("(A @ B).T.T", "<(A@B)>.T.T"),
        ("A @ (B @ C)", "(A@<(B@C)>)"),
        ("n // 2 * 3", "((n//2)*3)"),
        ("X[l[t]] @ Z[0]", "(X[l[t]]@Z[0])"),
        ("2.*A + .5*B - 1e-3*C", "(((2.0*A)+(0.5*B))-(0.001*C))"),
        ("A.T.T", "A.T.T"),
    ],
)
def test_operators_bind_as_in_numpy(text: str, expected: str) -> None:
    statement = one(f"Y = {text}")
    assert isinstance(statement, ast.Definition)
    assert shape(statement.value) == expected


def test_every_statement_of_the_edition_has_its_tree() -> None:
    statements = list(parse(EXAMPLE).statements())
    kinds = [type(statement).__name__ for statement in statements]
    assert kinds == (
        ["Edition", "Option"] + ["IndexDecl"] * 3 + ["DimDecl"] * 4 + ["MapDecl"] * 2 + ["InputDecl"] * 6
        + ["Definition"] * 4 + ["FunctionDef"] + ["Definition"] * 2
    )  # fmt: skip
    for statement in statements:
        line = EXAMPLE[statement.span.start : statement.span.end]
        assert "#" not in line and line == line.strip() and line


def test_the_parts_of_statements_are_placed() -> None:
    text = 'map l[t] in i, r[t] in e = table("p.csv", l="left")'
    statement = one(text)
    assert isinstance(statement, ast.MapDecl)
    assert [(n.name, n.index, text[n.span.start : n.span.end]) for n in statement.names] == [
        ("l", "t", "l"),
        ("r", "t", "r"),
    ]
    assert [target.name for target in statement.targets] == ["i", "e"]
    call = statement.value
    assert isinstance(call, ast.Call)
    assert call.function == "table" and call.arguments[0] == ast.Text("p.csv", call.arguments[0].span)
    assert [(key, value.value) for key, value in call.keywords] == [("l", "left")]  # type: ignore[union-attr]
    assert text[call.span.start : call.span.end] == 'table("p.csv", l="left")'


def test_a_definition_has_type_attributes_and_sum() -> None:
    text = "output C[e] : [p[e], 3] = sum(X[t] for t if o[t] == e) with precision=highest, k=2"
    statement = one(text)
    assert isinstance(statement, ast.Definition) and statement.output
    assert statement.type is not None and statement.type.dtype is None and len(statement.type.shape) == 2
    assert isinstance(statement.value, ast.Sum) and statement.value.condition is not None
    assert [(a.key, a.value) for a in statement.attributes] == [("precision", "highest"), ("k", "2")]
    assert statement.span.end == len(text)


def test_strings_know_two_escapes() -> None:
    statement = one(r'dim p[e] = table("a\"b\\c")')
    assert isinstance(statement, ast.DimDecl) and isinstance(statement.value, ast.Call)
    assert statement.value.arguments[0].value == 'a"b\\c'  # type: ignore[union-attr]


def test_brackets_free_newlines_and_comments() -> None:
    text = "dim m[i] = [1, # one\n  2,\n\n  3, # ) three\n]\nY = (A\n  @ B)\n"
    first, second = parse(text).statements()
    assert isinstance(first, ast.DimDecl) and isinstance(first.value, ast.ListLiteral)
    assert len(first.value.items) == 3
    assert text[second.span.start : second.span.end] == "Y = (A\n  @ B)"


@pytest.mark.parametrize("change", [lambda t: t.replace("\n", "\r\n"), lambda t: t.replace("\n", "\r")])
def test_line_ends_of_every_system_are_fine(change) -> None:
    assert len(list(parse(change(EXAMPLE)).statements())) == len(list(parse(EXAMPLE).statements()))


def test_a_byte_order_mark_and_tabs_are_skipped() -> None:
    (error,) = errors("\ufeff\tinput\tA\t: f32[3\t4]\n")
    assert (error.code, error.start) == ("RMM101", len("\tinput\tA\t: f32[3\t"))


def test_all_errors_of_a_text_are_reported_at_once() -> None:
    text = "input A : f32[3 4]\ninput B : f32[3, 4]\nY = B'\nZ = B @\nV = B]\nW = (B\nU = B\n"
    found = errors(text)
    assert [error.code for error in found] == ["RMM101", "RMM113", "RMM110", "RMM105", "RMM104"]
    assert [text[e.span.start : e.span.end] for e in found if e.span] == ["4", "'", "", "]", "("]
    with pytest.raises(RmmError) as raised:
        parse(text)
    assert list(raised.value.diagnostics) == found


def test_statements_that_parse_come_back_beside_errors() -> None:
    program = parse("input A : f32[3 4]\nY = B\n", diagnostics=Diagnostics())
    assert [type(statement) for statement in program.statements()] == [ast.Definition]


@pytest.mark.parametrize(
    "text", ["(" * 10_000 + "A" + ")" * 10_000, "(" * 10_000, "-" * 10_000 + "A", "A" + ".T" * 10_000]
)
def test_deep_nesting_is_one_error_and_no_recursion(text: str) -> None:
    (error,) = errors(f"Y = {text}")
    assert error.code == "RMM108"


def test_ten_thousand_terms_are_one_error() -> None:
    (error,) = errors("Y = " + " + ".join(["A @ B"] * 10_000))
    assert error.code == "RMM108"


def test_nesting_within_the_bounds_is_fine() -> None:
    assert errors("Y = " + "f(" * 99 + "A" + ")" * 99) == []


def test_steps_grow_with_unclosed_brackets_and_no_faster() -> None:
    assert {error.code for error in errors("a = (\n" * 20_000)} == {"RMM104", "RMM112"}
    assert steps(lambda: errors("a = (\n" * 800)) < 2.5 * steps(lambda: errors("a = (\n" * 400))


def test_an_unclosed_bracket_does_not_hide_later_errors() -> None:
    found = errors("dim m[i] = [1,\n 2\ninput A : f32[3 4]\n  dim n = [1\n")
    assert [error.code for error in found] == ["RMM104", "RMM101", "RMM104"]


def test_a_line_inside_an_open_bracket_names_the_bracket() -> None:
    (error,) = errors("Y = (A @ B\nZ) = C\n")[:1]
    assert error.labels and error.labels[0].span.start == 4


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Y = A'", "Y = A.T"),
        ("Y = A^T @ B", "Y = A.T @ B"),
        ("Y = A @ B;", "Y = A @ B"),
        ("Y = A; Z = B", "Y = A\nZ = B"),
        ("// note", "# note"),
        ("% note", "# note"),
        ("Y = A // some note", "Y = A # some note"),
        ("Y = np.dot(A, B + C) + D", "Y = (A @ (B + C)) + D"),
        ("Y = jnp.matmul(A[i], f(B, C))", "Y = (A[i] @ f(B, C))"),
        ("Y = A.dot(B)", "Y = A @ B"),
        ("Y = A.transpose() @ B", "Y = A.T @ B"),
        ("Y = transpose(A + B)", "Y = (A + B).T"),
        ("Y = np.transpose(A)", "Y = A.T"),
        ("Y == A", "Y = A"),
        ("Y := A", "Y = A"),
        ("Y = sum(A[t] for t if o[t] = e)", "Y = sum(A[t] for t if o[t] == e)"),
        ("output Y A", "output Y = A"),
        ("dim n : 48", "dim n = 48"),
        ("input A = f32[3]", "input A : f32[3]"),
        ("index i = 4", "index i in 4"),
        ("index i 4", "index i in 4"),
        ("inptu A : f32[3]", "input A : f32[3]"),
        ("let Y = A", "Y = A"),
        ("Y = 2A", "Y = 2 * A"),
        ("dim n = 1_000", "dim n = 1000"),
        ("Y = A × B", "Y = A @ B"),  # noqa: RUF001
        ("Y = 2 × B", "Y = 2 * B"),  # noqa: RUF001
        ("Y = A − B", "Y = A - B"),  # noqa: RUF001
        ("Y = A\u00a0@ B", "Y = A @ B"),
        ("Y\u200b = A", "Y = A"),
        ("Y = Aᵀ", "Y = A.T"),
        ("dim p[e] = table('a.csv')", 'dim p[e] = table("a.csv")'),
    ],
)
def test_a_fix_mends_the_line(wrong: str, right: str) -> None:
    (error,) = errors(wrong)
    mended = wrong
    for fix in reversed(error.fixes):
        mended = mended[: fix.span.start] + fix.replacement + mended[fix.span.end :]
    assert mended == right
    if not right.startswith("#"):
        assert errors(mended) == []


@given(st.one_of(specs, st.text(), st.text(alphabet='A[]()=@#"\n\r\t .T1\x00\ufeff\u2028')))
def test_no_text_breaks_the_parser(text: str) -> None:
    found = Diagnostics()
    program = parse(text, diagnostics=found)
    for error in found.found:
        assert error.span is not None and 0 <= error.span.start <= error.span.end <= len(program.source.text)
        assert error.help
    for style in ("human", "short", "json", "github"):
        assert bool(render(found.found, source=None, style=style)) == (bool(found.found) or style == "json")


def test_parsing_loads_neither_jax_nor_networkx(tmp_path: Path) -> None:
    code = (
        "import sys; from raggeddsl.language.parse import parse; parse('Y = A'); print(sorted(sys.modules))"
    )
    out = printed(code, tmp_path)
    assert "'jax'" not in out and "'networkx'" not in out
