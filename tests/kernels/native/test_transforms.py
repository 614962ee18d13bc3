"""The native call inside jit, scan, vmap and grad, and with other programs' work around it."""

from __future__ import annotations

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from raggeddsl.kernels.native.kernel import NativeKernel
from tests.kernels.native.running import packed, pairs, planned
from tests.strategies import inputs_for

SHAPES = [(5, 7, 3), (20, 30, 40), (1, 64, 17)]


def lowered_pairs(shapes=SHAPES, dtype: str = "f32", b_t: bool = False):
    plan = planned(pairs(shapes, dtype, b_t=b_t))
    return NativeKernel().lower(plan), packed(plan, inputs_for(plan.graph, 1))


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
    lowered, (a, b) = lowered_pairs()
    many = np.stack([a, 2 * a, -a, 0 * a])
    (mapped,) = jax.jit(jax.vmap(lambda x: lowered.run((x, b), lowered.tables)))(many)
    for x, found in zip(many, mapped, strict=True):
        np.testing.assert_array_equal(found, jax.jit(lowered.run)((x, b), lowered.tables)[0])


def test_runs_without_jit():
    lowered, (a, b) = lowered_pairs()
    np.testing.assert_array_equal(
        lowered.run((jnp.asarray(a), jnp.asarray(b)), lowered.tables)[0],
        jax.jit(lowered.run)((a, b), lowered.tables)[0],
    )


needs_xla = pytest.mark.skipif(
    importlib.util.find_spec("raggeddsl.kernels.xla.kernel") is None, reason="there is no xla kernel yet"
)


@needs_xla
@pytest.mark.parametrize("b_t", [False, True])
def test_gradient_is_that_of_the_products(b_t):
    lowered, (a, b) = lowered_pairs(b_t=b_t)

    def by_hand(a, b):
        total, at_a, at_b = 0.0, 0, 0
        for m, k, n in SHAPES:
            x = a[at_a : at_a + m * k].reshape(m, k)
            y = b[at_b : at_b + k * n].reshape(n, k).T if b_t else b[at_b : at_b + k * n].reshape(k, n)
            at_a, at_b, total = at_a + m * k, at_b + k * n, total + jnp.sum(jnp.sin(x @ y))
        return total

    ours = jax.jit(jax.grad(lambda a, b: jnp.sum(jnp.sin(lowered.run((a, b), lowered.tables)[0])), (0, 1)))(a, b)
    wanted = jax.jit(jax.grad(by_hand, (0, 1)))(a, b)
    for one, other in zip(ours, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


@needs_xla
def test_forward_derivative_is_that_of_the_products():
    lowered, (a, b) = lowered_pairs([(4, 5, 6)])
    _, (tangent,) = jax.jvp(lambda x: lowered.run((x, b), lowered.tables), (jnp.asarray(a),), (jnp.ones_like(a),))
    np.testing.assert_allclose(tangent.reshape(4, 6), np.ones((4, 5)) @ b.reshape(5, 6), rtol=1e-5, atol=1e-5)
