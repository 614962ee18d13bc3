"""A likely spelling is found, and found quickly among very many names."""

from __future__ import annotations

import time

import pytest

from raggeddsl.graph.suggest import suggest


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Wieght", "Weight"),
        ("weigt", "weight"),
        ("A1", "A"),
        ("owners", "owner"),
        ("precission", "precision"),
        ("entirely", None),
        ("x" * 1000, None),
    ],
)
def test_the_likely_word_is_found(word: str, meant: str | None) -> None:
    known = {"Weight", "weight", "A", "owner", "precision"} - {word}
    assert suggest(word, known) == meant


def test_a_hundred_thousand_names_cost_nothing() -> None:
    known = {f"matrix_{k}": k for k in range(100_000)}
    start = time.perf_counter()
    assert suggest("matrix_9999x", known) == "matrix_9999"
    assert suggest("Matrix_9999", known) == "matrix_9999"
    assert suggest("something_else", known) is None
    assert time.perf_counter() - start < 0.5
