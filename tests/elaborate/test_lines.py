"""Like lines become the members of families: in few steps, exact in errors, equal to the plain way."""

from __future__ import annotations

import random

import numpy as np
import pytest

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.elaborate import elaborate
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Input
from raggeddsl.language import ast
from raggeddsl.language.parse import parse
from raggeddsl.options import Options
from tests.graph.by_hand import built, codes, graph_of, random_inputs
from tests.steps import steps


def check(text: str, like_lines: bool) -> list[tuple]:
    found = Diagnostics()
    program = parse(text, diagnostics=found, like_lines=like_lines)
    elaborate(program, Options(), found)
    return [key(one) for one in sorted(found.found, key=lambda one: (one.start, one.code))]


def key(one: Diagnostic) -> tuple:
    labels = tuple((label.span, label.message) for label in one.labels)
    return one.code, one.message, one.span, labels, one.help, one.fixes


def pairs(count: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    lines = []
    for k in range(count):
        m, n, q = (draw.randint(1, 6) for _ in range(3))
        lines += [f"input A{k} : f32[{m}, {n}]", f"input B{k} : f32[{n}, {q}]", f"output C{k} = A{k} @ B{k}"]
    return lines


def test_lines_of_one_form_are_one_node() -> None:
    text = "\n".join([*pairs(50), *(f"output D{k} = C{k}.T @ A{k}" for k in range(50))])
    graph = graph_of(text)
    assert [type(graph.op(k)).__name__ for k in graph] == ["Input", "Chain", "Transpose", "Chain"]
    assert isinstance(graph.op(0), Input) and len(graph.op(0).names) == 100
    assert [len(output.names) for output in graph.outputs] == [50, 50]


def test_lines_that_read_each_other_fall_into_levels() -> None:
    lines = ["input W : f32[2, 2]", "input V : f32[2, 2]", "X0 = W @ V", "Y0 = V @ W"]
    for k in range(1, 6):
        lines += [f"X{k} = X{k - 1} @ W", f"Y{k} = Y{k - 1} @ V"]
    graph = graph_of("\n".join([*lines, "output Z = X5 + Y5"]))
    values = random_inputs(graph)
    w, v = values["W"], values["V"]
    wanted = w @ v @ np.linalg.matrix_power(w, 5) + v @ w @ np.linalg.matrix_power(v, 5)
    np.testing.assert_allclose(interpret(graph, values)["Z"], wanted)
    assert len(graph) <= 1 + 2 * 6 + 2


FAULTY = {
    "inner sizes": "output D{k} = A{k} @ A{k}",
    "a sum": "output D{k} = A{k} + B{k}",
    "an unknown name": "output D{k} = A{k} @ X{k}",
    "its own name": "output D{k} = D{k} @ A{k}",
    "a later name": "output D{k} = A{k} @ E{k}",
    "a star": "output D{k} = A{k} * B{k}",
    "a number": "output D{k} = A{k} + {k}",
    "a wrong type": "output D{k} : f32[3, {k}] = A{k}",
    "a wrong dtype": "output D{k} : bf16[3, 3] = A{k}",
    "an attribute": "output D{k} = A{k} @ B{k} with precision=exact",
    "a narrow accumulator": "output D{k} = A{k} @ B{k} with accum=bf16",
    "a function's name": "output D{k} = f @ A{k}",
    "an index": "output D{k} = i @ A{k}",
    "sizes": "input D{k} : f32[{k} - 3, 2]",
    "an unknown dtype": "input D{k} : f31[2, {k}]",
    "no dtype": "input D{k} : [2, {k}]",
    "ranks": "input D{k} : f32[{k}]",
    "a fraction": "input D{k} : f32[{k}.5, 2]",
    "huge sizes": "input D{k} : f32[9000000000000000000, {k} + 9]",
    "a dim": "input D{k} : f32[m, {k}]",
    "an unknown dim": "input D{k} : f32[z{k}, {k}]",
    "a family's name": "output D{k} = F @ A{k}",
    "twice": "input A{k} : f32[2, 2]",
    "a large number": "output D{k} = 9000000000000000000 * {k} * A{k}",
    "division": "input D{k} : f32[4 // ({k} - 2), 2]",
}
HEAD = "index i in 2\ndim m[i] = [1, 2]\ninput F[i] : f32[2, 2]\ndef f(X) = X @ X\n"


@pytest.mark.parametrize("fault", FAULTY)
@pytest.mark.parametrize("order", ["apart", "mixed"])
def test_errors_in_like_lines_are_those_of_the_lines_one_by_one(fault: str, order: str) -> None:
    lines = [FAULTY[fault].replace("{k}", str(k)) for k in range(8)]
    text = "\n".join([*pairs(8), *lines] if order == "apart" else _mixed(pairs(8), lines))
    text = f"{HEAD}{text}\noutput G = sum(F[i] for i)\nE3 = G\nE4 = G\ninput last : f32[3, 3]"
    assert check(text, like_lines=True) == check(text, like_lines=False) != []


def _mixed(first: list[str], second: list[str]) -> list[str]:
    draw = random.Random(1)
    return [*first[:12], *draw.sample([*first[12:], *second], len(first) - 12 + len(second))]


def test_some_faulty_lines_do_not_stop_the_others() -> None:
    lines = pairs(20)
    text = "\n".join([*lines, *(f"output D{k} = A{k} @ {'A' if k % 5 == 0 else 'B'}{k}" for k in range(20))])
    graph, found = built(text)
    bad = [k for k in (0, 5, 10, 15) if _size(lines, k)[0] != _size(lines, k)[1]]
    assert [one.code for one in found if one.severity == "error"] == ["RMM301"] * len(bad)
    assert {f"D{k}" for k in range(20)} - {f"D{k}" for k in bad} == {
        name for output in graph.outputs for name in output.names if name.startswith("D")
    }


def _size(lines: list[str], k: int) -> tuple[int, int]:
    rows, cols = lines[3 * k].split("[")[1].rstrip("]").split(",")
    return int(rows), int(cols)


def test_dims_numbers_and_types_may_differ_from_line_to_line() -> None:
    text = (
        "dim p = 3\ndim q = 4\n"
        "input A : f32[p, 2 * q]\ninput B : f32[q, 4 * p]\n"
        "input C : f32[p + 0, 1 * p]\ninput D : f32[q - 1, 2 * q]\n"
        "output X : f32[p, q + q] = 2 * A\noutput Y : f32[q, p * 4] = 3 * B\n"
        "output Z : f32[p, q * 2] = 2 * D\n"
    )
    graph = graph_of(text)
    values = random_inputs(graph)
    results = interpret(graph, values)
    for name, factor, source in (("X", 2, "A"), ("Y", 3, "B"), ("Z", 2, "D")):
        np.testing.assert_array_equal(results[name], factor * values[source])


def test_lines_are_warned_of_when_unused() -> None:
    assert codes("\n".join([*pairs(5), "input U : f32[2, 2]", "U2 = U @ U"])) == ["RMM207"]


def test_a_thousand_faulty_lines_are_shown_and_the_others_counted() -> None:
    text = "\n".join(
        [
            *(f"input A{k} : f32[2, 3]" for k in range(1500)),
            *(f"output Y{k} = A{k} @ A{k}" for k in range(1500)),
        ]
    )
    found = built(text)[1]
    assert [one.code for one in found].count("RMM301") == 1000
    (rest,) = [one for one in found if one.code == "RMM214"]
    assert rest.message.startswith("500 more")


@pytest.mark.parametrize("interleaved", [False, True])
def test_a_hundred_thousand_lines_are_two_nodes(interleaved: bool) -> None:
    lines = pairs(50_000)
    text = "\n".join(lines if interleaved else sorted(lines, key=lambda line: line[0], reverse=False))
    found = Diagnostics()
    program = parse(text, diagnostics=found)
    assert all(isinstance(item, ast.LineGroup) for item in program.items)
    graph = elaborate(program, Options(), found)
    assert found.found == [] and len(graph) == 2 and len(graph.outputs[0].names) == 50_000


def test_a_line_of_a_form_that_was_seen_is_merged_in_a_few_steps() -> None:
    def merging(count: int) -> int:
        program = parse("\n".join(pairs(count)))
        return steps(lambda: elaborate(program, Options(), Diagnostics()))

    assert merging(2000) - merging(1000) <= 3 * 1000 * 10


def test_a_long_chain_of_lines_is_not_quadratic() -> None:
    def chain(length: int) -> str:
        links = (f"X{k + 1} = X{k} @ W" for k in range(length))
        return "\n".join(["input W : f32[2, 2]", "X0 = W @ W", *links, f"output Y = X{length}"])

    assert len(graph_of(chain(1000))) <= 1003
    assert steps(lambda: graph_of(chain(400))) < 2.5 * steps(lambda: graph_of(chain(200)))
