"""Products in MKL where a user asks for it: right, the same bits on every call, and a clear no without it."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.graph.nodes import Operand, Product
from raggeddsl.kernels.native import mkl
from tests.kernels.native.running import check, packed, pairs, planned, same_bits, show, sized
from tests.processes import printed
from tests.strategies import inputs_for

HAS_MKL = pytest.mark.skipif(not mkl.candidates(), reason="MKL is not installed")
SHAPES = [(64, 64, 64), (63, 64, 64), (200, 130, 90), (1, 5000, 80), (300, 900, 1), (70, 3, 2000), (2, 0, 3)]
SPEC = "input A : f32[80, 90]\ninput B : f32[90, 70]\noutput C = A @ B\n"


@HAS_MKL
@pytest.mark.parametrize("dtype", ["f32", "f64", "c64", "c128", "bf16", "i32"])
def test_products_agree_with_the_reference_however_operands_lie(dtype):
    assert mkl.provide() is None
    for a_t, b_t in ((False, False), (True, False), (False, True), (True, True)):
        graph = pairs(SHAPES, dtype, a_t, b_t, factor=-2.0 if dtype != "i32" else 3)
        check(graph, inputs_for(graph, 3), isa="provider")


@HAS_MKL
@pytest.mark.parametrize("dtype", ["f32", "c64"])
def test_sums_and_products_of_products_agree_with_the_reference(dtype):
    assert mkl.provide() is None
    graph = pairs([(100, 80, 90)] * 5, dtype)
    y = graph.outputs[0].operand.node
    zeros = np.zeros(5, np.int64)
    total = Product(sized([90], [90], dtype), Operand(y, transposed=True), Operand(y), target=zeros)
    show(graph, y, graph.add(total))
    check(graph, inputs_for(graph, 4), isa="provider", workers=3)


@HAS_MKL
def test_every_call_gives_the_same_bits():
    graph = pairs(SHAPES)
    plan, inputs = planned(graph), inputs_for(graph, 5)
    lowered = mkl.MklKernel().lower(plan)
    assert mkl.provide() is None and lowered.kernel == "mkl"
    run = jax.jit(lowered.run)
    first = tuple(map(np.asarray, run(packed(plan, inputs), lowered.tables)))
    assert all(
        same_bits(first, tuple(map(np.asarray, run(packed(plan, inputs), lowered.tables)))) for _ in range(5)
    )


@HAS_MKL
def test_a_program_can_ask_for_it_and_explain_says_so():
    program = rd.compile(SPEC, kernel="mkl")
    inputs = program.random_inputs(0)
    right = np.asarray(inputs["A"], np.float64) @ np.asarray(inputs["B"], np.float64)
    np.testing.assert_allclose(program(inputs)["C"], right, rtol=1e-4, atol=1e-5)
    said = program.explain().to_dict()
    assert said["kernel"]["name"] == "mkl"
    assert any("MKL" in note for note in said["notes"])


@HAS_MKL
def test_no_openmp_runtime_comes_with_it(tmp_path):
    code = f"""
import raggeddsl as rd
program = rd.compile({SPEC!r}, kernel="mkl")
program(program.random_inputs(0))
maps = open("/proc/self/maps").read()
print("libmkl_sequential" in maps, "libiomp5" in maps)
"""
    assert printed(code, tmp_path).split() == ["True", "False"]


def test_without_mkl_asking_for_it_says_how_to_install_it(monkeypatch, tmp_path):
    if mkl.library() is not None and isinstance(mkl.library(), str):
        pytest.skip("there is no native library")
    monkeypatch.setattr(mkl, "candidates", lambda prefix=None: [])
    mkl._provided.cache_clear()
    try:
        with pytest.raises(RmmError, match=r"RMM510.*`mkl`.*MKL is not installed.*raggeddsl\[mkl\]"):
            rd.compile(SPEC, kernel="mkl")
    finally:
        mkl._provided.cache_clear()


def test_another_file_can_be_named(monkeypatch, tmp_path):
    monkeypatch.setenv("RAGGEDDSL_MKL", str(tmp_path / "mine.so"))
    assert mkl.candidates() == [tmp_path / "mine.so"]
    assert "mine.so" in mkl._load() and "raggeddsl[mkl]" in mkl._load()
