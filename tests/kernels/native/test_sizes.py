"""Sizes at, below and above the edges of vectors and tiles, skewed ones, and all ways an operand may lie."""

from __future__ import annotations

import numpy as np
import pytest

from raggeddsl.dtypes import DTYPES, promote
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Combine, Input, Operand, Output, Product, Term
from tests.kernels.native.running import (
    check,
    check_in_every_isa,
    gram,
    pairs,
    planned,
    run,
    run_in_every_isa,
    show,
    sized,
)
from tests.strategies import ALL_DTYPES, inputs_for
from tests.tunings import tuned

EDGES = (0, 1, 15, 16, 17, *range(31, 66))
SKEWED = ((1, 5000, 3), (3, 5000, 1), (1, 3, 5000), (5000, 3, 1), (1, 1, 5000), (2, 4099, 2), (7, 2001, 5))
LARGE = ((300, 900, 280), (1000, 17, 3), (3, 1000, 17), (17, 3, 1000), (1000, 1000, 16), (100, 1000, 130))


def edge_shapes() -> list[tuple[int, int, int]]:
    """Every edge on every axis, the other axes anything."""
    rng = np.random.default_rng(5)
    shapes = []
    for axis in range(3):
        for size in EDGES:
            shape = rng.choice(EDGES, 3)
            shape[axis] = size
            shapes.append(tuple(int(x) for x in shape))
    return shapes


def whole_numbers(graph: Graph, seed: int = 3) -> dict:
    """Inputs of -2 … 2, with which every sum over k is exact in f32 and in i32."""
    rng = np.random.default_rng(seed)
    found = {}
    for key in graph.inputs:
        node = graph.op(key)
        assert isinstance(node, Input) and node.family
        dtype = DTYPES[node.type.dtype]
        members = []
        for shape in zip(node.type.rows, node.type.cols, strict=True):
            x = rng.integers(-2, 3, shape)
            x = x + 1j * rng.integers(-2, 3, shape) if dtype.kind == "complex" else x
            members.append(x.astype(dtype.numpy))
        found[node.names[0]] = members
    return found


@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_whole_numbers_are_exact_at_every_edge_and_layout(dtype):
    for a_t, b_t in ((False, False), (True, False), (False, True), (True, True)):
        shapes = [*edge_shapes(), *SKEWED, *(LARGE if not a_t else ())]
        graph = pairs(shapes, dtype, a_t, b_t)
        inputs = whole_numbers(graph)
        wide = {"integer": np.int64, "float": np.float64, "complex": np.complex128}[DTYPES[dtype].kind]
        products = [
            ((a.T if a_t else a).astype(wide) @ (b.T if b_t else b).astype(wide)).astype(DTYPES[dtype].numpy)
            for a, b in zip(inputs["A"], inputs["B"], strict=True)
        ]  # rounded once, and wrapped
        for isa, found in run_in_every_isa(planned(graph), inputs).items():
            for wanted, y, shape in zip(products, found["Y0"], shapes, strict=True):
                np.testing.assert_array_equal(y, wanted, err_msg=f"{isa} {shape} {a_t} {b_t}")


@pytest.mark.parametrize("dtype", [d for d in ALL_DTYPES if DTYPES[d].kind != "integer"])
def test_errors_stay_within_the_bound_at_every_edge(dtype):
    graph = pairs([*edge_shapes(), *SKEWED, *LARGE], dtype, b_t=True)
    check_in_every_isa(graph, inputs_for(graph, 1), planned(graph))


@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_products_of_two_types_read_each_in_its_own(dtype):
    shapes = [s for s in edge_shapes() if min(s) > 0][::7]
    m, k, n = (np.array(column) for column in zip(*shapes, strict=True))
    graph, shown = Graph(), []
    a = graph.add(Input(sized(m, k, dtype), ("A",), True))
    for other in ALL_DTYPES:
        b = graph.add(Input(sized(k, n, other), (f"B{other}",), True))
        d = graph.add(Input(sized(n, m, other), (f"D{other}",), True))
        out = promote(dtype, other)
        addend = Term(Operand(d, transposed=True), -1)
        shown.append(graph.add(Product(sized(m, n, out), Operand(a), Operand(b), addends=(addend,))))
    show(graph, *shown)
    check_in_every_isa(graph, inputs_for(graph, 2), planned(graph))


@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_sums_to_one_target_add_every_term(dtype):
    terms = 40
    graph = Graph()
    a = graph.add(Input(sized([9] * terms, range(terms), dtype), ("A",), True))
    b = graph.add(Input(sized(range(terms), [33] * terms, dtype), ("B",), True))
    target = np.arange(terms) % 3
    total = Product(sized([9] * 4, [33] * 4, dtype), Operand(a), Operand(b), target=target)
    show(graph, graph.add(total))
    check(graph, inputs_for(graph, 3))


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
@pytest.mark.parametrize("workers", [1, 8])
def test_a_long_sum_in_a_narrow_type_is_kept_in_f32_until_its_end(dtype, workers):
    tuning = tuned(heavy_cost=1.0)
    terms, size = 2500, 70
    graph = Graph()
    a = graph.add(Input(sized([size], [1], dtype), ("A",), True))
    one = Operand(a, np.zeros(terms, np.int64))
    other = Operand(a, np.zeros(terms, np.int64), transposed=True)
    total = Product(sized([size], [size], dtype), one, other, target=np.zeros(terms, np.int64))
    node = graph.add(total)
    graph.outputs = (Output(("G",), Operand(node), False),)
    ones = [np.ones((size, 1), DTYPES[dtype].numpy)]
    # Stored after each term, the sum would stop growing at 256 (bf16) or 2048 (f16).
    found = run(planned(graph), {"A": ones}, workers=workers, tuning=tuning)["G"]
    np.testing.assert_array_equal(found, np.full((size, size), np.asarray(terms).astype(found.dtype)))


