"""Scalars end as factors of what reads the scaled copy."""

import pytest

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Operand, Product, Term
from raggeddsl.graph.passes.fold_scalars import FoldScalars
from tests.graph.passes.agree import assert_same_results, family, given, of, scalars, show


def folded(graph: Graph, *keys: int) -> Graph:
    show(graph, *keys)
    new = FoldScalars().apply(graph)
    assert_same_results(graph, new)
    return new


def scaled(graph: Graph, key: int, factor: float = 1, by: int | None = None, dtype: str | None = None) -> int:
    own = graph.type(key)
    type = family(own.rows, own.cols, dtype or own.dtype)
    return graph.add(Combine(type, (Term(Operand(key), factor, None if by is None else Operand(by)),)))


def square(graph: Graph, a: int, b: int, **more) -> int:
    return graph.add(Product(graph.type(a), Operand(a), Operand(b), **more))


def start(dtype: str = "f32") -> tuple[Graph, int]:
    graph = Graph()
    return graph, given(graph, "A", [2, 4], [2, 4], dtype)


def test_constants_of_both_operands_meet_in_the_factor():
    graph, a = start()
    new = folded(graph, square(graph, scaled(graph, a, 2.0), scaled(graph, a, -3.0), factor=0.5))
    (product,) = of(new, Product)
    assert (product.lhs.node, product.rhs.node, product.factor) == (a, a, -3.0)


def test_a_constant_goes_through_products_to_the_sum_that_reads_them():
    graph, a = start()
    product = square(graph, scaled(graph, a, 2.0), a)
    again = square(graph, product, a)
    total = graph.add(Combine(graph.type(a), (Term(Operand(again), -1), Term(Operand(product), 5))))
    new = folded(graph, total)
    assert [p.factor for p in of(new, Product)] == [1, 1]
    assert [term.factor for term in of(new, Combine)[-1].terms] == [-2.0, 10.0]


def test_a_shown_product_keeps_its_constant():
    graph, a = start()
    product = square(graph, scaled(graph, a, 2.0), a)
    new = folded(graph, product, square(graph, product, a))
    assert [p.factor for p in of(new, Product)] == [2.0, 1]


def test_a_constant_leaves_a_chain_for_the_sum():
    graph, a = start()
    chain = graph.add(Chain(graph.type(a), (Operand(scaled(graph, a, 2.0)), Operand(a), Operand(a))))
    total = graph.add(Combine(graph.type(a), (Term(Operand(chain), 3.0), Term(Operand(a)))))
    new = folded(graph, total)
    assert [f.node for f in of(new, Chain)[0].factors] == [a, a, a]
    assert [term.factor for term in of(new, Combine)[-1].terms] == [6.0, 1]


@pytest.mark.parametrize("constant", [1e-8, 1e8, 0.0])
def test_constants_that_keep_numbers_in_range_stay(constant):
    graph, a = start()
    new = folded(graph, square(graph, scaled(graph, a, constant), a))
    assert of(new, Combine)[0].terms[0].factor == constant


def test_f16_constants_stay_in_their_product():
    graph, a = start("f16")
    product = square(graph, scaled(graph, a, 0.01), a)
    new = folded(graph, square(graph, product, a))
    assert [p.factor for p in of(new, Product)] == [0.01, 1]


def test_a_run_time_scalar_moves_into_its_only_reader():
    graph, a = start()
    s = scalars(graph, "s", 2)
    new = folded(graph, square(graph, scaled(graph, a, 2.0, s), a))
    (product,) = of(new, Product)
    assert product.by is not None and product.by.node == s
    assert product.lhs.node == a and product.factor == 2.0


def test_of_two_run_time_scalars_one_stays_a_copy():
    graph, a = start()
    s, t = scalars(graph, "s", 2), scalars(graph, "t", 2)
    new = folded(graph, square(graph, scaled(graph, a, 1, s), scaled(graph, a, 1, t)))
    (product,) = of(new, Product)
    assert product.by.node == s and product.lhs.node == a
    assert isinstance(new.op(product.rhs.node), Combine)


def test_a_run_time_scaled_copy_that_is_read_twice_is_computed_once():
    graph, a = start()
    copy = scaled(graph, a, 1, scalars(graph, "s", 2))
    new = folded(graph, square(graph, copy, copy))
    (product,) = of(new, Product)
    assert product.by is None and isinstance(new.op(product.lhs.node), Combine)


def test_an_integer_is_not_scaled_in_another_type_where_it_would_not_wrap():
    graph, a = start("i8")
    copy = scaled(graph, a, 100)
    product = graph.add(Product(family([2, 4], [2, 4], "i32"), Operand(copy), Operand(copy)))
    new = folded(graph, product)
    assert of(new, Product)[0].factor == 1
