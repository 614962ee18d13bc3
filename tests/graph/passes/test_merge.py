"""Matrices named one by one become families."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Input, Operand, Origin, Output, Product, Term
from raggeddsl.graph.passes import normalise
from raggeddsl.graph.passes.merge import Merge
from raggeddsl.tuning import DEFAULT, GraphTuning
from tests.graph.passes.agree import TYPES, assert_same_results, family, of
from tests.strategies import graphs, seeds


def single(graph: Graph, name: str, rows: int, cols: int, dtype: str = "f32", scalar: bool = False) -> int:
    return graph.add(Input(family([rows], [cols], dtype, scalar), (name,), False))


def many(count: int) -> Graph:
    """`C_i = 0.5 * A_i @ B_i` and `D_i = A_i @ B_i @ B_i.T`, line by line, i from 0."""
    graph = Graph()
    outputs = []
    for i in range(count):
        m, k, n = 1 + i % 5, 1 + i % 7, 1 + i % 3
        a, b = single(graph, f"A{i}", m, k), single(graph, f"B{i}", k, n)
        product = graph.add(Product(family([m], [n]), Operand(a), Operand(b), origin=Origin(f"P{i}")))
        half = graph.add(Combine(family([m], [n]), (Term(Operand(product), 0.5),)))
        factors = (Operand(a), Operand(b), Operand(b, None, True))
        chain = graph.add(Chain(family([m], [k]), factors))
        outputs += [Output((f"C{i}",), Operand(half), False), Output((f"D{i}",), Operand(chain), False)]
    graph.outputs = tuple(outputs)
    return graph


def test_a_thousand_lines_become_a_handful_of_nodes():
    graph = many(1000)
    new = Merge().apply(graph)
    assert len(new) == 4
    (given,) = of(new, Input)
    assert given.names[:3] == ("A0", "B0", "A1") and len(given.names) == 2000 and not given.family
    assert of(new, Product)[0].origin.label == "P0 and 999 more"
    assert [len(output.names) for output in new.outputs] == [1000, 1000]
    assert all(output.operand.members is None for output in new.outputs)
    assert len(normalise(graph)) <= 8
    assert_same_results(graph, new)
    assert_same_results(graph, normalise(graph))


def test_few_inputs_keep_their_own_buffers():
    graph = many(2)
    assert Merge().apply(graph) is graph
    assert len(of(Merge(GraphTuning(few_inputs=3)).apply(graph), Input)) == 1


def test_large_inputs_keep_their_own_buffers():
    """To pack them would copy them at each call."""
    graph = Graph()
    large = [single(graph, f"L{i}", 2000, 1000 + i) for i in range(20)]
    small = [single(graph, f"S{i}", 3, 2 + i) for i in range(10)]
    grams = [graph.add(Product(family([3], [3]), Operand(k), Operand(k, None, True))) for k in small]
    sums = [graph.add(Combine(graph.type(key), (Term(Operand(key), 2.0),))) for key in large]
    graph.outputs = tuple(Output((f"Y{key}",), Operand(key), False) for key in [*grams, *sums])
    names = [node.names for node in of(Merge().apply(graph), Input)]
    assert sorted(map(len, names)) == [1] * DEFAULT.graph.most_own_buffers + [
        len(large) - DEFAULT.graph.most_own_buffers + len(small)
    ]
    assert {name for own in names if len(own) == 1 for name in own} == {f"L{i}" for i in range(4, 20)}


def test_only_what_is_alike_is_merged():
    graph = Graph()
    inputs = [single(graph, f"A{i}", 2, 2) for i in range(6)] + [
        single(graph, f"B{i}", 2, 2, "f64") for i in range(6)
    ]
    outputs = []
    for i, (key, factor) in enumerate(zip(inputs, [1, 1, 2, 2, 2, 1] * 2, strict=True)):
        dtype = graph.type(key).dtype
        product = Product(family([2], [2], dtype), Operand(key), Operand(key, None, i % 2 == 1), factor)
        outputs.append(Output((f"Y{i}",), Operand(graph.add(product)), False))
    graph.outputs = tuple(outputs)
    new = Merge(GraphTuning(few_inputs=1)).apply(graph)
    forms = {(p.type.dtype, p.factor, p.rhs.transposed): len(p.type) for p in of(new, Product)}
    assert len(of(new, Input)) == 2
    assert len(of(new, Product)) == len(forms) == 8
    assert sum(forms.values()) == 12
    assert_same_results(graph, new)


def test_what_is_read_differently_is_kept_apart_so_that_it_can_still_be_folded():
    graph = Graph()
    keys = [single(graph, f"A{i}", 2, 2) for i in range(4)]
    products = [graph.add(Product(family([2], [2]), Operand(key), Operand(key))) for key in keys]
    sums = [graph.add(Combine(family([2], [2]), (Term(Operand(p), 2.0),))) for p in products[:2]]
    graph.outputs = tuple(Output((f"Y{p}",), Operand(p), False) for p in sums + products[2:])
    new = Merge(GraphTuning(few_inputs=1)).apply(graph)
    assert [len(p.type) for p in of(new, Product)] == [2, 2]
    assert of(normalise(graph), Combine) == []


def test_declared_families_stay_as_they_are():
    graph = Graph()
    a = graph.add(Input(family([2] * 9, [2] * 9), ("A",), True))
    one = graph.add(Product(family([2] * 9, [2] * 9), Operand(a), Operand(a)))
    two = graph.add(Product(family([2] * 9, [2] * 9), Operand(a), Operand(a)))
    graph.outputs = (Output(("Y",), Operand(one), True), Output(("Z",), Operand(two), True))
    assert Merge(GraphTuning(few_inputs=1)).apply(graph) is graph


def test_one_member_shown_under_two_names_keeps_both():
    graph = many(10)
    graph.outputs += (Output(("again",), graph.outputs[4].operand, False),)
    new = Merge().apply(graph)
    assert {name for output in new.outputs for name in output.names} >= {"again", "C2"}
    assert_same_results(graph, new)
    assert_same_results(graph, normalise(graph))


@pytest.mark.parametrize("apart", [1, 3])
@settings(max_examples=60)
@drawn(graphs(dtypes=TYPES[:3], max_members=1, max_size=3, max_operations=12), seeds)
def test_merging_keeps_every_result(apart, graph, seed):
    assert_same_results(graph, Merge(GraphTuning(few_inputs=apart)).apply(graph), seed)


def test_sums_with_targets_are_merged_with_their_targets_moved_on():
    graph = Graph()
    outputs = []
    for i in range(10):
        a = single(graph, f"A{i}", 2, 3)
        members, target = np.zeros(i, np.int64), np.zeros(i, np.int64)
        total = Product(family([2], [2]), Operand(a, members), Operand(a, members, True), target=target)
        outputs.append(Output((f"Y{i}",), Operand(graph.add(total)), False))
    graph.outputs = tuple(outputs)
    new = Merge().apply(graph)
    (product,) = of(new, Product)
    np.testing.assert_array_equal(product.target, np.repeat(np.arange(10), np.arange(10)))
    assert_same_results(graph, new)
