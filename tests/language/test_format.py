"""The formatter changes the layout and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given

from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.diagnostics.source import Span
from raggeddsl.language.format import format
from raggeddsl.language.parse import parse
from tests.language.specs import good_specs

EXAMPLE = (Path(__file__).parents[1] / "cases" / "good" / "edition1.rmm").read_text(encoding="utf-8")


def bare(node: object) -> object:
    """A tree without places."""
    if isinstance(node, tuple):
        return tuple(bare(part) for part in node)
    if not dataclasses.is_dataclass(node):
        return node
    parts = (getattr(node, field.name) for field in dataclasses.fields(node))
    return (type(node), *(bare(part) for part in parts if not isinstance(part, Span)))


def trees(text: str) -> list[object]:
    return [bare(statement) for statement in parse(text).statements()]


@given(good_specs)
def test_trees_stay_and_a_second_time_changes_nothing(text: str) -> None:
    once = format(text)
    assert trees(once) == trees(text)
    assert format(once) == once
    assert once.count("#") >= text.count("# a comment")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Y=A@B", "Y = A @ B\n"),
        ("Y = - A . T".replace(" . ", "."), "Y = -A.T\n"),
        ("Y = A*-2", "Y = A * -2\n"),
        ("Y = A - -  B", "Y = A - -B\n"),
        ("input A[ i ]:f32[ m[i],k ]", "input A[i] : f32[m[i], k]\n"),
        ("input s:[ ]", "input s : []\n"),
        ('dim p [e]=table( "a" , p = "x" )', 'dim p[e] = table("a", p="x")\n'),
        ("Y = A with precision = highest ,accum= f32", "Y = A with precision=highest, accum=f32\n"),
        ("y=sum( -A[i] for i if o [i]==- e)", "y = sum(-A[i] for i if o[i] == -e)\n"),
        ("Y = ( A\n@ B\n )", "Y = (A\n    @ B\n)\n"),
        ("dim m[i]=[1,# one\n# inner\n2]", "dim m[i] = [1,  # one\n    # inner\n    2]\n"),
        ("\n\n# head\n\n\n\nY = A\n\n\n", "# head\n\nY = A\n"),
        (
            "A = B # one\nLong = C # two\n\nD = E # three",
            "A = B     # one\nLong = C  # two\n\nD = E  # three\n",
        ),
        ("\ufeffY = A\r\n", "Y = A\n"),
        ("", ""),
        ("# only", "# only\n"),
    ],
)
def test_the_layout(before: str, after: str) -> None:
    assert format(before) == after


def test_the_example_keeps_its_trees_and_comments() -> None:
    once = format(EXAMPLE)
    assert trees(once) == trees(EXAMPLE)
    assert [line.partition("#")[2] for line in once.splitlines()] == [
        line.partition("#")[2] for line in EXAMPLE.splitlines()
    ]


def test_a_text_with_errors_is_refused() -> None:
    with pytest.raises(RmmError, match="RMM101"):
        format("Y = A B")