@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_runtime_scalars_scale_products_sums_and_addends(dtype):
    sizes = np.array([1, 5, 16, 33])
    graph = Graph()
    a = graph.add(Input(sized(sizes, sizes, dtype), ("A",), True))
    s = graph.add(Input(sized([1] * 4, [1] * 4, dtype, scalar=True), ("s",), True))
    factor = 3 if DTYPES[dtype].kind == "integer" else -1.5
    use, by = Operand(a), Operand(s, np.array([3, 1, 1, 0]))
    addend = Term(Operand(a, transposed=True), factor, Operand(s))
    show(graph, graph.add(Product(sized(sizes, sizes, dtype), use, use, factor, by, addends=(addend,))))
    check(graph, inputs_for(graph, 4))


def test_accumulation_type_of_a_narrow_product_is_f32():
    graph, bf16 = pairs([(3, 4000, 5)], "bf16", arithmetic=Arithmetic(accum="f32")), DTYPES["bf16"].numpy
    ones = {"A": [np.ones((3, 4000), bf16)], "B": [np.ones((4000, 5), bf16)]}
    np.testing.assert_array_equal(run(planned(graph), ones)["Y0"][0], np.full((3, 5), 4000, bf16))


def test_not_a_number_and_infinities_arrive_in_every_type():
    for dtype in ("f32", "f64", "bf16", "f16"):
        graph = pairs([(3, 2, 20)], dtype)
        a = np.array([[np.nan, 0], [np.inf, 0], [1e4, 1e4]], DTYPES[dtype].numpy)
        b = np.full((2, 20), 1e4, DTYPES[dtype].numpy)
        y = run(planned(graph), {"A": [a], "B": [b]})["Y0"][0].astype(np.float64)
        assert np.isnan(y[0]).all() and np.isposinf(y[1]).all()
        assert np.isposinf(y[2]).all() == (dtype == "f16")


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
def test_narrow_floats_are_rounded_to_nearest_even_as_jax_does(dtype):
    """Every bit pattern is read and written back, and sums of two are rounded as ml_dtypes rounds."""
    every = np.arange(1 << 16, dtype=np.uint16).view(DTYPES[dtype].numpy).reshape(256, 256)
    half = np.random.default_rng(0).permutation(every.reshape(-1)).reshape(256, 256)
    graph = Graph()
    a = graph.add(Input(sized([256], [256], dtype), ("A",), True))
    b = graph.add(Input(sized([256], [256], dtype), ("B",), True))
    copy = Combine(sized([256], [256], dtype), (Term(Operand(a), 1),))
    total = Combine(sized([256], [256], dtype), (Term(Operand(a), 1), Term(Operand(b), 1)))
    show(graph, graph.add(copy), graph.add(total))
    found = run(planned(graph), {"A": [every], "B": [half]})
    kept = _normal(every)
    np.testing.assert_array_equal(found["Y0"][0].view(np.uint16)[kept], every.view(np.uint16)[kept])
    with np.errstate(all="ignore"):
        wanted = (every.astype(np.float32) + half.astype(np.float32)).astype(every.dtype)
    kept &= _normal(half) & _normal(wanted)
    np.testing.assert_array_equal(found["Y1"][0][kept], wanted[kept])


def _normal(x: np.ndarray) -> np.ndarray:
    """bool[…]: neither NaN nor one of f32's subnormal numbers, which count as zero."""
    wide = x.astype(np.float32)
    return (wide == 0) | (np.abs(wide) >= 2.0**-126)


def test_subnormal_numbers_count_as_zero_on_every_thread():
    graph = pairs([(30, 30, 30)] * 300)
    tiny, one = [np.full((30, 30), 1e-39, np.float32)] * 300, [np.ones((30, 30), np.float32)] * 300
    small = [np.full((30, 30), 1e-25, np.float32)] * 300
    plan = planned(graph)
    for a, b in ((tiny, one), (small, small)):
        assert not any(y.any() for y in run(plan, {"A": a, "B": b})["Y0"])


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "i8", "c64"])
@pytest.mark.parametrize("transposed", [False, True])
def test_symmetric_products_agree_with_the_reference(dtype, transposed):
    shapes = [(m, k) for m in (1, 2, 15, 16, 17, 33, 64, 65, 130) for k in (1, 3, 40, 401)]
    graph = gram(shapes, dtype, transposed, addend=2 if dtype == "i8" else -0.75)
    inputs = inputs_for(graph, 5)
    if dtype == "i8":
        return check(graph, inputs)
    scaled = {"X": [(x * 0.1).astype(x.dtype) for x in inputs["X"]]}
    return check(graph, scaled)
