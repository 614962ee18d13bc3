"""Roundings of sums: any order of adding stays within the bound, and no fault hides in it, at every size."""

import ml_dtypes
import numpy as np
import pytest

from raggeddsl.graph.compare import compare
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Operand, Product
from tests.graph.passes.agree import family, given, show

rng = np.random.default_rng(5)


def steps(k, *shape):
    return np.arange(k).reshape(k, *[1] * len(shape)) * np.ones(shape)


DATA = {
    "constant": lambda k, n: np.full((k, n), 0.1),
    "one value a column": lambda k, n: np.ones((k, 1)) * rng.random((1, n)),
    "ten values": lambda k, n: rng.integers(1, 11, (k, n)) * 0.1,
    "half zeros": lambda k, n: (rng.random((k, n)) < 0.5) * 0.1,
    "nearly alike": lambda k, n: 1 + 1e-3 * rng.normal(size=(k, n)),
    "positive": lambda k, n: rng.random((k, n)),
    "lognormal": lambda k, n: np.exp(2 * rng.normal(size=(k, n))),
    "normal": lambda k, n: rng.normal(size=(k, n)),
    "sparse": lambda k, n: (rng.random((k, n)) < 0.02) * rng.normal(size=(k, n)),
    "alternating": lambda k, n: (-1.0) ** steps(k, n) * rng.random((k, n)),
    "halves": lambda k, n: np.where(steps(k, n) < k / 2, 1, -1) * rng.random((k, n)),
    "three waves": lambda k, n: np.sin(6 * np.pi * steps(k, n) / k + rng.random(n)),
    "many waves": lambda k, n: np.sin(2 * np.pi * 37 * steps(k, n) / k + rng.random(n)),
    "a large one first": lambda k, n: np.where(steps(k, n) == 0, 1000, 1) * rng.normal(size=(k, n)),
}


def in_sequence(terms):
    return np.cumsum(terms, axis=0, dtype=terms.dtype)[-1]


def in_lanes(terms, lanes):
    padded = np.concatenate([terms, np.zeros((-len(terms) % lanes, *terms.shape[1:]), terms.dtype)])
    return in_sequence(in_sequence(padded.reshape(-1, lanes, *terms.shape[1:])))


def in_blocks(terms, size):
    padded = np.concatenate([terms, np.zeros((-len(terms) % size, *terms.shape[1:]), terms.dtype)])
    blocks = np.swapaxes(padded.reshape(-1, size, *terms.shape[1:]), 0, 1)
    return in_sequence(in_sequence(blocks))


ORDERS = {
    "front to back": in_sequence,
    "back to front": lambda terms: in_sequence(terms[::-1]),
    "two lanes": lambda terms: in_lanes(terms, 2),
    "eight lanes": lambda terms: in_lanes(terms, 8),
    "blocks": lambda terms: in_blocks(terms, 256),
    "shuffled": lambda terms: in_sequence(terms[rng.permutation(len(terms))]),
}


def product(a, b, dtype):
    """The reference of A @ B."""
    graph = Graph()
    m, k, n = *a.shape, b.shape[1]
    x, y = given(graph, "A", [m], [k], dtype), given(graph, "B", [k], [n], dtype)
    show(graph, graph.add(Product(family([m], [n], dtype), Operand(x), Operand(y))))
    return interpret(graph, {"A": [a], "B": [b]}, bounds=True)


@pytest.mark.parametrize("k", [1, 5, 60, 300, 3000, 30_000, 100_000])
@pytest.mark.parametrize("kind", DATA)
def test_any_order_of_adding_is_within_the_bound(kind, k):
    a, b = DATA[kind](k, 6).T.astype("f4"), DATA["constant"](k, 4).astype("f4") + np.float32(1)
    if kind in ("positive", "normal", "ten values"):
        b = DATA[kind](k, 4).astype("f4")
    reference = product(a, b, "f32")
    terms = a.T[:, :, None] * b[:, None, :]
    for name, order in ORDERS.items():
        verdict = compare({"Y0": [order(terms)]}, reference)
        assert verdict.agreed, (name, verdict)


def test_roundings_that_are_independent_need_a_third_of_the_bound():
    """What `roundings` says was measured: λ = 4 where 1.05 was the largest of 4000 sums."""
    for kind in ("positive", "lognormal", "normal", "sparse"):
        a = DATA[kind](10_000, 30).T.astype("f4")
        reference = product(a, np.ones((10_000, 1), "f4"), "f32")
        verdict = compare({"Y0": [in_sequence(a.T)[:, None]]}, reference)
        assert 0.002 < verdict.share < 0.35, (kind, verdict)


# ---------------------------------------------------------------- planted faults

DTYPES = {"f32": np.float32, "f64": np.float64, "bf16": ml_dtypes.bfloat16}
KINDS = {"normal": rng.normal, "positive": lambda size: rng.random(size)}


