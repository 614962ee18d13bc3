"""The derivative of a graph is a graph: right, linear, and without work that is done already."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.graph.derive import linearise
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, FamilyType, Input, Operand, Output, Product, Term
from raggeddsl.graph.passes import normalise
from tests.graph.derive.deriving import difference, directions, flags, random_buffers, run
from tests.programs import family, pairs
from tests.strategies import graphs, seeds


def tangents(graph, buffers, varies, dots):
    """The tangents of all outputs by the derived graphs, zeros where there is none."""
    found = linearise(graph, varies)
    zeros = [np.zeros_like(out) for out in run(graph, buffers)]
    if found is None:
        return zeros
    outputs = run(found.primal, buffers)
    given = [buffers[place] for place in found.given] + [outputs[place] for place in found.kept]
    changes = run(found.tangent, given + [dots[place] for place in found.varied], normal=False)
    for place, change in zip(found.outputs, changes, strict=True):
        zeros[place] = change
    return zeros


@settings(max_examples=60)
@given(graphs(dtypes=("f64", "c128", "i32"), max_operations=5), seeds, st.integers(0, 255))
def test_tangents_are_what_a_small_step_changes(graph, seed, bits):
    graph = normalise(graph)
    buffers = random_buffers(graph, seed)
    varies = flags(len(buffers), bits)
    dots = directions(buffers, varies, seed)
    changed = difference(graph, buffers, dots)
    for given_, wanted in zip(tangents(graph, buffers, varies, dots), changed, strict=True):
        if given_.dtype.kind != "i":
            np.testing.assert_allclose(
                given_, wanted, rtol=1e-4, atol=1e-4 * (1 + np.abs(wanted).max(initial=0))
            )


@settings(max_examples=40)
@given(graphs(dtypes=("f64",)), seeds)
def test_what_the_derivative_keeps_leaves_the_results_as_they_are(graph, seed):
    graph = normalise(graph)
    buffers = random_buffers(graph, seed)
    found = linearise(graph, [True] * len(buffers))
    if found is not None:
        for wider, plain in zip(run(found.primal, buffers), run(graph, buffers), strict=False):
            np.testing.assert_array_equal(wider, plain)


def test_a_product_keeps_nothing_and_costs_one_product_for_each_factor_that_varies():
    found = linearise(normalise(pairs()), (True, True))
    assert found is not None and found.kept == () and len(found.primal.outputs) == 1
    assert products(normalise(found.tangent)) == 2
    found = linearise(normalise(pairs()), (True, False))
    assert found is not None and products(normalise(found.tangent)) == 1
    assert found.given == (1,), "of the inputs it reads only the other factor"
    assert found.varied == (0,)


def test_intermediates_are_kept_and_not_computed_again():
    graph = Graph()
    a, b, c = (graph.add(Input(family([3], [3], "f64"), (name,), True)) for name in "abc")
    ab = graph.add(Product(family([3], [3], "f64"), Operand(a), Operand(b)))
    abc = graph.add(Product(family([3], [3], "f64"), Operand(ab), Operand(c)))
    graph.outputs = (Output(("Y",), Operand(abc), True),)
    found = linearise(graph, (True, True, True))
    assert found is not None and found.kept == (1,) and len(found.primal.outputs) == 2
    assert products(found.tangent) == 4
    found = linearise(graph, (True, True, False))
    assert found is not None and found.kept == () and found.primal is graph


def test_an_output_that_is_needed_is_not_kept_twice():
    graph = Graph()
    type = family([2], [2], "f64")
    a = graph.add(Input(type, ("a",), True))
    square = graph.add(Product(type, Operand(a), Operand(a)))
    fourth = graph.add(Product(type, Operand(square), Operand(square)))
    graph.outputs = (Output(("S",), Operand(square), True), Output(("F",), Operand(fourth), True))
    found = linearise(graph, (True,))
    assert found is not None and found.primal is graph and found.kept == (0,)


def test_what_does_not_vary_has_no_tangent():
    graph = Graph()
    type = FamilyType(np.array([2]), np.array([2]), "i32")
    whole = graph.add(Input(type, ("n",), True))
    real = graph.add(Input(family([2], [2], "f64"), ("x",), True))
    counted = graph.add(Product(type, Operand(whole), Operand(whole)))
    scaled = graph.add(Combine(family([2], [2], "f64"), (Term(Operand(real), 3),)))
    graph.outputs = (Output(("N",), Operand(counted), True), Output(("X",), Operand(scaled), True))
    assert linearise(graph, (True, False)) is None
    found = linearise(graph, (True, True))
    assert found is not None and found.outputs == (1,) and found.varied == (1,)


def test_both_factors_may_be_one_and_the_same_use():
    graph = Graph()
    type = family([3], [3], "f64")
    use = Operand(graph.add(Input(type, ("a",), True)))
    graph.outputs = (Output(("S",), Operand(graph.add(Product(type, use, use))), True),)
    (a,) = random_buffers(graph)
    (dot,) = directions([a], [True], 1)
    (changed,) = tangents(graph, [a], (True,), [dot])
    x, d = a.reshape(3, 3), dot.reshape(3, 3)
    np.testing.assert_allclose(changed.reshape(3, 3), x @ d + d @ x)


def products(graph) -> int:
    return sum(isinstance(graph.op(key), Product) for key in graph)
