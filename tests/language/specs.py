"""Random specs for the tests of the language: lines that parse, lines that do not, and all layouts."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = [
    "A",
    "B1",
    "W_2",
    "f32",
    "bf16",
    "precision",
    "highest",
    "T",
    "x",
    "inputs",
    "a_long_name_of_a_matrix",
]
WORDS = ["rmm", "option", "index", "dim", "map", "input", "output", "def", "sum", "iterate", "table",
         "range", "with", "in", "for", "if", "exp", "transpose", "softmax"]  # fmt: skip
NUMBERS = [
    "0",
    "7",
    "128",
    "0.5",
    "2.",
    ".25",
    "1e-3",
    "3E+4",
    "1.5e2",
    "123456789012345678901",
    "1e999",
    "2A",
]
SIGNS = ["=", "==", ":", ",", "+", "-", "*", "@", "//", "(", ")", "[", "]", ".T", "."]
STRANGE = ["'", "^", ";", "%", "/", "\u00d7", "\u00e9", '"', "\\", "{", "!"]
STRINGS = ['"a.csv"', '"a\\"b"', '"#("', '"\\\\"']
GAPS = ["", " ", "  ", "\t", "\n", " # note\n", "\r\n", "\u00a0"]

name = st.sampled_from(["A", "B", "C1", "Weights_2", "f32", "k"])
number = st.sampled_from(["1", "20", "300", "0.5", "2.", "1e-3"])
gap = st.sampled_from(["", " ", "  "])


@st.composite
def expression(draw: st.DrawFn, depth: int = 3) -> str:
    kind = draw(
        st.sampled_from(["name", "name", "number", "negate", "transpose", "group", "binary", "ref", "call"])
    )
    if depth == 0 or kind == "name":
        return draw(name)
    if kind == "number":
        return draw(number)
    if kind == "ref":
        return f"{draw(name)}[{draw(name)}]"
    if kind == "negate":
        return f"-{draw(expression(depth - 1))}"
    if kind == "transpose":
        return f"{draw(name)}.T"
    if kind == "group":
        return f"({draw(expression(depth - 1))})"
    if kind == "call":
        return f"ns({draw(expression(depth - 1))})"
    op = draw(gap) + draw(st.sampled_from(["+", "-", "*", "@", "//"])) + draw(gap)
    return draw(expression(depth - 1)) + op + draw(expression(depth - 1))


@st.composite
def statement(draw: st.DrawFn) -> str:
    """A line that parses."""
    kind = draw(st.integers(0, 9))
    a, b, size = draw(name), draw(name), draw(number)
    match kind:
        case 0:
            return f"input {a} : f32[{size}, {draw(number)}]"
        case 1:
            return f"input {a}, {b}:[{size}{draw(gap)},{a}]"
        case 2:
            return f"input {a}[{b}] : bf16[{a}[{b}], {size}]"
        case 3:
            return f"dim {a} = {draw(expression(1))}"
        case 4:
            return f"dim {a}[{b}] = [{size}, {draw(number)},]"
        case 5:
            return f'dim {a}[{b}] = table("t.csv", {a}="c#)")'
        case 6:
            return f"output {a} = {draw(expression())} with precision=highest, accum={a}"
        case 7:
            return f"output {a} : f32[{size}] = sum({draw(expression())} for {b} if {a}[{b}] == {b})"
        case _:
            return f"{draw(st.sampled_from(['', 'output ']))}{a}{draw(gap)}={draw(gap)}{draw(expression())}"


token = st.sampled_from(NAMES + WORDS + NUMBERS + SIGNS + STRANGE + STRINGS)
soup = st.lists(st.tuples(token, st.sampled_from(GAPS)), max_size=8).map(
    lambda parts: "".join(word + space for word, space in parts)
)
line = st.one_of(statement(), statement(), statement(), soup)
simple_soup = st.lists(
    st.tuples(
        st.sampled_from(["A", "f32", "sum", "2", "2.", ".5", "1.5", "3e2", "T", *SIGNS]),
        st.sampled_from(["", " "]),
    ),
    min_size=1,
    max_size=6,
).map(lambda parts: "".join(word + space for word, space in parts))
"""Lines that the fast tokeniser may take, with nothing between tokens as often as not."""
ending = st.sampled_from(["\n", "\n", "  # a comment (\n", "\n\n", "\r\n", "   \n", "\n# alone\n"])


def _joined(parts: list[tuple[str, str]]) -> str:
    return "".join(text + end for text, end in parts)


good_specs = st.lists(st.tuples(statement(), ending), min_size=1, max_size=12).map(_joined)
specs = st.lists(st.tuples(line, ending), max_size=12).map(_joined)
