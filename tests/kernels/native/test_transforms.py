"""The native call inside jit, scan, vmap and grad, and with other programs' work around it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from raggeddsl.runtime.graph_function import GraphFunction
from tests.kernels.native.running import packed, pairs, planned
from tests.strategies import inputs_for

SHAPES = [(5, 7, 3), (20, 30, 40), (1, 64, 17)]


def lowered_pairs(shapes=SHAPES, dtype: str = "f32", b_t: bool = False):
    plan = planned(pairs(shapes, dtype, b_t=b_t))
    return NativeKernel().lower(plan), packed(plan, inputs_for(plan.graph, 1))


def function_of_pairs(shapes=SHAPES, b_t: bool = False):
    """The products of `shapes` as transformations see them, and inputs."""

    def prepared(graph):
        plan = plan_graph(graph, Options())
        return plan, NativeKernel().lower(plan)

    plan = planned(pairs(shapes, "f32", b_t=b_t))
    function = GraphFunction(plan, NativeKernel().lower(plan), prepared)
    return function, packed(plan, inputs_for(plan.graph, 1))


def test_is_the_same_inside_another_jitted_function():
    lowered, (a, b) = lowered_pairs()
    (alone,) = jax.jit(lowered.run)((a, b), lowered.tables)

    @jax.jit
    def larger(a, b):
        (c,) = lowered.run((jnp.sin(a) * 0 + a, b), lowered.tables)
        return c, jnp.sum(c * c)

    inside, total = larger(a, b)
    np.testing.assert_array_equal(alone, inside)
    np.testing.assert_allclose(total, np.sum(np.square(np.asarray(alone), dtype=np.float64)), rtol=1e-4)


def test_runs_in_a_scan():
    size = 40
    lowered, (a, b) = lowered_pairs([(size, size, size)])
    a, b = a / size, b / size

    @jax.jit
    def repeated(a, b):
        def step(x, _):
            return lowered.run((x, b), lowered.tables)[0], x[0]

        return jax.lax.scan(step, a, length=30)

    last, _ = repeated(a, b)
    x = a.reshape(size, size).astype(np.float64)
    for _ in range(30):
        x = x @ b.reshape(size, size).astype(np.float64)
    np.testing.assert_allclose(last.reshape(size, size), x, rtol=1e-3, atol=1e-5 * np.abs(x).max())


def test_runs_in_a_while_loop_and_under_a_condition():
    lowered, (a, b) = lowered_pairs([(8, 8, 8)])
    (once,) = jax.jit(lowered.run)((a, b), lowered.tables)
    for chosen in (True, False):
        picked = jax.jit(
            lambda c: jax.lax.cond(c, lambda: lowered.run((a, b), lowered.tables)[0], lambda: jnp.asarray(a))
        )(chosen)
        np.testing.assert_array_equal(picked, once if chosen else a)


def test_vmap_gives_what_a_loop_gives():
    function, (a, b) = function_of_pairs()
    many = np.stack([a, 2 * a, -a, 0 * a])
    (mapped,) = jax.jit(jax.vmap(lambda x: function((x, b))))(many)
    for x, found in zip(many, mapped, strict=True):
        np.testing.assert_array_equal(found, function((x, b))[0])


def test_runs_without_jit():
    lowered, (a, b) = lowered_pairs()
    np.testing.assert_array_equal(
        lowered.run((jnp.asarray(a), jnp.asarray(b)), lowered.tables)[0],
        jax.jit(lowered.run)((a, b), lowered.tables)[0],
    )


@pytest.mark.parametrize("b_t", [False, True])
def test_gradient_is_that_of_the_products(b_t):
    function, (a, b) = function_of_pairs(b_t=b_t)

    def by_hand(a, b):
        total, at_a, at_b = 0.0, 0, 0
        for m, k, n in SHAPES:
            x = a[at_a : at_a + m * k].reshape(m, k)
            y = b[at_b : at_b + k * n].reshape(n, k).T if b_t else b[at_b : at_b + k * n].reshape(k, n)
            at_a, at_b, total = at_a + m * k, at_b + k * n, total + jnp.sum(jnp.sin(x @ y))
        return total

    ours = jax.jit(jax.grad(lambda a, b: jnp.sum(jnp.sin(function((a, b))[0])), (0, 1)))(a, b)
    wanted = jax.jit(jax.grad(by_hand, (0, 1)))(a, b)
    for one, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_forward_derivative_is_that_of_the_products():
    function, (a, b) = function_of_pairs([(4, 5, 6)])
    _, (tangent,) = jax.jvp(lambda x: function((x, b)), (jnp.asarray(a),), (jnp.ones_like(a),))
    np.testing.assert_allclose(tangent.reshape(4, 6), np.ones((4, 5)) @ b.reshape(5, 6), rtol=1e-5, atol=1e-5)
