"""A likely spelling is found, in as few steps among very many names as among many."""

from __future__ import annotations

import pytest

from raggeddsl.diagnostics.suggest import suggest
from tests.steps import steps


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Wieght", "Weight"),
        ("weigt", "weight"),
        ("A1", "A"),
        ("owners", "owner"),
        ("precission", "precision"),
        ("WEIGHT", "weight"),
        ("oWNER", "owner"),
        ("a", "A"),
        ("B", None),
        ("entirely", None),
        ("x" * 1000, None),
    ],
)
def test_the_likely_word_is_found(word: str, meant: str | None) -> None:
    known = {"Weight", "weight", "A", "owner", "precision"} - {word}
    assert suggest(word, known) == meant


def test_a_hundred_thousand_names_cost_nothing() -> None:
    few, many = ({f"matrix_{k}": k for k in range(count)} for count in (10_000, 100_000))
    assert suggest("matrix_9999x", many) == "matrix_9999"
    assert suggest("Matrix_9999", many) == "matrix_9999"
    assert suggest("something_else", many) is None
    for word in ("matrix_9999x", "Matrix_9999", "something_else"):
        assert steps(lambda word=word: suggest(word, many)) == steps(lambda word=word: suggest(word, few))
