"""What each pass of the pipeline does, seen: a small spec in, its graph before and after the pass as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from raggeddsl.graph.draw import to_text
from raggeddsl.graph.passes import PIPELINE
from tests.graph.by_hand import graph_of

GOLDEN = Path(__file__).parent / "golden"
NAMES = list(dict.fromkeys(one.name for one in PIPELINE))


@pytest.mark.parametrize("name", NAMES)
def test_a_pass_does_to_a_small_spec_what_its_text_shows(name, golden):
    """The text ends each half with what `raggeddsl graph` would print; the pass's first turn is shown."""
    spec = (GOLDEN / f"{name}.rmm").read_text(encoding="utf-8")
    see = spec.splitlines()[0]
    assert see.startswith("# ") and see.endswith("."), "the first line says what there is to see"
    before, after = around(name, spec)
    assert before != after
    golden(GOLDEN / f"{name}.txt", f"{see}\n\n# before {name}\n{before}\n# after {name}\n{after}")


def around(name: str, spec: str) -> tuple[str, str]:
    """The graph of `spec`, taken through all passes before that of this name, and what that makes of it."""
    graph = graph_of(spec)
    for one in PIPELINE:
        if one.name == name:
            return to_text(graph), to_text(one.apply(graph))
        graph = one.apply(graph)
    raise AssertionError(f"there is no pass {name}")


def test_every_pass_and_nothing_else_has_a_text():
    there = {(file.stem, file.suffix) for file in GOLDEN.iterdir()}
    assert there == {(name, suffix) for name in NAMES for suffix in (".rmm", ".txt")}
