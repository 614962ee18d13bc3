"""Pictures of graphs."""

import re

import numpy as np
from hypothesis import given as drawn
from hypothesis import settings

from raggeddsl.graph.draw import to_dot, to_mermaid, to_text, type_text
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input, Operand, Origin, Output, Product, Term
from tests.graph.passes.agree import family, given, scalars
from tests.strategies import graphs


def example() -> Graph:
    graph = Graph()
    a = given(graph, "A", [8, 512], [64, 64])
    s = scalars(graph, "s", 2)
    members = np.array([1, 0])
    product = Product(
        family([512, 8], [512, 8]),
        Operand(a, members),
        Operand(a, members, True),
        0.5,
        Operand(s),
        None,
        (Term(Operand(graph.add(Input(family([512, 8], [512, 8]), ("C",), True))), -1),),
        origin=Origin('H "of" <A>'),
    )
    key = graph.add(product)
    graph.outputs = (Output(("Y",), Operand(key), True),)
    return graph


def test_text_has_a_line_for_each_node_and_output():
    assert to_text(example()).splitlines() == [
        "%0 = input A : 2 x f32[8..512, 64]",
        "%1 = input s : 2 x f32[]",
        "%2 = input C : 2 x f32[8..512, 8..512]",
        '%3 = 0.5 * %1 * %0[map] @ %0[map].T + -1 * %2 : 2 x f32[8..512, 8..512]  "H "of" <A>"',
        "output Y = %3",
    ]


def test_dot_escapes_labels_and_says_how_values_are_read():
    text = to_dot(example())
    assert r'n3 [label="H \"of\" <A>\n0.5 · product\n2 x f32[8..512, 8..512]", style=rounded];' in text
    assert '  n0 -> n3 [label="right [map].T"];' in text
    assert '  n1 -> n3 [label="scale"];' in text
    assert '  n2 -> n3 [label="added -1 ·"];' in text
    assert '  out0 [label="Y", peripheries=2];\n  n3 -> out0;' in text


def test_mermaid_escapes_labels_and_says_how_values_are_read():
    text = to_mermaid(example())
    assert 'n3("H #quot;of#quot; #lt;A#gt;<br/>0.5 · product<br/>2 x f32[8..512, 8..512]")' in text
    assert '  n0 -- "right [map].T" --> n3' in text
    assert text.endswith('  out0(["Y"])\n  n3 --> out0\n')


def test_types_are_short():
    assert type_text(family([], [], "bf16")) == "0 x bf16[-, -]"
    assert type_text(family([3], [4])) == "f32[3, 4]"


def test_a_thousand_names_take_one_line():
    graph = Graph()
    graph.add(Input(family([1] * 1000, [1] * 1000), tuple(f"A{n}" for n in range(1000)), False))
    assert to_text(graph) == "%0 = input A0, A1, … A999 (1000) : 1000 x f32[1, 1]\n"


_DOT_LINE = re.compile(
    r'  (n|out)\d+( -> (n|out)\d+)?( \[label="(\\.|[^"\\])*"(, (style|peripheries)=\w+)*\])?;'
)
_MERMAID_LINE = re.compile(
    r'  (n|out)\d+(\["[^"]*"\]|\("[^"]*"\)|\(\["[^"]*"\]\)|( -- "[^"]*")? -->( n| out)\d+)'
)


@settings(max_examples=40)
@drawn(graphs())
def test_every_graph_gives_well_formed_pictures(graph):
    dot = to_dot(graph).splitlines()
    assert dot[0] == "digraph products {" and dot[-1] == "}"
    assert all(_DOT_LINE.fullmatch(line) for line in dot[3:-1])
    mermaid = to_mermaid(graph).splitlines()
    assert mermaid[0] == "flowchart LR"
    assert all(_MERMAID_LINE.fullmatch(line) for line in mermaid[1:])
    assert len(to_text(graph).splitlines()) == len(graph) + len(graph.outputs)
