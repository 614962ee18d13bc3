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
from raggeddsl.tuning import GraphTuning
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
    assert_same_results(graph, ChainOrder(GraphTuning(most_orders=1)).apply(graph), seed)


def neighbours(seed: int, spans: list[tuple[int, int]]) -> Graph:
    """One graph with an output for each (i, j) of `spans`, `F_i @ … @ F_j` of the same five random factors.

    A factor is a family, or one matrix for all members where neither of its sizes varies; so is an
    output of such factors alone.
    """
    random = np.random.default_rng(seed)
    members = int(random.integers(1, 5))
    varies = random.integers(0, 2, 6).astype(bool)
    choices = random.choice([1, 2, 5, 30, 200], (6, members))
    sizes = np.where(varies[:, None], choices, choices[:, :1])
    graph, factors = Graph(), []
    for n in range(5):
        if varies[n] or varies[n + 1] or random.integers(0, 4) == 0:
            factors.append(Operand(given(graph, f"F{n}", sizes[n], sizes[n + 1])))
        else:
            key = given(graph, f"F{n}", sizes[n, :1], sizes[n + 1, :1])
            factors.append(Operand(key, np.zeros(members, np.int64)))
    keys = []
    for i, j in spans:
        chosen, count = tuple(factors[i : j + 1]), members
        if all(factor.members is not None for factor in chosen):
            chosen, count = tuple(Operand(factor.node) for factor in chosen), 1
        keys.append(graph.add(Chain(family(sizes[i, :count], sizes[j + 1, :count]), chosen)))
    return show(graph, *keys)


several = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4)).filter(lambda span: span[0] < span[1]),
    min_size=2,
    max_size=4,
    unique=True,
)


@settings(max_examples=150)
@drawn(several, seeds)
def test_chains_together_cost_no_more_than_apart(spans, seed):
    graph = neighbours(seed, spans)
    new = normalise(graph)
    assert flop(new) <= sum(flop(normalise(neighbours(seed, [span]))) for span in spans)
    assert_same_results(graph, new, seed)


def test_orders_share_the_products_that_are_there():
    graph = Graph()
    a, d = given(graph, "A", [1, 500], [300, 300]), given(graph, "D", [2, 2], [1, 500])
    b, c = given(graph, "B", [300], [200]), given(graph, "C", [200], [2])
    shared = np.zeros(2, np.int64)
    used = (Operand(a), Operand(b, shared), Operand(c, shared), Operand(d), Operand(a))
    known = graph.add(Product(family([1, 500], [200, 200]), *used[:2]))
    show(graph, known, graph.add(Chain(family([1, 500], [300, 300]), used)))
    new = normalise(graph)
    (join,) = of(new, Join)
    assert len(join.parts) == 2
    by_size = sorted(int(product.type.sizes.sum()) for product in of(new, Product))
    assert by_size.count(501 * 200) == 1  # A @ B, for both members at once
    assert by_size.count(1 * 200) == by_size.count(500 * 200) == 0
    assert_same_results(graph, new)


def test_a_single_product_of_several_orders_is_computed_once():
    graph = Graph()
    sizes = [1, 500, 1000]
    a, d = given(graph, "A", sizes, [300] * 3), given(graph, "D", [2] * 3, sizes)
    b, c = given(graph, "B", [300], [200]), given(graph, "C", [200], [2])
    shared = np.zeros(3, np.int64)
    used = (Operand(a), Operand(b, shared), Operand(c, shared), Operand(d), Operand(a))
    show(graph, graph.add(Chain(family(sizes, [300] * 3), used)))
    new = normalise(graph)
    assert len(of(new, Join)) == 1
    single = [product for product in of(new, Product) if {product.lhs.node, product.rhs.node} == {b, c}]
    assert [len(product.type) for product in single] == [1]
    assert_same_results(graph, new)
