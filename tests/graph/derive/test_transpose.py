"""The transpose of a graph is a graph: <transpose(c), x> = <c, graph(x)>, nothing computed for nobody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.graph.derive import NotLinear, linearise, transpose
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, Input, Join, Operand, Output, Product, Term, View
from raggeddsl.graph.passes import normalise
from tests.graph.derive.deriving import directions, flags, pairing, random_buffers, random_numbers, run
from tests.programs import family, pairs
from tests.strategies import graphs, seeds


def cotangents_of(outputs, seed):
    rng = np.random.default_rng(seed + 1)
    return [random_numbers(rng, out.size, "c128" if out.dtype.kind == "c" else "f64") for out in outputs]


@settings(max_examples=80)
@given(graphs(dtypes=("f64", "c128", "i32"), max_operations=5), seeds, st.integers(0, 255))
def test_it_moves_the_map_to_the_other_side_of_the_pairing(graph, seed, bits):
    graph = normalise(graph)
    buffers = random_buffers(graph, seed)
    found = linearise(graph, flags(len(buffers), bits))
    if found is None:
        return
    outputs = run(found.primal, buffers)
    coefficients = [buffers[place] for place in found.given] + [outputs[place] for place in found.kept]
    dots = directions([buffers[place] for place in found.varied], [True] * len(found.varied), seed)
    tangent = normalise(found.tangent)
    changes = run(tangent, coefficients + dots)
    cotangents = cotangents_of(changes, seed)

    linear = [False] * len(coefficients) + [True] * len(dots)
    back = transpose(tangent, linear, [True] * len(changes))
    given_ = [coefficients[place] for place in back.given] + [cotangents[place] for place in back.outputs]
    results = run(back.graph, given_, normal=False)

    reached = [dots[place - len(coefficients)] for place in back.reached]
    real = [r if d.dtype.kind == "c" else r.real for r, d in zip(results, reached, strict=True)]
    left, right = pairing(cotangents, changes), pairing(reached, real)
    assert left == pytest.approx(right, rel=1e-8, abs=1e-8 * (1 + max_size(changes)))


def max_size(arrays) -> float:
    return sum(float(np.abs(a).sum()) for a in arrays)


@settings(max_examples=30)
@given(graphs(dtypes=("f64",), max_operations=4), seeds)
def test_the_transpose_of_the_transpose_is_the_map_itself(graph, seed):
    graph = normalise(graph)
    buffers = random_buffers(graph, seed)
    found = linearise(graph, [True] * len(buffers))
    if found is None:
        return
    outputs = run(found.primal, buffers)
    coefficients = [buffers[place] for place in found.given] + [outputs[place] for place in found.kept]
    tangent = normalise(found.tangent)
    count = len(coefficients)
    back = transpose(tangent, [False] * count + [True] * len(found.varied), [True] * len(found.outputs))
    backwards = normalise(back.graph)
    linear = [False] * len(back.given) + [True] * len(back.outputs)
    again = transpose(backwards, linear, [True] * len(back.reached))
    dots = directions([buffers[place] for place in found.varied], [True] * len(found.varied), seed)
    given_ = [coefficients[back.given[place]] for place in again.given]
    reached = [dots[back.reached[place] - count] for place in again.outputs]
    results = run(again.graph, given_ + reached, normal=False)
    once = run(tangent, coefficients + dots)
    for place, result in zip(again.reached, results, strict=True):
        wanted = once[back.outputs[place - len(back.given)]]
        np.testing.assert_allclose(result, wanted, rtol=1e-9, atol=1e-9 * (1 + max_size([wanted])))


def gradient_graph(graph: Graph, varies):
    found = linearise(graph, varies)
    assert found is not None
    tangent = normalise(found.tangent)
    count = len(found.given) + len(found.kept)
    linear = [False] * count + [True] * len(found.varied)
    back = transpose(tangent, linear, [True] * len(found.outputs))
    return back, normalise(back.graph)


def operations(graph, kind) -> list:
    return [graph.op(key) for key in graph if isinstance(graph.op(key), kind)]


def test_the_gradient_of_a_product_is_two_products_and_by_one_factor_one():
    back, graph = gradient_graph(normalise(pairs()), (True, True))
    assert len(operations(graph, Product)) == 2 and not operations(graph, Combine)
    assert back.given == (0, 1) and back.reached == (2, 3)
    back, graph = gradient_graph(normalise(pairs()), (False, True))
    assert len(operations(graph, Product)) == 1 and back.given == (0,)


def test_factors_used_by_different_members_are_joined_not_added_to_zeros():
    graph = Graph()
    a = graph.add(Input(family([2] * 6, [2] * 6, "f64"), ("A",), True))
    b = graph.add(Input(family([2], [2], "f64"), ("B",), True))
    ways = [np.array([0, 2, 4]), np.array([5, 3])]
    parts = tuple(
        graph.add(Product(family([2] * len(w), [2] * len(w), "f64"), Operand(a, w), Operand(b, 0 * w)))
        for w in ways
    )
    places = (np.array([0, 1, 2]), np.array([3, 4]))
    joined = graph.add(Join(family([2] * 5, [2] * 5, "f64"), parts, places))
    graph.outputs = (Output(("Y",), Operand(joined), True),)
    _, derived = gradient_graph(graph, (True, False))
    assert len(operations(derived, Product)) == 2
    (join,) = operations(derived, Join)
    assert sorted(np.concatenate(join.places)) == [0, 1, 2, 3, 4, 5], "a member nobody reads is zeros"
    buffers = random_buffers(graph)
    cotangent = np.arange(20.0)
    (result,) = run(derived, [buffers[1], cotangent])
    wanted = np.zeros((6, 2, 2))
    for place, member in enumerate(np.concatenate(ways)):
        wanted[member] += cotangent.reshape(5, 2, 2)[place] @ buffers[1].reshape(2, 2).T
    np.testing.assert_allclose(result, wanted.reshape(-1))


@pytest.mark.parametrize("sizes", [(9, 2, 9), (2, 3, 50), (50, 3, 2)])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_gradient_by_a_scalar_is_an_inner_product_by_its_shortest_way(sizes, transposed):
    m, k, n = sizes
    graph = Graph()
    a_type = family([k, k], [m, m], "f64") if transposed else family([m, m], [k, k], "f64")
    b_type = family([n, n], [k, k], "f64") if transposed else family([k, k], [n, n], "f64")
    a = graph.add(Input(a_type, ("A",), True))
    b = graph.add(Input(b_type, ("B",), True))
    s = graph.add(Input(family([1], [1], "f64", scalar=True), ("s",), True))
    y = graph.add(
        Product(
            family([m, m], [n, n], "f64"),
            Operand(a, None, transposed),
            Operand(b, None, transposed),
            2.0,
            Operand(s, np.zeros(2, np.int64)),
        )
    )
    graph.outputs = (Output(("Y",), Operand(y), True),)
    back, derived = gradient_graph(graph, (False, False, True))
    assert operations(derived, View)
    buffers = random_buffers(graph)
    cotangent = directions(run(graph, buffers), [True], 3)
    coefficients = [buffers[place] for place in back.given]
    (result,) = run(derived, coefficients + cotangent)
    inner = cotangent[0].reshape(2, m, n)
    shapes = [(2, k, m), (2, n, k)] if transposed else [(2, m, k), (2, k, n)]
    x, y = (buffer.reshape(shape) for buffer, shape in zip(buffers, shapes, strict=False))
    product = x.swapaxes(1, 2) @ y.swapaxes(1, 2) if transposed else x @ y
    np.testing.assert_allclose(result, [2.0 * float((inner * product).sum())])


def test_a_product_of_two_linear_inputs_is_refused():
    graph = normalise(pairs())
    with pytest.raises(NotLinear):
        transpose(graph, (True, True), (True,))
    graph = Graph()
    s = graph.add(Input(family([1], [1], "f64", scalar=True), ("s",), True))
    a = graph.add(Input(family([2], [2], "f64"), ("A",), True))
    y = graph.add(Combine(family([2], [2], "f64"), (Term(Operand(a), 1, Operand(s)),)))
    graph.outputs = (Output(("Y",), Operand(y), True),)
    with pytest.raises(NotLinear):
        transpose(graph, (True, True), (True,))


def test_outputs_without_a_cotangent_cost_nothing():
    graph = Graph()
    type = family([2], [2], "f64")
    a, b = (graph.add(Input(type, (name,), True)) for name in "AB")
    first = graph.add(Product(type, Operand(a), Operand(b)))
    second = graph.add(Product(type, Operand(b), Operand(a)))
    graph.outputs = (Output(("F",), Operand(first), True), Output(("S",), Operand(second), True))
    back = transpose(graph, (True, False), (True, False))
    assert len(operations(back.graph, Product)) == 1 and back.outputs == (0,)
    none = transpose(graph, (True, False), (False, False))
    assert none.reached == () and none.given == () and len(none.graph) == 0
