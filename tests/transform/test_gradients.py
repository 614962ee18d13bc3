"""First and second derivatives of random graphs, forwards and backwards, on every kernel and dtype."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax.test_util import check_grads

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from tests.programs import pairs
from tests.strategies import graphs, seeds
from tests.transform.functions import NATIVE, assert_close, buffers_for, function_of, of_inexact

SMALL = {"max_members": 3, "max_size": 3}


def checked(graph, kernel, seed, **tolerances):
    function = function_of(graph, kernel)
    of_varying, varying = of_inexact(function, buffers_for(function, seed))
    if varying and jax.eval_shape(of_varying, *varying):
        check_grads(of_varying, varying, order=2, **tolerances)


EVERY_KERNEL = [NATIVE, "reference", pytest.param("xla", marks=pytest.mark.slow)]
"""Every graph is several programs for XLA to compile, a second each on the xla kernel."""


@pytest.mark.parametrize("kernel", EVERY_KERNEL)
@settings(max_examples=12)
@given(graphs(dtypes=("f64",), max_operations=4, **SMALL), seeds)
def test_f64(kernel, graph, seed):
    with jax.enable_x64(True):
        checked(graph, kernel, seed, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kernel", EVERY_KERNEL)
@settings(max_examples=10)
@given(graphs(dtypes=("c128", "f64", "i32"), max_operations=3, **SMALL), seeds)
def test_complex_and_real_and_whole_numbers_mixed(kernel, graph, seed):
    """Whole numbers up to 9 make values of 10^4, of which central differences know some three digits."""
    with jax.enable_x64(True):
        checked(graph, kernel, seed, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("kernel", [NATIVE, pytest.param("xla", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("dtype", "wide"), [("f32", "f64"), ("c64", "c128")])
@settings(max_examples=8)
@given(graph=graphs(dtypes=("f32",), mixed=False, max_operations=3, **SMALL), seed=seeds)
def test_single_precision_is_double_precision_rounded(kernel, dtype, wide, graph, seed):
    with jax.enable_x64(True):
        own, exact = (
            function_of(in_dtype(graph, dtype), kernel),
            function_of(in_dtype(graph, wide), "reference"),
        )
        buffers = buffers_for(own, seed)
        found = first_and_second(own, buffers)
        wanted = first_and_second(exact, [buffer.astype(DTYPES[wide].numpy) for buffer in buffers])
        for one, other in zip(found, wanted, strict=True):
            size = float(np.abs(other).max(initial=0.0))
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4 * (1 + size))


def first_and_second(function, buffers):
    """The gradient of a weighted sum of all results, and its change along all inputs."""

    def loss(*given):
        results = function(given)
        weights = [jnp.cos(jnp.arange(r.size)).astype(r.dtype) for r in results]
        return sum(jnp.sum((w * r).real) for w, r in zip(weights, results, strict=True))

    places = tuple(range(len(buffers)))
    if not places:
        return []
    return jax.tree.leaves(jax.jvp(jax.grad(loss, places), tuple(buffers), tuple(buffers)))


def in_dtype(graph, dtype):
    """The graph with all its values in another dtype."""
    new = Graph()
    for key in graph.order():
        op = graph.op(key)
        new.add(replace(op, type=replace(op.type, dtype=dtype)), key)
    new.outputs = graph.outputs
    return new


@settings(max_examples=3)
@given(graphs(dtypes=("f64", "c128"), max_operations=2, max_members=2, max_size=3), seeds)
def test_the_xla_kernel(graph, seed):
    with jax.enable_x64(True):
        checked(graph, "xla", seed, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kernel", [NATIVE, "xla"])
@pytest.mark.parametrize("dtype", ["f32", "c64"])
def test_products_in_single_precision_by_finite_differences(kernel, dtype):
    checked(pairs([(2, 3, 2), (1, 2, 1)], dtype), kernel, 0, atol=3e-2, rtol=3e-2, eps=3e-2)


@settings(max_examples=6)
@given(graphs(dtypes=("f64", "c128"), max_operations=4, **SMALL), seeds)
def test_the_xla_kernels_gradient_is_that_of_the_reference(graph, seed):
    with jax.enable_x64(True):
        results = []
        for kernel in ("xla", "reference"):
            function = function_of(graph, kernel)
            of_varying, varying = of_inexact(function, buffers_for(function, seed))
            outputs, back = jax.vjp(of_varying, *varying)
            results.append(
                jax.jit(back)([jnp.cos(jnp.arange(out.size)).astype(out.dtype) for out in outputs])
            )
        assert_close(*results, 1e-9)


@pytest.mark.parametrize("kernel", [NATIVE, "xla", "reference"])
def test_cotangents_have_the_dtype_of_what_they_are_cotangents_of(kernel):
    for dtype in ("bf16", "f16", "f32"):
        function = function_of(pairs(dtype=dtype), kernel)
        buffers = buffers_for(function)
        grads = jax.grad(lambda *b: function(b)[0].astype(jnp.float32).sum(), (0, 1))(*buffers)  # noqa: B023
        assert [g.dtype for g in grads] == [b.dtype for b in buffers]
        wide = function_of(pairs(), "reference")
        wanted = jax.grad(lambda *b: wide(b)[0].sum(), (0, 1))(*(b.astype(jnp.float32) for b in buffers))  # noqa: B023
        for one, other in zip(grads, wanted, strict=True):
            np.testing.assert_allclose(one.astype(jnp.float32), other, rtol=2e-2, atol=2e-2)
