"""Errors followed through graphs: right results pass, whatever they go through, and wrong ones do not."""

import ml_dtypes
import numpy as np
import pytest

from raggeddsl.graph.compare import compare
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Arithmetic, Chain, Combine, Operand, Product, Term
from tests.graph.passes.agree import family, given, show

rng = np.random.default_rng(3)


def chain(factors: int, size: int, dtype: str, accum: str | None = None):
    """A chain of square factors, its inputs rounded to `dtype`, and the reference of both."""
    graph = Graph()
    keys = [given(graph, f"F{n}", [size], [size], dtype) for n in range(factors)]
    show(
        graph,
        graph.add(Chain(family([size], [size], dtype), tuple(map(Operand, keys)), Arithmetic(accum=accum))),
    )
    numpy = {"bf16": ml_dtypes.bfloat16}.get(dtype, {"f32": "f4", "f16": "f2", "f64": "f8"}.get(dtype))
    inputs = {f"F{n}": [rng.normal(size=(size, size)).astype(numpy)] for n in range(factors)}
    return inputs, interpret(graph, inputs, bounds=True)


def multiplied(inputs, accumulate, stored):
    matrices = [members[0] for members in inputs.values()]
    out = matrices[0]
    for other in matrices[1:]:
        out = (out.astype(accumulate) @ other.astype(accumulate)).astype(stored)
    return out


@pytest.mark.parametrize("factors", [2, 3, 6])
@pytest.mark.parametrize(
    ("dtype", "accumulate", "stored"),
    [("f32", "f4", "f4"), ("bf16", "f4", ml_dtypes.bfloat16), ("f16", "f4", "f2"), ("f64", "f8", "f8")],
)
def test_products_in_their_own_type_agree(dtype, accumulate, stored, factors):
    inputs, reference = chain(factors, 40, dtype)
    verdict = compare({"Y0": [multiplied(inputs, accumulate, stored)]}, reference)
    assert verdict.agreed
    assert 0 < verdict.share < 1 or dtype == "f64"


def test_a_product_summed_in_a_narrower_type_does_not_agree():
    inputs, reference = chain(2, 400, "f32")
    narrow = [members[0].astype("f2") for members in inputs.values()]
    assert not compare({"Y0": [(narrow[0] @ narrow[1]).astype("f4")]}, reference).agreed


def test_a_narrow_accumulator_that_was_asked_for_is_allowed():
    inputs, reference = chain(2, 40, "f32", accum="f16")
    rough = multiplied({name: [m[0].astype("f2")] for name, m in inputs.items()}, "f4", "f4")
    assert compare({"Y0": [rough]}, reference).agreed


def test_integers_must_be_exact():
    graph = Graph()
    a = given(graph, "A", [2], [2], "i32")
    show(graph, graph.add(Product(family([2], [2], "i32"), Operand(a), Operand(a))))
    value = np.array([[1, 2], [3, 4]], np.int32)
    reference = interpret(graph, {"A": [value]}, bounds=True)
    assert compare({"Y0": [value @ value]}, reference).agreed
    assert not compare({"Y0": [value @ value + np.eye(2, dtype=np.int32)]}, reference).agreed


def iterated(step, steps, members):
    """The reference of so many steps on these members, each step adding nodes to a graph."""
    graph, sizes = Graph(), ([len(x) for x in members], [x.shape[1] for x in members])
    key = given(graph, "X", *sizes)
    for _ in range(steps):
        key = step(graph, key, sizes)
    show(graph, key)
    return interpret(graph, {"X": members}, bounds=True)


def quintic(graph, key, sizes):
    """Muon's step, as examples/muon has it."""
    rows, type = family(sizes[0], sizes[0]), family(*sizes)
    square = graph.add(Product(rows, Operand(key), Operand(key, transposed=True)))
    fourth = graph.add(Product(rows, Operand(square), Operand(square)))
    inner = graph.add(Combine(rows, (Term(Operand(square), -4.775), Term(Operand(fourth), 2.0315))))
    last = graph.add(Product(type, Operand(inner), Operand(key)))
    return graph.add(Combine(type, (Term(Operand(key), 3.4445), Term(Operand(last)))))


def quintic_in_f32(x):
    square = x @ x.T
    return np.float32(3.4445) * x + (np.float32(-4.775) * square + np.float32(2.0315) * square @ square) @ x


