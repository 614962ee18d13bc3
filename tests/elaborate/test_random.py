"""Random specs: elaborated, they give what plain loops give, however their matrices are written down."""

from __future__ import annotations

import re

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Input
from tests.graph.by_hand import agrees, built, codes, graph_of, random_inputs

SQUARE = ["S[i]", "T[i]", "W", "S[0]", "S[f[i]]", "E[o[i]]"]
TALL = ["A[i]", "B[i]"]
NUMBERS = ["2", "-3", "0.5", "(1 + 2)", "s[i]", "r", "s[i] * r"]
CONDITIONS = ["", " if o[b[j]] == o[i]", " if b[j] == f[i]", " if o[b[j]] == 1", " if i == f[b[j]]"]
MAPPED = {"S[0]", "S[f[i]]", "E[o[i]]"}


@st.composite
def expressions(  # noqa: C901 - one case a form
    draw: st.DrawFn, kind: str = "square", depth: int = 3, plain: bool = False, sums: bool = True
) -> str:
    """A matrix expression over i: n by n (`square`) or m[i] by n (`tall`).

    `plain` ones have no maps, calls and sums.
    """
    below = depth - 1
    more = [] if depth == 0 else ["@", "+", "-", "*", ".T", "()", "neg"]
    more += [] if plain or depth == 0 else ["call", "sum"] if sums else ["call"]
    form = draw(st.sampled_from(["leaf", *more]))

    def part(which: str = kind, brackets: bool = True, sums: bool = sums) -> str:
        inner = draw(expressions(which, below, plain, sums))
        return f"({inner})" if brackets and draw(st.booleans()) else inner

    match form:
        case "leaf":
            names = TALL if kind == "tall" else [name for name in SQUARE if not (plain and name in MAPPED)]
            return draw(st.sampled_from(names))
        case "@":
            return f"{part()} @ {_factor(part('square'))}"
        case "+" | "-":
            return f"{part()} {form} {_factor(part())}"
        case "neg":
            return f"-{_factor(part())}"
        case "*":
            return f"{draw(st.sampled_from(NUMBERS))} * {_factor(part())}"
        case ".T":
            flipped = part("square")
            return f"({flipped}).T" if kind == "square" else f"(({part('tall')}).T).T"
        case "()":
            return f"({part(brackets=False)})"
        case "sum":
            body = part("square", sums=False)
            if draw(st.booleans()):
                body = re.sub(r"\bi\b", "b[j]", body)
            square = f"sum({body} for j{draw(st.sampled_from(CONDITIONS))})"
            return square if kind == "square" else f"{draw(st.sampled_from(TALL))} @ {square}"
        case _:
            return f"g({part()}, {_factor(part())})"


def _factor(text: str) -> str:
    return text if re.fullmatch(r"[\w\[\]]+", text) else f"({text})"


@st.composite
def heads(draw: st.DrawFn) -> str:
    members = draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(0, 4), min_size=members, max_size=members))
    b = draw(st.lists(st.integers(0, members - 1), min_size=1, max_size=4))
    f = draw(st.lists(st.integers(0, members - 1), min_size=members, max_size=members))
    o = draw(st.lists(st.integers(0, 1), min_size=members, max_size=members))
    return f"""option dtype = f32
index i in {members}
index j
index e in 2
dim n = {draw(st.integers(1, 3))}
dim m[i] = {sizes}
map f[i] in i = {f}
map b[j] in i = {b}
map o[i] in e = {o}
input A[i], B[i] : [m[i], n]
input S[i], T[i] : [n, n]
input E[e] : [n, n]
input W : [n, n]
input s[i] : []
input r : []
def g(P, Q) = P - 2 * Q
"""


@settings(max_examples=150, deadline=None)
@given(heads(), expressions("square"), expressions("tall"))
def test_random_definitions_give_what_plain_loops_give(head: str, square: str, tall: str) -> None:
    text = f"{head}output Y[i] : [n, n] = {square}\noutput Z[i] : [m[i], n] = ({tall}) @ Y[i]\n"
    assume("RMM313" not in codes(text))  # a sum without terms inside a product has no shape
    agrees(text)


@settings(max_examples=100, deadline=None)
@given(heads(), expressions("square", plain=True), expressions("tall", plain=True), st.booleans())
def test_like_lines_give_what_a_family_gives(head: str, square: str, tall: str, mixed: bool) -> None:
    family = graph_of(f"{head}output Y[i] = {square}\noutput Z[i] = ({tall}) @ (Y[i] + Y[i])\n")
    values = random_inputs(family)
    wanted = interpret(family, values)
    lines, inputs = _written_out(family, values, square, tall, mixed)
    graph, found = built(lines)
    assert [one for one in found if one.severity == "error"] == []
    have = interpret(graph, inputs)
    for name in ("Y", "Z"):
        for member, value in enumerate(wanted[name]):
            np.testing.assert_allclose(have[f"{name}_{member}"], value, rtol=1e-12, atol=1e-12)
    assert len(graph) <= 12 * len(family)


def _written_out(family, values, square: str, tall: str, mixed: bool) -> tuple[str, dict]:
    """The same program with a name for every member, line after line, and inputs for it."""
    head: list[str] = []
    inputs = {}
    members = len(values["A"])
    for key in family.inputs:
        node = family.op(key)
        assert isinstance(node, Input)
        given_values = values[node.names[0]]
        for member, value in enumerate(given_values if node.family else [given_values]):
            name = f"{node.names[0]}_{member}" if node.family else node.names[0]
            inputs[name] = value
            shape = "" if node.type.scalar else f"{node.type.rows[member]}, {node.type.cols[member]}"
            head.append(f"input {name} : f32[{shape}]")
    first = [f"output Y_{k} = {square}".replace("[i]", f"_{k}") for k in range(members)]
    second = [f"output Z_{k} = ({tall}) @ (Y_{k} + Y_{k})".replace("[i]", f"_{k}") for k in range(members)]
    body = [line for pair in zip(first, second, strict=True) for line in pair] if mixed else first + second
    return "\n".join(head + body), inputs
