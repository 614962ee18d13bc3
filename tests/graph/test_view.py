"""Views: other shapes for the same elements, in the same place."""

from __future__ import annotations

import numpy as np
import pytest

from raggeddsl.graph.draw import to_dot, to_mermaid, to_text
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Combine, Input, Operand, Output, Product, Term, View
from raggeddsl.graph.passes import normalise
from raggeddsl.graph.passes.normal_form import NormalForm
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from raggeddsl.plan.validate import validate
from tests.programs import family


def inner_products(transposed: bool = False) -> Graph:
    """s[i] = <X[i], X[i]> for the members 1 and 0 of X, each seen as a row."""
    graph = Graph()
    x = graph.add(Input(family([2, 3], [4, 5]), ("X",), True))
    rows = graph.add(View(family([1, 1], [15, 8]), Operand(x, np.array([1, 0]), transposed)))
    s = graph.add(Product(family([1, 1], [1, 1]), Operand(rows), Operand(rows, None, True)))
    graph.outputs = (Output(("s",), Operand(s), True),)
    return graph


X = [np.arange(8.0).reshape(2, 4), -np.arange(15.0).reshape(3, 5)]


@pytest.mark.parametrize("transposed", [False, True])
def test_the_elements_are_those_of_the_members_that_are_read(transposed):
    graph = inner_products(transposed)
    for each in (graph, normalise(graph)):
        values = [float(s[0, 0]) for s in interpret(each, {"X": X})["s"]]
        assert values == [np.sum(X[1] ** 2), np.sum(X[0] ** 2)]


def test_a_view_lies_where_what_it_shows_lies():
    plan = plan_graph(normalise(inner_products()), Options())
    validate(plan)
    assert plan.places[1].buffer == plan.places[0].buffer
    np.testing.assert_array_equal(plan.places[1].offsets, plan.places[0].offsets[[1, 0]])
    assert len(plan.buffers) == 2 and plan.cost.scratch_bytes == 0
    np.testing.assert_array_equal(plan.tasks.k, [15, 8])


def test_normal_form_copies_what_is_viewed_transposed_and_views_that_are_shown():
    normal = NormalForm().apply(inner_products(transposed=True))
    assert sum(isinstance(normal.op(key), Combine) for key in normal) == 1
    graph = inner_products()
    graph.outputs += (Output(("R",), Operand(1), True),)
    normal = NormalForm().apply(graph)
    shown = normal.op(normal.outputs[1].operand.node)
    assert isinstance(shown, Combine)
    validate(plan_graph(normal, Options()))


def test_equal_views_are_one_and_views_of_other_shapes_are_not():
    graph = Graph()
    x = graph.add(Input(family([2, 1], [6, 12]), ("X",), True))
    for place, rows in enumerate((3, 3, 4)):
        cols = 12 // rows
        view = graph.add(View(family([rows] * 2, [cols] * 2), Operand(doubled(graph, x))))
        product = Product(family([cols] * 2, [cols] * 2), Operand(view, None, True), Operand(view))
        graph.outputs += (Output((f"P{place}",), Operand(graph.add(product)), True),)
    normal = normalise(graph)
    assert sum(isinstance(normal.op(key), View) for key in normal) == 2
    validate(plan_graph(normal, Options()))


def doubled(graph: Graph, key: int) -> int:
    return graph.add(Combine(graph.type(key), (Term(Operand(key), 2.0),)))


def test_pictures_show_it():
    graph = inner_products()
    assert "view(%0[map])" in to_text(graph)
    assert "view" in to_dot(graph) and "view" in to_mermaid(graph)
