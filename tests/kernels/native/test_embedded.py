"""Tables as constants of another program: of few elements, and as good as those that are operands."""

from __future__ import annotations

import re

import jax
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.native.library import TARGET
from tests.kernels.native.running import packed, pairs, planned

SHAPES = [(5, 7, 3), (20, 30, 40), (1, 64, 17)]
SPEC = """
index i in 3
dim m[i] = [5, 20, 1]
input A[i] : f32[m[i], 7]
output Y[i] = A[i] @ A[i].T
"""


@pytest.fixture
def embedding(monkeypatch):
    monkeypatch.setenv("RAGGEDDSL_EMBED_TABLES", "1")


def gradient():
    """A jitted gradient and its argument."""
    program = rd.compile(SPEC, kernel="native")

    def loss(inputs):
        return sum((y**3).sum() for y in program(inputs)["Y"].to_list())

    return jax.jit(jax.grad(loss)), {"A": rd.Ragged.from_list(program.random_inputs()["A"].to_list())}


def test_a_constant_has_an_element_for_eight_bytes_of_its_table(embedding):
    function, inputs = gradient()
    text = function.lower(inputs).as_text()
    assert len(re.findall(r"tensor<\d+xi64>\s*$", text, re.MULTILINE)) >= 2, "the tasks of value and gradient"
    assert not re.search(r"tensor<\d+x34xi32>", text)


def test_no_table_is_computed(embedding):
    """XLA takes evenly spaced numbers, such as the ends of one phase, for arithmetic."""
    function, inputs = gradient()
    text = function.lower(inputs).compile().as_text()
    assert TARGET in text
    assert not re.search(r"\biota\(", text)


@pytest.mark.parametrize("x64", [False, True])
def test_the_gradient_is_the_same_with_constants_and_with_operands(x64, embedding):
    with jax.enable_x64(x64):
        function, inputs = gradient()
        found = function(inputs)["A"]
        wanted = function.__wrapped__(inputs)["A"]  # eager: every program has its tables as operands
    assert found.dtype == np.float32
    for a, b in zip(found.to_list(), wanted.to_list(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.fixture
def hoisting():
    """JAX's way of making constants hidden operands, which is to be its default."""
    name = "jax_use_simplified_jaxpr_constants"
    before = getattr(jax.config, name)
    jax.config.update(name, True)
    yield
    jax.config.update(name, before)


@pytest.mark.parametrize("kernel", ["native", "xla"])
@pytest.mark.parametrize("embed", ["0", "1"])
def test_constants_may_be_hoisted(kernel, embed, hoisting, monkeypatch):
    monkeypatch.setenv("RAGGEDDSL_EMBED_TABLES", embed)
    program = rd.compile(SPEC, kernel=kernel)
    given = rd.Ragged.from_list(program.random_inputs()["A"].to_list())

    def loss(a, factor):
        return ((factor * program({"A": a})["Y"].data) ** 2).sum()

    def summed(a):
        return jax.lax.scan(
            lambda total, x: (total + jax.grad(loss)(a, x).data, None), a.data, np.arange(3.0)
        )[0]

    found, wanted = jax.jit(summed)(given), given.data + 5 * jax.grad(loss)(given, 1.0).data
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", ["one axis", "two axes"])
def test_wide_tables_give_the_same_bits(shape):
    plan = planned(pairs(SHAPES))
    rng = np.random.default_rng(5)
    a = [rng.standard_normal((m, k), np.float32) for m, k, n in SHAPES]
    b = [rng.standard_normal((k, n), np.float32) for m, k, n in SHAPES]
    lowered = NativeKernel().lower(plan)
    buffers = packed(plan, {"A": a, "B": b})
    wide = [table.reshape(-1).view(np.int64) for table in lowered.tables]
    wide = [table.reshape(1, -1) for table in wide] if shape == "two axes" else wide
    with jax.enable_x64(True):
        found, wanted = (jax.jit(lowered.run)(buffers, tables) for tables in (wide, lowered.tables))
    assert [x.tobytes() for x in map(np.asarray, found)] == [x.tobytes() for x in map(np.asarray, wanted)]


def test_a_wide_table_of_half_a_row_is_refused():
    lowered = NativeKernel().lower(planned(pairs(SHAPES)))
    table = lowered.tables[0].view(np.int64)
    buffers = [np.zeros(sum(m * k for m, k, n in SHAPES), np.float32)]
    buffers.append(np.zeros(sum(k * n for m, k, n in SHAPES), np.float32))
    with jax.enable_x64(True), pytest.raises(Exception, match="wrong size, type or alignment"):
        jax.block_until_ready(jax.jit(lowered.run)(buffers, [table[:-1]]))


def test_reports_are_made_when_somebody_asks(monkeypatch):
    from raggeddsl.kernels.native import kernel

    asked = []
    monkeypatch.setattr(kernel, "stage_reports", lambda *_: asked.append(1) or ())
    lowered = NativeKernel().lower(planned(pairs(SHAPES)))
    assert not asked
    assert lowered.stages == lowered.stages == ()
    assert asked == [1]
