"""The reference interpreter against results worked out by hand or in plain NumPy."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Chain, Combine, Input, Join, Operand, Output, Product, Term, Transpose
from tests.graph.passes.agree import family, given, scalars, show
from tests.steps import steps
from tests.strategies import ALL_DTYPES, graphs, inputs_for, seeds

rng = np.random.default_rng(7)
A = [rng.normal(size=(2, 3)), rng.normal(size=(0, 3)), rng.normal(size=(4, 1))]
B = [rng.normal(size=(3, 2)), rng.normal(size=(3, 5)), rng.normal(size=(1, 1))]


def pairs() -> tuple[Graph, int, int]:
    graph = Graph()
    return (
        graph,
        given(graph, "A", [2, 0, 4], [3, 3, 1], "f64"),
        given(graph, "B", [3, 3, 1], [2, 5, 1], "f64"),
    )


def test_a_product_is_that_of_its_members():
    graph, a, b = pairs()
    show(graph, graph.add(Product(family([2, 0, 4], [2, 5, 1], "f64"), Operand(a), Operand(b))))
    out = interpret(graph, {"A": A, "B": B})["Y0"]
    for have, x, y in zip(out, A, B, strict=True):
        np.testing.assert_array_equal(have, x @ y)


def test_maps_transposes_scales_targets_and_addends_are_applied():
    graph, a, b = pairs()
    s = scalars(graph, "s", 2, "f64")
    x = given(graph, "X", [2, 4, 3], [2, 1, 3], "f64")
    members, target = np.array([0, 0, 2, 0]), np.array([0, 0, 1, 0])
    product = Product(
        family([2, 1, 3], [2, 4, 3], "f64"),
        Operand(b, members, True),
        Operand(a, members, True),
        -0.5,
        Operand(s, np.array([0, 1, 0, 1])),
        target,
        (Term(Operand(x, None, True), 3),),
    )
    show(graph, graph.add(product))
    X = [rng.normal(size=(2, 2)), rng.normal(size=(4, 1)), rng.normal(size=(3, 3))]
    out = interpret(graph, {"A": A, "B": B, "s": np.array([2.0, 10.0]), "X": X})["Y0"]
    np.testing.assert_allclose(out[0], 3 * X[0].T - 0.5 * (2 + 10 + 10) * (B[0].T @ A[0].T))
    np.testing.assert_allclose(out[1], 3 * X[1].T - 0.5 * 2 * (B[2].T @ A[2].T))
    np.testing.assert_allclose(out[2], 3 * X[2].T)


def test_an_empty_inner_size_gives_zeros_and_an_empty_sum_too():
    graph = Graph()
    a, b = given(graph, "A", [2], [0]), given(graph, "B", [0], [3])
    product = graph.add(Product(family([2], [3]), Operand(a), Operand(b)))
    empty = graph.add(Combine(family([2, 1], [3, 0]), ()))
    show(graph, product, empty)
    out = interpret(graph, {"A": [np.zeros((2, 0))], "B": [np.zeros((0, 3))]})
    np.testing.assert_array_equal(out["Y0"][0], np.zeros((2, 3)))
    assert [x.shape for x in out["Y1"]] == [(2, 3), (1, 0)]


def test_a_chain_a_transpose_and_a_join_are_what_they_say():
    graph, a, b = pairs()
    square = family([2, 0, 4], [2, 5, 1], "f64")
    product = graph.add(Product(square, Operand(a), Operand(b)))
    chain = graph.add(
        Chain(family([2, 0, 4], [3, 3, 1], "f64"), (Operand(a), Operand(b), Operand(b, None, True)))
    )
    flip = graph.add(Transpose(square.transpose(), Operand(product)))
    part = graph.add(Combine(family([2], [3], "f64"), (Term(Operand(a, np.array([0])), 2),)))
    other = graph.add(Combine(family([0, 4], [3, 1], "f64"), (Term(Operand(a, np.array([1, 2]))),)))
    join = graph.add(
        Join(family([0, 2, 4], [3, 3, 1], "f64"), (part, other), (np.array([1]), np.array([0, 2])))
    )
    show(graph, chain, flip, join)
    out = interpret(graph, {"A": A, "B": B})
    for place in range(3):
        np.testing.assert_allclose(out["Y0"][place], A[place] @ B[place] @ B[place].T)
        np.testing.assert_array_equal(out["Y1"][place], (A[place] @ B[place]).T)
    for have, want in zip(out["Y2"], [A[1], 2 * A[0], A[2]], strict=True):
        np.testing.assert_array_equal(have, want)


def test_single_matrices_and_scalars_go_by_their_own_names():
    graph = Graph()
    both = graph.add(Input(family([2, 3], [3, 2]), ("V", "W"), False))
    s = graph.add(Input(family([1], [1], scalar=True), ("s",), False))
    product = graph.add(
        Product(family([2], [2]), Operand(both, np.array([0])), Operand(both, np.array([1])), by=Operand(s))
    )
    graph.outputs = (
        Output(("P",), Operand(product), False),
        Output(("t",), Operand(s), False),
        Output(("W2", "V2"), Operand(both, np.array([1, 0])), False),
    )
    V, W = rng.normal(size=(2, 3)), rng.normal(size=(3, 2))
    out = interpret(graph, {"V": V, "W": W, "s": np.float32(3)})
    np.testing.assert_allclose(out["P"], 3 * V @ W)
    assert out["t"].shape == ()
    np.testing.assert_array_equal(out["W2"], W)


def test_integers_wrap_to_their_type():
    graph = Graph()
    a = given(graph, "A", [1], [2], "i8")
    square = graph.add(Product(family([1], [1], "i8"), Operand(a), Operand(a, None, True)))
    show(graph, square)
    out = interpret(graph, {"A": [np.array([[100, 3]], np.int8)]})["Y0"]
    assert out[0].item() == np.array(100 * 100 + 9).astype(np.int8)


def test_narrow_inputs_are_taken_as_they_are_and_results_stay_f64():
    graph = Graph()
    a = given(graph, "A", [1], [1], "bf16")
    show(graph, graph.add(Combine(family([1], [1], "bf16"), (Term(Operand(a), 1 / 3),))))
    value = np.array([[1.1]], ml_dtypes.bfloat16)
    out = interpret(graph, {"A": [value]})["Y0"][0]
    assert out.dtype == np.float64
    assert out.item() == float(value.item()) / 3


def test_an_input_of_another_shape_or_number_is_named():
    graph, a, _ = pairs()
    show(graph, a)
    with pytest.raises(ValueError, match=r"`A\[2\]` has shape \(4, 1\), \(1, 4\) was given"):
        interpret(graph, {"A": [A[0], A[1], A[2].T], "B": B})
    with pytest.raises(ValueError, match="`A` has 3 members, 2 were given"):
        interpret(graph, {"A": A[:2], "B": B})


@settings(max_examples=50, deadline=None)
@drawn(graphs(dtypes=ALL_DTYPES), seeds)
def test_bounds_come_with_the_same_values_in_the_same_form(graph, seed):
    inputs = inputs_for(graph, seed)
    plain, reference = interpret(graph, inputs), interpret(graph, inputs, bounds=True)
    assert plain.keys() == reference.values.keys() == reference.bounds.keys()
    for name, value in plain.items():
        triples = zip(
            *(
                [x] if not isinstance(x, list) else x
                for x in (value, reference.values[name], reference.bounds[name])
            ),
            strict=True,
        )
        for member, same, bound in triples:
            np.testing.assert_array_equal(member, same)
            assert bound.shape == member.shape and bound.dtype == np.float64 and not (bound < 0).any()


def test_a_member_takes_as_few_steps_among_many_as_among_few():
    def interpreting(count):
        sizes = np.full(count, 4)
        graph = Graph()
        a = given(graph, "A", sizes, sizes)
        show(graph, graph.add(Product(family(sizes, sizes), Operand(a), Operand(a, None, True))))
        inputs = inputs_for(graph)
        return steps(lambda: interpret(graph, inputs, bounds=True))

    assert interpreting(2000) < 2.5 * interpreting(1000)
