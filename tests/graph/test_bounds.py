"""Error bounds: right results pass, wrong ones do not, and both are said of the right member."""

import ml_dtypes
import numpy as np
import pytest

from raggeddsl.graph.bounds import Bound, Reference, compare, error_bound
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


def test_one_wrong_element_is_found_and_named():
    good = [np.ones((2, 2)), np.ones((3, 1)), np.ones((1, 1))]
    reference = Reference({"Y": good}, {"Y": Bound([np.ones_like(x) for x in good], 1.0, 1e-6)})
    bad = [x.copy() for x in good]
    bad[1][2, 0] += 3e-6
    verdict = compare({"Y": bad}, reference)
    assert (verdict.agreed, verdict.worst, verdict.members) == (False, "Y[1]", 3)
    assert verdict.error == pytest.approx(3e-6)
    assert verdict.share == pytest.approx(3, rel=1e-3)
    assert compare({"Y": good}, reference).agreed


@pytest.mark.parametrize("have", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_agrees_with_itself_only(have):
    wanted = np.array([[have, 1.0]])
    reference = Reference({"G": wanted}, {"G": Bound(np.abs(wanted), 1.0, 1e-6)})
    assert compare({"G": wanted.astype("f4")}, reference).agreed
    assert not compare({"G": np.array([[1.0, 1.0]])}, reference).agreed
    plain = Reference({"G": np.ones((1, 2))}, {"G": Bound(np.ones((1, 2)), 1.0, 1e-6)})
    assert not compare({"G": wanted.astype("f4")}, plain).agreed


def test_a_missing_result_and_one_of_another_shape_do_not_agree():
    reference = Reference({"G": np.ones((2, 2))}, {"G": Bound(np.ones((2, 2)), 1.0, 1e-6)})
    assert compare({}, reference).share == np.inf
    assert not compare({"G": np.ones((2, 1))}, reference).agreed


def test_integers_must_be_exact():
    graph = Graph()
    a = given(graph, "A", [2], [2], "i32")
    show(graph, graph.add(Product(family([2], [2], "i32"), Operand(a), Operand(a))))
    value = np.array([[1, 2], [3, 4]], np.int32)
    reference = interpret(graph, {"A": [value]}, bounds=True)
    assert compare({"Y0": [value @ value]}, reference).agreed
    assert not compare({"Y0": [value @ value + np.eye(2, dtype=np.int32)]}, reference).agreed


def test_squaring_again_and_again_has_the_length_of_the_product_written_out():
    graph = Graph()
    key = given(graph, "A", [4], [4], "f32")
    for _ in range(10):
        key = graph.add(Product(family([4], [4]), Operand(key), Operand(key)))
    show(graph, key)
    inputs = {"A": [rng.uniform(0, 0.5, (4, 4)).astype("f4")]}
    reference = interpret(graph, inputs, bounds=True)
    assert reference.bounds["Y0"].length == 2**10 - 1
    value = inputs["A"][0]
    for _ in range(10):
        value = value @ value
    assert compare({"Y0": [value]}, reference).agreed


def test_the_bound_of_the_documentation_is_the_one_used():
    magnitude = np.array([[2.0]])
    assert error_bound("f32", magnitude, 3.0).item() == pytest.approx(16 * 2**-23 * 3 * 2)
    assert error_bound("bf16", magnitude, 1.0).item() == pytest.approx((16 * 2**-23 + 2 * 2**-7) * 2)
    assert error_bound("i32", magnitude, 3.0).item() == 0


def newton_schulz(steps):
    """The reference of so many steps on three matrices whose rows are nearly orthonormal."""
    graph, sizes = Graph(), [20, 30, 40]
    type = family(sizes, sizes, "f32")
    key = given(graph, "X", sizes, sizes, "f32")
    for _ in range(steps):
        square = graph.add(Product(type, Operand(key), Operand(key, transposed=True)))
        cube = graph.add(Product(type, Operand(square), Operand(key)))
        key = graph.add(Combine(type, (Term(Operand(key), 1.5), Term(Operand(cube), -0.5))))
    show(graph, key)
    X = [np.linalg.qr(rng.normal(size=(n, n)))[0] * rng.uniform(0.5, 1, (n, 1)) for n in sizes]
    return interpret(graph, {"X": X}, bounds=True)


@pytest.mark.parametrize(("steps", "unproven"), [(1, 0), (5, 3)])
def test_members_of_which_the_bound_proves_nothing_are_counted(steps, unproven):
    reference = newton_schulz(steps)
    right = {"Y0": [member.astype("f4") for member in reference.values["Y0"]]}
    zeros = {"Y0": [0 * member for member in right["Y0"]]}
    assert compare(right, reference).agreed and compare(right, reference).unproven == unproven
    assert compare(zeros, reference).agreed == (unproven == 3)


def test_a_member_of_zeros_is_proven_to_be():
    reference = Reference({"G": np.zeros((2, 2))}, {"G": Bound(np.ones((2, 2)), 3.0, 1e-6)})
    assert compare({"G": np.zeros((2, 2), "f4")}, reference).unproven == 0
