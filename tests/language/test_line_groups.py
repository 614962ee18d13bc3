"""Merging like lines says the same in fewer steps: same trees, same places, same errors."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source
from raggeddsl.language import ast
from raggeddsl.language.fast_lexer import FIRST_WORD, FLOAT, INT, NAME, TRANSPOSE, kept_words, tokenise
from raggeddsl.language.line_groups import _same_form
from raggeddsl.language.lines import logical_lines
from raggeddsl.language.parse import parse
from raggeddsl.language.parser import lex
from tests.language.specs import good_specs, simple_soup, specs
from tests.steps import steps


def both_ways(text: str) -> list[tuple[list[ast.Statement], list[object]]]:
    results = []
    for like_lines in (True, False):
        found = Diagnostics()
        program = parse(text, diagnostics=found, like_lines=like_lines)
        results.append((list(program.statements()), found.found))
    return results


@given(specs)
@example("Y = A @\n    A.T\nZ = B @\n  B.T B\n  C D\n")
@example("dim n = 99999999999999999999\ndim m = 99999999999999999999\n")
@example("Y = 1234567890123456789 * A\nZ = 8234567890123456789 * A\n")
@example("Y = 3 * A\nZ = 99999999999999999999 * A\nX = 4 * A\n")
@example("A = B C\n" * 120)
def test_like_lines_give_the_trees_and_errors_of_the_grammar(text: str) -> None:
    merged, single = both_ways(text)
    assert merged == single


RENAMED = {"A": "Quite_another", "B": "Z", "C1": "A", "Weights_2": "w", "k": "kk", "20": "7", "0.5": "12.75"}


@given(good_specs)
def test_lines_repeated_with_other_names_give_the_trees_of_the_grammar(text: str) -> None:
    again = re.sub(r"\b(?:A|B|C1|Weights_2|k|20|0\.5)\b", lambda word: RENAMED[word[0]], text)
    merged, single = both_ways(text + "\n" + again)
    assert merged == single
    assert len(single[0]) >= 2


@pytest.mark.parametrize(
    "form",
    [
        "input {} : f32[{}, 3]",
        "input {}[i], {} : half[{}[i]]",
        "{}={}@{}.T-0.5*({}+-{})",
        "output {}[i] : [{}, 4] = {}[l[{}]] with precision=highest, accum=f32",
        "output {} = {} with {}={}",
        "{} = sum({}[t] for {} if {}[t] == {})",
        "{} = sum({}[t] for {})",
        "{} = iterate({}, {}, 5) + f({}, {})",
        "def {}({}, {}) = {}",
        "index {}, {} in {}",
        "dim {}[{}] = [{}, {}, 1,]",
        "dim {} = range({}, {})",
        "map {}[{}] in {}, {}[t] in e = {}",
        "option {} = {}",
    ],
)
def test_every_kind_of_line_is_rebuilt_with_its_own_words(form: str) -> None:
    count = form.count("{}")
    text = "\n".join(
        form.format(*(f"N{line}{'x' * line}_{slot}" for slot in range(count))) for line in range(3)
    )
    merged, single = both_ways(text)
    assert merged == single and len(single[0]) == 3 and not single[1]


def test_numbers_kept_as_text_stay_as_they_were_written() -> None:
    merged, single = both_ways(
        "option a = 007\noption a = 8\nY = A with k=07\nY = A with k=7\nrmm 1\nrmm 2\n"
    )
    assert merged == single


def test_an_equal_hash_alone_does_not_make_lines_alike() -> None:
    text = "Y = A @ B\nY = A * B\nZ = C @ D\n"
    found = tokenise(text, logical_lines(Source("t", text)))
    (rows,) = _same_form(found, np.arange(3), np.diff(found.first))
    assert rows.tolist() == [0, 2]


LEXER_KINDS = {"NAME": NAME, "INT": INT, "FLOAT": FLOAT, "TRANSPOSE": TRANSPOSE}


@given(st.one_of(specs, st.lists(simple_soup, min_size=1, max_size=8).map("\n".join)))
@example("Y = 2.T\nY = A2.T\nY = 2.5.T\nY = A.TT\nY = A.T.T\nY = A..T\nY = .T\nY = .5.5\nY = 1..2\nY = .\n")
@example("Y = 1e3\nY = 1e\nY = 1e-3\nY == A\nY = = A\nY = A//2\nY = precision_\nY = transposed\nY = sums\n")
@settings(max_examples=300)
def test_the_fast_tokens_are_the_tokens_of_the_grammar(text: str) -> None:
    source = Source("t", text)
    lines = logical_lines(source)
    if not lines.starts:
        return
    fast = tokenise(text, lines)
    words = {kind: word for word, kind in kept_words().items()}
    for row, number in enumerate(fast.lines):
        part = slice(fast.first[row], fast.first[row + 1])
        slow = list(lex(text, lines.starts[number], lines.ends[number]))
        assert fast.starts[part].tolist() == [token.start_pos for token in slow]
        assert fast.ends[part].tolist() == [token.end_pos for token in slow]
        for kind, token in zip(fast.kinds[part].tolist(), slow, strict=True):
            if kind >= FIRST_WORD:
                assert words[kind] == token and token.type in {"NAME", "RESERVED", token.upper()}
            elif token.type in LEXER_KINDS:
                assert kind == LEXER_KINDS[token.type]
                assert token not in kept_words()
            else:
                assert chr(kind) == token


def test_simple_lines_do_take_the_fast_way() -> None:
    text = "input A1 : f32[3, 4]  # note\noutput Y = 0.5*A1 @ A1.T\n"
    assert tokenise(text, logical_lines(Source("t", text))).lines.tolist() == [0, 1]


def test_columns_say_what_each_line_has() -> None:
    text = "input A : f32[3, 4]\nY = 0.5 * A\ninput Bcd:f32[5,60]\nZ = 2.25 * Bcd\n"
    inputs, products = parse(text).items
    assert isinstance(inputs, ast.LineGroup) and isinstance(products, ast.LineGroup)
    assert inputs.columns[0] == ["A", "Bcd"]
    assert [column.tolist() for column in inputs.columns[1:]] == [[3, 5], [4, 60]]
    assert inputs.columns[1].dtype == np.int64
    assert inputs.slots == (1, 5, 7)
    assert products.columns[1].tolist() == [0.5, 2.25]
    assert products.columns[1].dtype == np.float64
    assert text[inputs.token_starts[1, 1] : inputs.token_ends[1, 1]] == "Bcd"


@pytest.mark.parametrize(
    "lines",
    [
        "input A : f32[3, 4]\ninput B : f64[3, 4]\n",  # dtypes differ
        "input A : half[3, 4]\ninput B : float[3, 4]\n",  # words that name no dtype
        "input A[i] : f32[3, 4]\ninput B[i] : f32[3, 4]\n",  # families
        "Y = A[0] @ B\nZ = A[1] @ B\n",
        "Y = f(A)\nZ = f(B)\n",
        "Y = sum(A for i)\nZ = sum(B for i)\n",
        "Y = A with k=3\nZ = A with k=4\n",
        "dim n = 3\ndim m = 4\n",
    ],
)
def test_only_lines_of_single_matrices_and_one_type_are_merged(lines: str) -> None:
    program = parse(lines)
    assert not any(isinstance(item, ast.LineGroup) for item in program.items)
    assert list(program.statements()) == list(parse(lines, like_lines=False).statements())


def test_statements_come_in_source_order() -> None:
    text = "input A : f32[3, 3]\nY = A @ A\ninput B : f32[4, 4]\nZ = B @ B\n"
    starts = [statement.span.start for statement in parse(text).statements()]
    assert starts == sorted(starts) and len(starts) == 4


def squares(count: int) -> str:
    inputs = [f"input A{k} : f32[{k % 97 + 1}, {k % 89 + 1}]" for k in range(count)]
    products = [f"output C{k} = A{k} @ A{k}.T" for k in range(count)]
    return "\n".join(inputs + products)


def test_two_hundred_thousand_lines_are_two_items() -> None:
    assert [len(item) for item in parse(squares(100_000)).items] == [100_000, 100_000]  # type: ignore[arg-type]


def test_a_line_of_a_form_that_was_seen_is_read_in_a_few_steps() -> None:
    def reading(count: int) -> int:
        text = squares(count)
        return steps(lambda: parse(text))

    assert reading(2000) - reading(1000) <= 2 * 1000 * 40