def test_five_newton_schulz_steps_are_proven():
    members = [rng.normal(size=shape).astype("f4") for shape in [(8, 8), (20, 50), (100, 100), (128, 700)]]
    members = [x / np.linalg.norm(x) for x in members]
    reference = iterated(quintic, 5, members)
    found = []
    for x in members:
        for _ in range(5):
            x = quintic_in_f32(x)
        found.append(x)
    right = compare({"Y0": found}, reference)
    assert (right.agreed, right.unproven) == (True, 0), right
    for wrong in ([0 * x for x in found], [x[::-1] for x in found], [quintic_in_f32(x) for x in found]):
        assert not compare({"Y0": wrong}, reference).agreed


def squared(graph, key, sizes):
    return graph.add(Product(family(*sizes), Operand(key), Operand(key)))


@pytest.mark.parametrize("size", [4, 30, 300])
def test_a_stochastic_matrix_squared_again_and_again_drifts_as_a_whole(size):
    x = rng.random((size, size))
    x = (x / x.sum(1, keepdims=True)).astype("f4")
    reference = iterated(squared, 10, [x])
    for _ in range(10):
        x = x @ x
    verdict = compare({"Y0": [x]}, reference)
    assert verdict.agreed and verdict.unproven == 0, verdict
    x[0, 0] *= 1.2
    assert not compare({"Y0": [x]}, reference).agreed


def test_what_was_centred_keeps_the_error_of_its_mean():
    """The rows of J @ X are alike, and so are their errors: those of W @ (X - J @ X) do not average out."""
    n, k = 600, 300
    graph = Graph()
    w, j, x = (given(graph, name, [m], [n]) for name, m, n in (("W", 20, n), ("J", n, n), ("X", n, k)))
    mean = graph.add(Product(family([n], [k]), Operand(j), Operand(x)))
    centred = graph.add(Combine(family([n], [k]), (Term(Operand(x)), Term(Operand(mean), -1))))
    show(graph, graph.add(Product(family([20], [k]), Operand(w), Operand(centred))))
    W, J = rng.random((20, n)).astype("f4"), np.full((n, n), 1 / n, "f4")
    X = (100 + rng.normal(size=(n, k))).astype("f4")
    reference = interpret(graph, {"W": [W], "J": [J], "X": [X]}, bounds=True)
    mean = np.cumsum(J[0, :, None] * X, axis=0, dtype="f4")[-1]
    verdict = compare({"Y0": [W @ (X - mean)]}, reference)
    assert verdict.agreed and verdict.unproven == 0, verdict


def test_a_chain_may_run_in_any_order():
    graph = Graph()
    keys = [given(graph, f"F{n}", [30], [30]) for n in range(4)]
    show(graph, graph.add(Chain(family([30], [30]), tuple(map(Operand, keys)))))
    a, b, c, d = F = [rng.normal(size=(30, 30)).astype("f4") for _ in keys]
    b[:, :] = np.linalg.pinv(a) * 1.0  # one order has the unit matrix in between
    reference = interpret(graph, {f"F{n}": [f] for n, f in enumerate(F)}, bounds=True)
    for found in (
        ((a @ b) @ c) @ d,
        a @ (b @ (c @ d)),
        (a @ b) @ (c @ d),
        a @ ((b @ c) @ d),
        (a @ (b @ c)) @ d,
    ):
        assert compare({"Y0": [found]}, reference).agreed
    assert not compare({"Y0": [found * (1 + 1e-3)]}, reference).agreed


def test_a_sum_that_is_summed_again_may_be_added_in_any_order():
    """(A - B) + C with A and B large and alike: C may be added to A first."""
    graph, type = Graph(), family([5], [5])
    a, b, c = (given(graph, name, [5], [5]) for name in "ABC")
    inner = graph.add(Combine(type, (Term(Operand(a)), Term(Operand(b), -1))))
    show(graph, graph.add(Combine(type, (Term(Operand(inner)), Term(Operand(c))))))
    A = (1000 * rng.random((5, 5))).astype("f4")
    B, C = A + np.float32(1), rng.normal(size=(5, 5)).astype("f4")
    reference = interpret(graph, {"A": [A], "B": [B], "C": [C]}, bounds=True)
    assert compare({"Y0": [(A + C) - B]}, reference).agreed
    assert not compare({"Y0": [(A + C) - B + np.float32(0.01)]}, reference).agreed
