"""Dead code and chains of two."""

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Input, Operand, Product, Term
from raggeddsl.graph.passes.dead_code import DeadCode
from raggeddsl.graph.passes.pairs import Pairs
from tests.graph.passes.agree import assert_same_results, family, given, of, show


def test_what_no_output_needs_is_left_out_but_inputs_stay():
    graph = Graph()
    a, b = given(graph, "A", [2], [2]), given(graph, "B", [2], [2])
    unread = graph.add(Product(family([2], [2]), Operand(a), Operand(b)))
    graph.add(Combine(family([2], [2]), (Term(Operand(unread)),)))
    show(graph, graph.add(Product(family([2], [2]), Operand(a), Operand(a))))
    new = DeadCode().apply(graph)
    assert len(of(new, Input)) == 2 and len(new) == 3
    assert_same_results(graph, new)
    assert DeadCode().apply(new) is new


def test_a_chain_of_two_is_a_product():
    graph = Graph()
    a = given(graph, "A", [2], [3])
    show(graph, graph.add(Chain(family([2], [2]), (Operand(a), Operand(a, None, True)))))
    new = Pairs().apply(graph)
    (product,) = of(new, Product)
    assert product.rhs.transposed
    assert_same_results(graph, new)
