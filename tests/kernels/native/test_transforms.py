"""A program on the native kernel inside jit, scan, cond, vmap, jvp and grad."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd

SHAPES = [(5, 7, 3), (20, 30, 40), (1, 64, 17)]
PAIRS = """
index i in 3
dim m[i], k[i], n[i] = {sizes}
input A[i] : f32[m[i], k[i]]
input B[i] : f32[{b}]
output Y[i] = A[i] @ {use}
"""
STEP = """
input X : f32[40, 40]
input W : f32[40, 40]
output Y = X @ W
"""


def pairs(b_t: bool = False) -> rd.Program:
    sizes = [list(column) for column in zip(*SHAPES, strict=True)]
    text = "\n".join(f"dim {name}[i] = {column}" for name, column in zip("mkn", sizes, strict=True))
    b, use = ("n[i], k[i]", "B[i].T") if b_t else ("k[i], n[i]", "B[i]")
    spec = PAIRS.replace("dim m[i], k[i], n[i] = {sizes}", text).format(b=b, use=use)
    program = rd.compile(spec, kernel="native")
    assert program.choice.kernel == "native"
    return program


def inputs(b_t: bool = False) -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(1)
    a = [rng.standard_normal((m, k)).astype(np.float32) for m, k, n in SHAPES]
    b = [rng.standard_normal((n, k) if b_t else (k, n)).astype(np.float32) for m, k, n in SHAPES]
    return {"A": a, "B": b}


def same(one, other) -> None:
    for x, y in zip(one, other, strict=True):
        np.testing.assert_array_equal(x, y)


def test_is_the_same_inside_another_jitted_function():
    program, given = pairs(), inputs()
    alone = program(given)["Y"].to_list()

    @jax.jit
    def larger(given):
        found = program(given)["Y"]
        return found.to_list(), sum(jnp.sum(y * y) for y in found.to_list())

    inside, total = larger(given)
    same(alone, inside)
    np.testing.assert_allclose(total, sum(np.sum(np.square(y, dtype=np.float64)) for y in alone), rtol=1e-4)


def test_runs_in_a_scan():
    program = rd.compile(STEP, kernel="native")
    rng = np.random.default_rng(2)
    x, w = (rng.standard_normal((40, 40)).astype(np.float32) / 7 for _ in range(2))

    @jax.jit
    def repeated(x, w):
        return jax.lax.scan(lambda x, _: (program({"X": x, "W": w})["Y"], x[0]), x, length=30)[0]

    wanted = x.astype(np.float64)
    for _ in range(30):
        wanted = wanted @ w
    found = repeated(x, w)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("chosen", [True, False])
def test_runs_under_a_condition(chosen):
    program = rd.compile(STEP, kernel="native")
    x = np.arange(1600, dtype=np.float32).reshape(40, 40) / 1600
    taken = jax.jit(lambda c: jax.lax.cond(c, lambda: program({"X": x, "W": x})["Y"], lambda: jnp.asarray(x)))
    np.testing.assert_array_equal(taken(chosen), program({"X": x, "W": x})["Y"] if chosen else x)


def test_vmap_gives_what_a_loop_gives():
    program = rd.compile(STEP, kernel="native")
    rng = np.random.default_rng(3)
    many, w = (
        rng.standard_normal((4, 40, 40)).astype(np.float32),
        rng.standard_normal((40, 40)).astype(np.float32),
    )
    mapped = jax.jit(jax.vmap(lambda x: program({"X": x, "W": w})["Y"]))(many)
    same(mapped, [program({"X": x, "W": w})["Y"] for x in many])


@pytest.mark.parametrize("b_t", [False, True])
def test_gradient_is_that_of_the_products(b_t):
    program, given = pairs(b_t), inputs(b_t)

    def ours(given):
        return sum(jnp.sum(jnp.sin(y)) for y in program(given)["Y"].to_list())

    def by_hand(given):
        turned = [b.T if b_t else b for b in given["B"]]
        return sum(jnp.sum(jnp.sin(a @ b)) for a, b in zip(given["A"], turned, strict=True))

    arrays = jax.tree.map(jnp.asarray, given)
    found, wanted = jax.jit(jax.grad(ours))(arrays), jax.jit(jax.grad(by_hand))(arrays)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_two_programs_of_equal_sizes_have_derivatives_of_their_own():
    """They may share what XLA compiled, but not what is differentiated."""
    straight = rd.compile(STEP, kernel="native")
    turned = rd.compile(STEP.replace("X @ W", "X @ W.T"), kernel="native")
    rng = np.random.default_rng(4)
    x, w = (rng.standard_normal((40, 40)).astype(np.float32) for _ in range(2))
    for program, wanted in ((straight, np.ones((40, 40)) @ w.T), (turned, np.ones((40, 40)) @ w)):
        grad = jax.jit(jax.grad(lambda x, program=program: jnp.sum(program({"X": x, "W": w})["Y"])))(x)
        np.testing.assert_allclose(grad, wanted, rtol=1e-4, atol=1e-4)


def test_forward_derivative_is_that_of_the_products():
    program = rd.compile(STEP, kernel="native")
    rng = np.random.default_rng(5)
    x, w, dx = (jnp.asarray(rng.standard_normal((40, 40)), jnp.float32) for _ in range(3))
    value, tangent = jax.jvp(lambda x: program({"X": x, "W": w})["Y"], (x,), (dx,))
    np.testing.assert_allclose(value, x @ w, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(tangent, dx @ w, rtol=1e-4, atol=1e-4)
