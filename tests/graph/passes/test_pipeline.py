"""Every pass, and all of them together, keep what a graph computes."""

import itertools

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import (
    Chain,
    Combine,
    Input,
    Join,
    Operand,
    Product,
    Term,
    Transpose,
    View,
    operands,
)
from raggeddsl.graph.passes import PIPELINE, normalise
from tests.graph.passes.agree import TYPES, assert_same_results, family, given, of, show
from tests.steps import steps
from tests.strategies import graphs, inputs_for, seeds


@pytest.mark.parametrize("one", PIPELINE[:-1], ids=lambda one: one.name)
@settings(max_examples=60)
@drawn(graphs(dtypes=TYPES), seeds)
def test_a_pass_keeps_every_result(one, graph, seed):
    before = list(graph.order()), graph.outputs
    assert_same_results(graph, one.apply(graph), seed)
    assert (list(graph.order()), graph.outputs) == before


@settings(max_examples=150)
@drawn(graphs(dtypes=TYPES), seeds)
def test_all_passes_together_keep_every_result(graph, seed):
    assert_same_results(graph, normalise(graph), seed)


@settings(max_examples=60)
@drawn(graphs(dtypes=TYPES, max_members=2, max_size=3), seeds)
def test_normal_form_is_what_the_planner_relies_on(graph, seed):
    new = normalise(graph)
    parts = [part for join in of(new, Join) for part in join.parts]
    shown = [output.operand.node for output in new.outputs]
    assert all(isinstance(new.op(key), Input | Product | Combine | Join | View) for key in new)
    assert list(new) == list(range(len(new)))
    assert len(set(shown) | set(parts)) == len(shown) + len(parts)
    assert not any(isinstance(new.op(key), Input) for key in shown)
    assert all(o.operand.members is None and not o.operand.transposed for o in new.outputs)
    for part in parts:
        assert new.readers(part) == 1
        assert not isinstance(new.op(part), Join)
    names = [name for output in graph.outputs for name in output.names]
    assert sorted(names) == sorted(name for output in new.outputs for name in output.names)
    for key in new:
        for use in operands(new.op(key)):
            assert use.members is None or use.members.dtype == np.int64
    assert_same_results(new, normalise(new), seed)


def test_the_trace_says_what_each_pass_did():
    graph = Graph()
    a = given(graph, "A", [2], [3])
    show(
        graph,
        graph.add(Transpose(family([3], [2]), Operand(graph.add(Transpose(family([3], [2]), Operand(a)))))),
    )
    trace: list[tuple[str, int, int]] = []
    normalise(graph, trace=trace)
    assert [name for name, _, _ in trace] == [one.name for one in PIPELINE]
    assert all(before == after for (_, _, before), (_, after, _) in itertools.pairwise(trace))
    assert ("fold_transposes", 3, 1) in trace


def newton_schulz(graph: Graph, x: int, steps: int) -> int:
    """`3.4445*X - 4.7750*(X @ X.T) @ X + 2.0315*(X @ X.T) @ (X @ X.T) @ X`, as the language elaborates it."""
    tall = graph.type(x)
    square = family(tall.rows, tall.rows)

    def gram(of: int) -> int:
        return graph.add(Product(square, Operand(of), Operand(of, None, True)))

    def scaled(factor: float, of: int) -> int:
        return graph.add(Combine(graph.type(of), (Term(Operand(of), factor),)))

    for _ in range(steps):
        second = graph.add(Chain(tall, (Operand(scaled(4.7750, gram(x))), Operand(x))))
        third = graph.add(Chain(tall, (Operand(scaled(2.0315, gram(x))), Operand(gram(x)), Operand(x))))
        first = graph.add(Combine(tall, (Term(Operand(scaled(3.4445, x))), Term(Operand(second), -1))))
        x = graph.add(Combine(tall, (Term(Operand(first)), Term(Operand(third)))))
    return x


def test_a_newton_schulz_step_takes_three_products_and_no_sum():
    rows = np.array([4, 9, 6])
    graph = Graph()
    show(graph, newton_schulz(graph, given(graph, "A", rows, 2 * rows), 5))
    new = normalise(graph)
    products = of(new, Product)
    assert len(new) == 1 + 15
    assert len(products) == 15
    grams = [p for p in products if p.lhs.node == p.rhs.node and p.rhs.transposed and not p.lhs.transposed]
    assert len(grams) == 5
    assert all(p.factor == 1 and p.addends == () for p in grams)
    lasts = [p for p in products if p.addends]
    assert [p.factor for p in lasts] == [2.0315] * 5
    assert all(sorted(t.factor for t in p.addends) == [-4.7750, 3.4445] for p in lasts)
    inputs = {name: [x / 9 for x in members] for name, members in inputs_for(graph).items()}
    for have, want in zip(interpret(new, inputs)["Y0"], interpret(graph, inputs)["Y0"], strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-12)


def test_steps_grow_with_nodes_and_no_faster():
    def iterated(times):
        graph = Graph()
        show(graph, newton_schulz(graph, given(graph, "A", [4, 9], [8, 18]), times))
        return graph

    assert len(iterated(1000)) > 10_000
    assert len(normalise(iterated(1000))) == 3001
    assert steps(lambda: normalise(iterated(60))) < 2.5 * steps(lambda: normalise(iterated(30)))


def test_a_million_members_are_not_copied():
    sizes = np.full(1_000_000, 8)
    graph = Graph()
    a, b = given(graph, "A", sizes, sizes), given(graph, "B", sizes, sizes)
    show(graph, graph.add(Product(family(sizes, sizes), Operand(a), Operand(b))))
    assert steps(lambda: normalise(graph)) < 10_000
    new = normalise(graph)
    (product,) = of(new, Product)
    assert product.lhs.members is None and product.rhs.members is None
    assert all(np.shares_memory(new.type(key).rows, graph.type(a).rows) for key in new.inputs)