def unit(dtype):
    return {"f32": 2.0**-24, "f64": 2.0**-53, "bf16": 2.0**-9}[dtype]


def hidden(count, kind, dtype):
    """Whether the largest of `count` summands is so small beside their sum that roundings may hide it.

    Positive ones are each one part in `count`, those of both signs one in √count; sums of f32 may round by
    6 u √count (λ and what s is beyond the sum), and a result in bf16 by 2 u of itself.
    """
    lost = 1 / count if kind == "positive" else 1 / np.sqrt(count)
    return 2 * lost < (4 * unit(dtype) if dtype == "bf16" else 8 * unit(dtype) * np.sqrt(count))


@pytest.mark.parametrize("k", [1, 2, 7, 50, 255, 256, 1000, 5000, 20_000, 100_000])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_faults_in_a_product_are_found(dtype, kind, k):
    a, b = (KINDS[kind](size=size).astype(DTYPES[dtype]) for size in ((3, k), (k, 2)))
    reference = product(a, b, dtype)
    A, B = a.astype("f8"), b.astype("f8")
    terms = A.T[:, :, None] * B[:, None, :]
    right = A @ B
    stretch = slice(k // 3, k // 3 + max(1, k // 8))
    faults = {"twice": right + terms[stretch].sum(0), "left out": right - terms[stretch].sum(0)}
    if kind == "normal" or k < 1000:  # sums of many like terms are like each other
        faults["swapped"] = right[[1, 0, 2]]
    if not hidden(k, kind, dtype):
        at = np.abs(terms).max(axis=(1, 2)).argmax()
        faults["one term"] = right - terms[at]
    assert compare({"Y0": [right.astype(DTYPES[dtype])]}, reference).agreed
    for name, wrong in faults.items():
        assert not compare({"Y0": [wrong.astype(DTYPES[dtype])]}, reference).agreed, name


@pytest.mark.parametrize(
    "products, k", [(1, 1), (2, 3), (10, 30), (100, 3), (1000, 1), (10_000, 2), (1000, 100)]
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_product_of_a_sum_that_is_lost_or_added_twice_is_found(dtype, kind, products, k):
    if hidden(products, kind, dtype):
        pytest.skip("one of so many is less than the rounding of the result")
    graph = Graph()
    sizes = ([3] * products, [k] * products), ([k] * products, [2] * products)
    x, y = (given(graph, name, *size, dtype) for name, size in zip("AB", sizes, strict=True))
    target = np.zeros(products, np.int64)
    show(graph, graph.add(Product(family([3], [2], dtype), Operand(x), Operand(y), target=target)))
    A, B = (KINDS[kind](size=size).astype(DTYPES[dtype]) for size in ((products, 3, k), (products, k, 2)))
    reference = interpret(graph, {"A": list(A), "B": list(B)}, bounds=True)
    terms = A.astype("f8") @ B.astype("f8")
    right = terms.sum(0)
    assert compare({"Y0": [right.astype(DTYPES[dtype])]}, reference).agreed
    if dtype == "f32":
        for order in ORDERS.values():
            assert compare({"Y0": [order(terms.astype("f4"))]}, reference).agreed
    at = np.abs(terms).max(axis=(1, 2)).argmax()
    for wrong in (right - terms[at], right + terms[at]):
        assert not compare({"Y0": [wrong.astype(DTYPES[dtype])]}, reference).agreed


@pytest.mark.parametrize("kind", ["constant", "half zeros", "ten values", "positive", "normal"])
def test_many_products_may_be_added_in_any_order(kind):
    count = 4000
    graph = Graph()
    x, y = given(graph, "A", [2] * count, [1] * count), given(graph, "B", [1] * count, [2] * count)
    target = np.zeros(count, np.int64)
    show(graph, graph.add(Product(family([2], [2]), Operand(x), Operand(y), target=target)))
    A = DATA[kind](count, 2).astype("f4")[:, :, None]
    B = np.ones((count, 1, 2), "f4") * np.float32(0.7)
    reference = interpret(graph, {"A": list(A), "B": list(B)}, bounds=True)
    for name, order in ORDERS.items():
        verdict = compare({"Y0": [order(A @ B)]}, reference)
        assert verdict.agreed, (name, verdict)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
@pytest.mark.parametrize("dtype", ["f32", "f64"])
def test_small_and_large_numbers_have_bounds_of_their_size(dtype, scale):
    scale = scale if dtype == "f32" else scale**8
    a, b = rng.normal(size=(3, 400)) * scale, rng.normal(size=(400, 2))
    a, b = a.astype(DTYPES[dtype]), b.astype(DTYPES[dtype])
    reference = product(a, b, dtype)
    right = in_sequence(a.T[:, :, None] * b[:, None, :])
    assert compare({"Y0": [right]}, reference).agreed
    assert not compare({"Y0": [right * (1 + 1e-3)]}, reference).agreed
