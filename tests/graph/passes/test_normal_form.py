"""Outputs get nodes of their own."""

import numpy as np
import pytest

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Join, Operand, Output, Product, Term
from raggeddsl.graph.passes.normal_form import NormalForm
from tests.graph.passes.agree import assert_same_results, family, given, of, show


def start() -> tuple[Graph, int, int]:
    graph = Graph()
    a = given(graph, "A", [2, 4], [3, 5])
    return graph, a, graph.add(Product(family([2, 4], [2, 4]), Operand(a), Operand(a, None, True)))


def test_an_output_that_shows_a_whole_product_needs_no_copy():
    graph, _, product = start()
    graph.outputs = (Output(("Y",), Operand(product, np.array([0, 1])), True),)
    new = NormalForm().apply(graph)
    assert of(new, Combine) == [] and new.outputs[0].operand.members is None


@pytest.mark.parametrize("copied", ["input", "transposed", "some", "twice", "part"])
def test_anything_else_is_copied(copied):
    graph, a, product = start()
    uses = {
        "input": [Operand(a)],
        "transposed": [Operand(product, None, True)],
        "some": [Operand(product, np.array([1]))],
        "twice": [Operand(product), Operand(product)],
        "part": [Operand(product)],
    }[copied]
    if copied == "part":
        other = graph.add(Combine(family([1], [1]), ()))
        places = (np.array([0, 2]), np.array([1]))
        uses.append(Operand(graph.add(Join(family([2, 1, 4], [2, 1, 4]), (product, other), places))))
    graph.outputs = tuple(Output((f"Y{n}",), use, True) for n, use in enumerate(uses))
    new = NormalForm().apply(graph)
    copies = [node for node in of(new, Combine) if node.terms]
    assert len(copies) == 1
    assert copies[0].origin.label in ("Y0", "Y1")
    assert_same_results(graph, new)


def test_a_chain_is_not_normal():
    graph, a, product = start()
    show(graph, graph.add(Chain(family([2, 4], [3, 5]), (Operand(product), Operand(a)))))
    with pytest.raises(AssertionError, match="not lowered"):
        NormalForm().apply(graph)


def test_scaled_terms_stay_terms():
    graph, _a, product = start()
    show(graph, graph.add(Combine(family([2, 4], [2, 4]), (Term(Operand(product), 2),))))
    assert len(NormalForm().apply(graph)) == 3
