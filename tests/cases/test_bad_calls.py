"""Faults that no text has by itself, but by how it is compiled: each gets its transcript, word for word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import raggeddsl as rd
from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.render import render
from raggeddsl.elaborate import elaborate
from raggeddsl.language.parse import parse
from raggeddsl.options import Options

TRANSCRIPTS = Path(__file__).parent / "bad_calls"
FAMILY = "index i in 1000\ninput A[i] : f32[1000, 1000]\noutput Y[i] = A[i] @ A[i].T\n"


def raised(call: Callable[[], object]) -> list[Diagnostic]:
    with pytest.raises(rd.RmmError) as caught:
        call()
    return list(caught.value.diagnostics)


def another_builder() -> object:
    first, second = rd.Builder(), rd.Builder()
    A = second.input("A", shape=(4, 4))
    return second.output("Y", A @ first.input("W", shape=(4, 4)))


def without_x64(text: str) -> list[Diagnostic]:
    found = Diagnostics()
    elaborate(parse(text), Options(x64=False), found)
    return found.found


def of_another_program() -> object:
    text = "index i in 2\ndim m[i] = [2, 3]\ninput A[i] : f32[m[i], 4]\ninput W : f32[4, 4]\n"
    program = rd.compile(f"{text}output Y[i] = A[i] @ W\noutput Z = W @ W\n", ahead=False)
    inputs = program.random_inputs(0)
    return program(inputs, donate={"Y": inputs["A"][:1], "Z": inputs["A"], "y": inputs["W"]})


def many_lines() -> list[Diagnostic]:
    lines = "".join(f"output Y{k} = A @ A\n" for k in range(1003))
    found = rd.check(f"input A : f32[4, 5]\n{lines}")
    return [one for one in found if one.code != "RMM301"]


CALLS: dict[str, Callable[[], list[Diagnostic]]] = {
    "RMM212": lambda: raised(another_builder),
    "RMM213": lambda: rd.check("dim n = 4\ninput A : f32[n, n]\noutput Y = A", dims={"nn": 8, "n": -1}),
    "RMM214": many_lines,
    "RMM308": lambda: without_x64("input A : f64[4, 4]\noutput Y = A @ A"),
    "RMM714": lambda: raised(of_another_program),
    "RMM501": lambda: raised(lambda: rd.compile(FAMILY, memory_limit=2**30, kernel="xla", ahead=False)),
}


@pytest.mark.parametrize("code", CALLS)
def test_a_call_gets_its_code_and_transcript(code: str, golden) -> None:
    found = CALLS[code]()
    assert {one.code for one in found} == {code}
    golden(TRANSCRIPTS / f"{code}.expected", render(found, source=None) + "\n")


def test_no_transcript_is_left_over() -> None:
    assert {path.stem for path in TRANSCRIPTS.glob("*.expected")} == set(CALLS)
