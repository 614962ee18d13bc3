"""What is equal is computed once."""

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Combine, Operand, Product, Term
from raggeddsl.graph.passes import normalise
from raggeddsl.graph.passes.common_subexpressions import CommonSubexpressions
from tests.graph.passes.agree import assert_same_results, family, given, of, show


def shared(graph: Graph, *keys: int) -> Graph:
    show(graph, *keys)
    new = CommonSubexpressions().apply(graph)
    assert_same_results(graph, new)
    assert_same_results(graph, normalise(graph))
    return new


def start() -> tuple[Graph, int, int]:
    graph = Graph()
    return graph, given(graph, "A", [3, 3, 5], [4, 4, 2]), given(graph, "B", [4, 4, 2], [3, 3, 5])


def product(graph: Graph, a: int, b: int, members=None, **more) -> int:
    rows, cols = graph.type(a).rows, graph.type(b).cols
    if members is not None:
        rows, cols = rows[members], cols[members]
    return graph.add(Product(family(rows, cols), Operand(a, members), Operand(b, members), **more))


def test_maps_are_equal_by_content():
    graph, a, b = start()
    one, two = product(graph, a, b, np.array([2, 0])), product(graph, a, b, np.array([2, 0]))
    other = product(graph, a, b, np.array([2, 1]))
    assert len(of(shared(graph, one, two, other), Product)) == 2


def test_what_differs_in_factor_or_arithmetic_stays():
    graph, a, b = start()
    keys = [
        product(graph, a, b),
        product(graph, a, b, factor=2),
        product(graph, a, b, arithmetic=Arithmetic("highest")),
    ]
    new = shared(graph, *keys)
    assert len(of(new, Product)) == 3 and new is graph


def test_a_product_is_found_by_its_transpose():
    graph, a, b = start()
    one = product(graph, a, b)
    two = graph.add(Product(family([3, 3, 5], [3, 3, 5]), Operand(b, None, True), Operand(a, None, True)))
    new = shared(graph, one, two)
    assert len(of(new, Product)) == 1
    assert [output.operand.transposed for output in new.outputs] == [False, True]


def test_terms_may_come_in_any_order():
    graph, a, b = start()
    terms = (Term(Operand(a), 2), Term(Operand(b, None, True), -1))
    one = graph.add(Combine(graph.type(a), terms))
    two = graph.add(Combine(graph.type(a), terms[::-1]))
    assert len(of(shared(graph, one, two), Combine)) == 1


def test_equal_operations_on_equal_operations_are_equal():
    graph, a, b = start()
    keys = [product(graph, product(graph, product(graph, a, b), a), b) for _ in range(3)]
    assert len(of(shared(graph, *keys), Product)) == 3


def test_members_that_repeat_are_multiplied_once():
    graph, a, b = start()
    left, right = np.array([0, 1, 0, 0, 1]), np.array([1, 1, 1, 0, 1])
    pairs = graph.add(Product(family([3] * 5, [3] * 5), Operand(a, left), Operand(b, right)))
    again = graph.add(Product(family([3] * 5, [4] * 5), Operand(pairs), Operand(a, left)))
    new = shared(graph, again)
    first, second = of(new, Product)
    np.testing.assert_array_equal(first.lhs.members, [0, 1, 0])
    np.testing.assert_array_equal(first.rhs.members, [1, 1, 0])
    np.testing.assert_array_equal(second.lhs.members, [0, 1, 0, 2, 1])


def test_cheap_products_that_are_shown_are_not_replaced_by_copies():
    graph, a, b = start()
    members = np.array([0, 0, 0, 1])
    assert shared(graph, product(graph, a, b, members)) is graph


def test_dear_products_that_are_shown_are():
    graph = Graph()
    a = given(graph, "A", [2], [5000])
    twice = np.zeros(2, np.int64)
    key = graph.add(Product(family([2, 2], [2, 2]), Operand(a, twice), Operand(a, twice, True)))
    new = shared(graph, key)
    assert len(of(new, Product)[0].type) == 1


def test_readers_of_repeated_members_that_are_shown_read_one_of_each():
    graph, a, b = start()
    pairs = product(graph, a, b, np.array([0, 0, 0, 1]))
    left = Operand(a, np.array([0, 0, 0, 1]))
    further = graph.add(Product(family([3] * 4, [4] * 4), Operand(pairs), left))
    reader = graph.add(Combine(graph.type(further), (Term(Operand(further)), Term(left))))
    new = shared(graph, pairs, reader)
    assert [len(product.type) for product in of(new, Product)] == [4, 2]
    assert new.outputs[0].operand.members is None


def test_one_product_that_members_share_is_the_one_that_stands_alone():
    graph = Graph()
    a, b = given(graph, "A", [3], [4]), given(graph, "B", [4], [3])
    alone = product(graph, a, b)
    of_all = product(graph, a, b, np.zeros(5, np.int64))
    reader = graph.add(Combine(family([3] * 5, [3] * 5), (Term(Operand(of_all), 2),)))
    assert len(of(shared(graph, alone, reader), Product)) == 1
