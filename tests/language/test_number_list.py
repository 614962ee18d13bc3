"""A long list is read in few steps, and exactly as the grammar would read it."""

from __future__ import annotations

import pytest

from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.language import ast
from raggeddsl.language.number_list import cut_list
from raggeddsl.language.parse import parse
from tests.steps import steps

NUMBERS = [k % 97 for k in range(1000)]
LISTED = ", ".join(map(str, NUMBERS))
WRAPPED = ",\n    ".join(map(str, NUMBERS))


def by_grammar(text: str) -> ast.Program:
    """The same with a comment behind the last number, which is left to the grammar."""
    head, _, tail = text.rpartition("]")
    return parse(f"{head}# end\n]{tail}", like_lines=False)


@pytest.mark.parametrize(
    "head", ["dim m[i] = ", "dim m[i], k[i] = ", "map f[t] in i = ", "map f[t] in i, g[t] in j  =  "]
)
@pytest.mark.parametrize("form", ["[{}]", "[ {},]", "[\n    {},\n]"])
def test_a_long_list_is_what_the_grammar_says(head: str, form: str) -> None:
    text = f"index i in 9\n{head}{form.format(WRAPPED if chr(10) in form else LISTED)}  \n"
    quick = parse(text)
    (statement,) = (one for one in quick.statements() if not isinstance(one, ast.IndexDecl))
    assert isinstance(statement, ast.DimDecl | ast.MapDecl)
    assert isinstance(statement.value, ast.ListLiteral)
    assert [(n.value, text[n.span.start : n.span.end]) for n in statement.value.items] == [
        (number, str(number)) for number in NUMBERS
    ]
    slow = next(one for one in by_grammar(text).statements() if not isinstance(one, ast.IndexDecl))
    assert isinstance(slow, ast.DimDecl | ast.MapDecl) and isinstance(slow.value, ast.ListLiteral)
    assert statement.names == slow.names
    assert statement.value.items == slow.value.items
    assert statement.value.span.start == slow.value.span.start
    assert text[statement.span.start : statement.span.end] == text.split("\n", 1)[1].strip()


@pytest.mark.parametrize("fault", ["x", "1.5", "-1", "", "1 2", "9" * 19, "1 # one\n"])
def test_any_other_list_is_left_to_the_grammar(fault: str) -> None:
    text = f"dim m[i] = [{LISTED}, {fault}, 3]"
    assert cut_list(Source("", text), Span(0, len(text))) is None


@pytest.mark.parametrize("head", ["output Y = ", "dim = ", "map f[t] = ", "m[i] = "])
def test_a_long_list_in_the_wrong_place_gets_the_error_of_a_short_one(head: str) -> None:
    from raggeddsl.api import check

    def codes(numbers: str) -> list[tuple[str, str]]:
        return [(one.code, one.message) for one in check(f"{head}[{numbers}]\noutput Z = A\n")]

    assert codes(LISTED) == codes("1, 2")


def test_a_size_of_a_long_list_is_read_in_a_few_steps() -> None:
    def reading(count: int) -> int:
        text = f"dim m[i] = [{', '.join(['12345'] * count)}]"
        return steps(lambda: parse(text))

    assert reading(100_000) - reading(10_000) <= 90_000 * 10
