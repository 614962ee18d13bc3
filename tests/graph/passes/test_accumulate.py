"""Sums end as what products add onto."""

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, Operand, Product, Term
from raggeddsl.graph.passes import normalise
from raggeddsl.graph.passes.accumulate import Accumulate
from tests.graph.passes.agree import assert_same_results, family, given, of, scalars, show


def start(dtype: str = "f32") -> tuple[Graph, int, int]:
    graph = Graph()
    a = given(graph, "A", [2, 4, 2], [3, 5, 3], dtype)
    return graph, a, gram(graph, a)


def gram(graph: Graph, a: int, members=None, **more) -> int:
    type = graph.operand_type(Operand(a, members))
    result = family(type.rows, type.rows, type.dtype)
    return graph.add(Product(result, Operand(a, members), Operand(a, members, True), **more))


def combine(graph: Graph, *terms: Term, target=None, type=None) -> int:
    return graph.add(Combine(type or graph.operand_type(terms[0].x), terms, target))


def folded(graph: Graph, *keys: int) -> Graph:
    show(graph, *keys)
    new = Accumulate().apply(graph)
    assert_same_results(graph, new)
    assert_same_results(graph, normalise(graph))
    return new


def test_a_product_takes_the_other_terms_of_its_sum():
    graph, _a, product = start()
    c = given(graph, "C", [2, 4, 2], [2, 4, 2])
    s = scalars(graph, "s", 3)
    total = combine(graph, Term(Operand(product), 2.0, Operand(s)), Term(Operand(c), -1))
    new = folded(graph, total)
    (product,) = of(new, Product)
    assert of(new, Combine) == []
    assert product.factor == 2.0 and product.by.node == s
    assert [(term.x.node, term.factor) for term in product.addends] == [(c, -1)]


def test_a_sum_over_a_family_becomes_the_targets_of_its_product():
    graph, _a, product = start()
    target = np.zeros(2, np.int64)
    members = np.array([2, 0])
    total = combine(graph, Term(Operand(product, members), 0.5), target=target, type=family([2], [2]))
    new = folded(graph, total)
    (product,) = of(new, Product)
    assert len(new) == 2 and product.target is target
    np.testing.assert_array_equal(product.lhs.members, members)


def test_other_terms_of_a_sum_over_a_family_are_summed_first():
    graph, _a, product = start()
    c = given(graph, "C", [2, 4, 2], [2, 4, 2])
    members, target = np.array([0, 2]), np.array([0, 0])
    total = combine(
        graph,
        Term(Operand(product, members)),
        Term(Operand(c, members), 3),
        target=target,
        type=family([2, 7], [2, 7]),
    )
    new = folded(graph, total)
    (product,) = of(new, Product)
    assert [type(new.op(term.x.node)) for term in product.addends] == [Combine]


def test_sums_of_sums_are_one_sum():
    graph, a, _ = start()
    b = given(graph, "B", [2, 4, 2], [3, 5, 3])
    inner = combine(graph, Term(Operand(a), 2), Term(Operand(b), 3))
    outer = combine(graph, Term(Operand(inner), 5), Term(Operand(a), 7))
    new = folded(graph, outer)
    (total,) = of(new, Combine)
    assert [term.factor for term in total.terms] == [10, 15, 7]


def test_a_scaled_sum_over_a_family_is_scaled_as_it_is_summed():
    graph, a, _ = start()
    s = scalars(graph, "s", 2)
    target = np.array([0, 1, 0])
    summed = combine(graph, Term(Operand(a), 2), target=target, type=family([2, 4], [3, 5]))
    new = folded(graph, combine(graph, Term(Operand(summed), 3, Operand(s))))
    (total,) = of(new, Combine)
    assert total.terms[0].factor == 6
    np.testing.assert_array_equal(total.terms[0].by.members, target)


def test_a_summed_product_is_scaled_and_summed_further():
    graph, a, _ = start()
    summed = gram(graph, a, np.array([0, 2, 0]))
    once = combine(graph, Term(Operand(summed), 2), target=np.array([0, 0, 1]), type=family([2, 2], [2, 2]))
    twice = combine(graph, Term(Operand(once), 3), target=np.array([0, 0]), type=family([2], [2]))
    *unread, product = of(folded(graph, twice), Product)
    assert len(unread) == 1 and product.factor == 6
    np.testing.assert_array_equal(product.target, [0, 0, 0])


def test_what_others_read_is_not_folded():
    graph, _a, product = start()
    total = combine(graph, Term(Operand(product)), Term(Operand(given(graph, "C", [2, 4, 2], [2, 4, 2]))))
    new = folded(graph, total, product)
    assert len(of(new, Combine)) == 1


def test_a_product_read_through_a_map_with_repeats_is_not_multiplied_again():
    graph, _a, product = start()
    new = folded(graph, combine(graph, Term(Operand(product, np.array([0, 0, 0])), 2)))
    assert len(of(new, Combine)) == 1 and len(of(new, Product)[0].type) == 3


def test_a_product_keeps_the_type_that_it_rounds_to():
    graph, _a, product = start("bf16")
    c = given(graph, "C", [2, 4, 2], [2, 4, 2], "f32")
    total = combine(graph, Term(Operand(product)), Term(Operand(c)), type=family([2, 4, 2], [2, 4, 2], "f32"))
    new = folded(graph, total)
    assert [node.type.dtype for node in (*of(new, Product), *of(new, Combine))] == ["bf16", "f32"]


def test_a_sum_of_thousands_of_matrices_stays_quick_and_right():
    graph = Graph()
    keys = [given(graph, f"A{n}", [2], [2]) for n in range(300)]
    total = keys[0]
    for key in keys[1:]:
        total = combine(graph, Term(Operand(total), 0.5), Term(Operand(key)))
    new = folded(graph, total)
    assert len(of(new, Combine)) < 10
