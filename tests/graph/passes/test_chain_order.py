"""Chains get the cheapest order of each member."""

import functools

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Join, Operand, Product
from raggeddsl.graph.passes import normalise
from raggeddsl.graph.passes.association import MULTIPLY, groups, left_tree, tree_cost
from raggeddsl.graph.passes.chain_order import ChainOrder
from tests.graph.passes.agree import TYPES, assert_same_results, family, given, of, show
from tests.strategies import graphs, seeds


def cheapest(sizes: tuple[int, ...]) -> int:
    """The FLOP of the best of all orders, by trying every one."""

    @functools.cache
    def best(i: int, j: int) -> int:
        if i == j:
            return 0
        return min(
            best(i, s) + best(s + 1, j) + 2 * sizes[i] * sizes[s + 1] * sizes[j + 1] for s in range(i, j)
        )

    return best(0, len(sizes) - 2)


def chain(sizes: np.ndarray, left: bool = False) -> Graph:
    """`F0 @ F1 @ …` with `sizes` i64[factors + 1, N], its members' inputs of their own."""
    graph = Graph()
    keys = [given(graph, f"F{n}", sizes[n], sizes[n + 1]) for n in range(len(sizes) - 1)]
    show(graph, graph.add(Chain(family(sizes[0], sizes[-1]), tuple(map(Operand, keys)), left=left)))
    return graph


def flop(graph: Graph) -> float:
    """The FLOP of all products, as they stand in the graph."""
    total = 0.0
    for product in of(graph, Product):
        total += float((2.0 * product.type.sizes * graph.operand_type(product.lhs).cols).sum())
    return total


@settings(max_examples=80)
@drawn(st.integers(3, 6), st.integers(1, 30), seeds)
def test_every_member_takes_the_cheapest_order_there_is(factors, members, seed):
    sizes = np.random.default_rng(seed).integers(0, 60, (factors + 1, members))
    found = groups(sizes, set(), {}, 1000)
    seen = np.concatenate([np.arange(members) if which is None else which for _, which in found])
    assert sorted(seen) == list(range(members))
    for tree, which in found:
        own = sizes if which is None else sizes[:, which]
        costs = tree_cost(tree, own, set(), {})
        assert list(costs) == [cheapest(tuple(column)) for column in own.T.tolist()]


def test_the_textbook_chain_has_the_textbook_order():
    sizes = np.array([30, 35, 15, 5, 10, 20, 25])[:, None]  # Cormen et al., section 15.2
    graph = chain(sizes)
    new = ChainOrder().apply(graph)
    assert flop(new) == 2 * 15125
    assert_same_results(graph, new)


def test_equal_costs_go_to_the_left():
    ((tree, members),) = groups(np.full((5, 3), 8), set(), {}, 16)
    assert tree == left_tree(4) == (0, 1, MULTIPLY, 2, MULTIPLY, 3, MULTIPLY)
    assert members is None


def test_members_of_two_orders_are_joined():
    sizes = np.array([[2, 9, 2], [9, 9, 9], [9, 2, 9], [9, 1, 9]])
    graph = chain(sizes)
    new = ChainOrder().apply(graph)
    (join,) = of(new, Join)
    assert sorted(map(list, join.places)) == [[0, 2], [1]]
    assert len(of(new, Product)) == 4
    assert flop(new) == sum(cheapest(tuple(column)) for column in sizes.T.tolist())
    assert_same_results(graph, new)


def test_left_keeps_what_is_written():
    sizes = np.array([9, 9, 9, 1])[:, None]
    new = ChainOrder().apply(chain(sizes, left=True))
    assert flop(new) == 2 * (9 * 9 * 9 + 9 * 9)
    assert flop(ChainOrder().apply(chain(sizes))) == 2 * (9 * 9 + 9 * 9)


def test_a_neighbouring_product_that_is_there_anyway_is_used():
    graph = Graph()
    p, x = given(graph, "P", [4], [4]), given(graph, "X", [4], [9])
    tall = family([4], [9])
    known = graph.add(Product(tall, Operand(p), Operand(x)))
    show(graph, known, graph.add(Chain(tall, (Operand(p), Operand(p), Operand(x)))))
    new = normalise(graph)
    assert len(of(new, Product)) == 2  # P @ (P @ X), though (P @ P) @ X alone would be cheaper
    alone = Graph()
    p, x = given(alone, "P", [4], [4]), given(alone, "X", [4], [9])
    show(alone, alone.add(Chain(tall, (Operand(p), Operand(p), Operand(x)))))
    assert of(ChainOrder().apply(alone), Product)[0].type.cols.item() == 4


def test_a_piece_that_all_members_share_is_multiplied_once():
    graph = Graph()
    a = given(graph, "A", [8] * 50, [8] * 50)
    v, w = given(graph, "V", [8], [8]), given(graph, "W", [8], [8])
    shared = np.zeros(50, np.int64)
    factors = (Operand(a), Operand(v, shared), Operand(w, shared))
    show(graph, graph.add(Chain(family([8] * 50, [8] * 50), factors)))
    new = normalise(graph)
    assert sorted(len(product.type) for product in of(new, Product)) == [1, 50]
    assert_same_results(graph, new)


def test_the_number_of_orders_is_bounded_at_a_small_loss():
    sizes = np.random.default_rng(0).integers(1, 100, (8, 2000))
    every = groups(sizes, set(), {}, 10_000)
    assert len(every) > 50
    few = groups(sizes, set(), {}, 16)
    assert len(few) <= 16

    def total(found):
        return sum(tree_cost(tree, sizes[:, which], set(), {}).sum() for tree, which in found)

    assert sorted(np.concatenate([which for _, which in few])) == list(range(2000))
    left = tree_cost(left_tree(7), sizes, set(), {}).sum()
    assert total(every) < total(few) < 1.25 * total(every) < left
    graph = chain(sizes[:, :40])
    new = ChainOrder().apply(graph)
    assert len(of(new, Product)) <= 64
    assert_same_results(graph, new)


@pytest.mark.parametrize("factors", [64, 100])
def test_long_chains_are_ordered_too(factors):
    sizes = np.random.default_rng(1).integers(1, 9, (factors + 1, 3))
    graph = chain(sizes)
    new = ChainOrder().apply(graph)
    assert flop(new) < 0.7 * flop(ChainOrder().apply(chain(sizes, left=True)))
    assert_same_results(graph, new)


@settings(max_examples=60)
@drawn(graphs(dtypes=TYPES), seeds)
def test_few_orders_keep_every_result(graph, seed):
    assert_same_results(graph, ChainOrder(most=1).apply(graph), seed)
