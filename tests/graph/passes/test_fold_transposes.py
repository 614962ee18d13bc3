"""Transposes end as flags of products."""

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Operand, Product, Term, Transpose
from raggeddsl.graph.passes.fold_transposes import FoldTransposes
from tests.graph.passes.agree import assert_same_results, family, given, of, show


def folded(graph: Graph, *keys: int) -> Graph:
    show(graph, *keys)
    new = FoldTransposes().apply(graph)
    assert of(new, Transpose) == []
    assert_same_results(graph, new)
    return new


def transpose(graph: Graph, key: int) -> int:
    return graph.add(Transpose(graph.type(key).transpose(), Operand(key)))


def start() -> tuple[Graph, int, int, int]:
    graph = Graph()
    a, b = given(graph, "A", [2, 4], [3, 5]), given(graph, "B", [3, 5], [6, 1])
    return graph, a, b, graph.add(Product(family([2, 4], [6, 1]), Operand(a), Operand(b)))


def test_a_shown_transpose_of_a_product_is_a_product_of_transposes():
    graph, a, b, product = start()
    new = folded(graph, transpose(graph, product))
    (turned,) = of(new, Product)
    assert (turned.lhs.node, turned.lhs.transposed, turned.rhs.node, turned.rhs.transposed) == (
        b,
        True,
        a,
        True,
    )
    assert not new.outputs[0].operand.transposed


def test_two_transposes_cancel():
    graph, _, _, product = start()
    new = folded(graph, transpose(graph, transpose(graph, product)))
    (kept,) = of(new, Product)
    assert not kept.lhs.transposed and not new.outputs[0].operand.transposed


def test_a_product_that_has_other_readers_is_read_transposed():
    graph, _, _, product = start()
    square = graph.add(Product(family([6, 1], [6, 1]), Operand(transpose(graph, product)), Operand(product)))
    new = folded(graph, square, product)
    first, second = of(new, Product)
    assert not first.lhs.transposed
    assert second.lhs.transposed and not second.rhs.transposed


def test_a_chain_in_a_sum_is_turned_round_rather_than_copied():
    graph, a, b, _product = start()
    c = given(graph, "C", [6, 1], [2, 2])
    chain = graph.add(Chain(family([2, 4], [2, 2]), (Operand(a), Operand(b), Operand(c))))
    d = given(graph, "D", [2, 2], [2, 4])
    total = graph.add(
        Combine(family([2, 2], [2, 4]), (Term(Operand(transpose(graph, chain))), Term(Operand(d), 2)))
    )
    new = folded(graph, total)
    (turned,) = of(new, Chain)
    assert [(f.node, f.transposed) for f in turned.factors] == [(c, True), (b, True), (a, True)]
    assert not any(term.x.transposed for term in of(new, Combine)[0].terms)


def test_what_is_its_own_transpose_is_not_transposed():
    graph, a, _, _ = start()
    gram = graph.add(Product(family([2, 4], [2, 4]), Operand(a), Operand(a, None, True), 3))
    twice = graph.add(Combine(family([2, 4], [2, 4]), (Term(Operand(gram), 2),)))
    square = graph.add(Product(family([2, 4], [2, 4]), Operand(transpose(graph, twice)), Operand(twice)))
    new = folded(graph, transpose(graph, square))
    assert not new.outputs[0].operand.transposed
    assert not any(p.lhs.transposed for p in of(new, Product))


def test_a_sum_shown_transposed_hands_the_transpose_down():
    graph, _a, b, product = start()
    c = given(graph, "C", [6, 1], [2, 4])
    total = graph.add(
        Combine(family([2, 4], [6, 1]), (Term(Operand(product)), Term(Operand(c, None, True), -1)))
    )
    new = folded(graph, transpose(graph, total))
    assert not any(term.x.transposed for term in of(new, Combine)[0].terms)
    assert of(new, Product)[0].lhs.node == b


def test_a_sum_without_terms_is_no_reason_to_take_a_result_for_its_transpose():
    graph, a, _, _ = start()
    none = np.zeros(0, np.int64)
    product = Product(family([2], [7]), Operand(a, none), Operand(a, none, True), target=none)
    new = folded(graph, transpose(graph, graph.add(product)), graph.add(product))
    assert new.operand_type(new.outputs[0].operand).rows.item() == 7
