"""Sums and shared weights of many members, which went wrong once: results and gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from tests.real_size.derivatives import random_like
from tests.real_size.results import check_values, in_numpy
from tests.transform.functions import NATIVE

kernels = pytest.mark.parametrize("kernel", [NATIVE, "xla"])
TOLERANCE = 1e-5
"""Of the largest element of each array, in f32."""

LATE_AND_EARLY = """
index g in 1500
input P[g] : f32[24, 16]
input U : f32[16, 16]
input X[g] : f32[16, 16]
Q[g] = P[g] @ U
{}
"""
"""`late` needs what is computed on the way, so it runs a stage later than `early`."""
SUMS = (
    "output late = sum(Q[g] @ X[g] for g)\noutput early = sum(X[g] @ X[g].T for g)",
    "output early = sum(X[g] @ X[g].T for g)\noutput late = sum(Q[g] @ X[g] for g)",
)

SHARED = """
index g
dim m[g] = [{}]
input X[g] : f32[m[g], 64]
input W : f32[64, 32]
input V : f32[32, 64]
output Y[g] = X[g] @ W @ V
"""
MANY_SMALL = tuple(int(rows) for rows in np.random.default_rng(0).integers(1, 6, 1500))
FEW_TALL = (900, 871, 913, 900, 640, 1024, 899, 950)

TWO_GRAMS = """
index i
dim m[i] = [{}]
input X[i] : f32[m[i], 64]
input H[i] : f32[m[i], 64]
output S = sum(X[i].T @ X[i] for i) + sum(H[i].T @ H[i] for i)
"""


def listed(sizes) -> str:
    return ", ".join(map(str, sizes))


def gradients(text, kernel):
    """Inputs, the weights of a functional of all results, and its gradient by each input, all in f64."""
    program = rd.compile(text, kernel=kernel, ahead=False)
    x = program.random_inputs(3)
    weights = random_like(program(x), 4)

    def functional(x):
        pairs = zip(jax.tree.leaves(program(x)), jax.tree.leaves(weights), strict=True)
        return sum(jnp.vdot(out, weight) for out, weight in pairs)

    return tuple(map(in_f64, (x, weights, jax.grad(functional)(x))))


def in_f64(values):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), in_numpy(values))


def assert_near(found, wanted):
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max(initial=0.0) <= TOLERANCE * (1e-3 + np.abs(other).max(initial=0.0))


def assert_values(text, kernel):
    assert not list(check_values(text, (kernel,), 5))


@kernels
@pytest.mark.parametrize("sums", SUMS, ids=["late first", "early first"])
def test_two_sums_of_many_members_in_any_order(sums, kernel):
    text = LATE_AND_EARLY.format(sums)
    assert_values(text, kernel)
    x, weight, found = gradients(text, kernel)
    late, early, u = weight["late"], weight["early"] + weight["early"].T, x["U"]
    pairs = list(zip(x["P"], x["X"], strict=True))
    wanted = {
        "P": [late @ member.T @ u.T for _, member in pairs],
        "U": sum(p.T @ late @ member.T for p, member in pairs),
        "X": [(p @ u).T @ late + early @ member for p, member in pairs],
    }
    assert_near(found, wanted)


@kernels
@pytest.mark.parametrize("rows", [MANY_SMALL, FEW_TALL], ids=["1500 of 1 to 5 rows", "8 of about 900"])
def test_weights_that_all_members_share(rows, kernel):
    text = SHARED.format(listed(rows))
    assert_values(text, kernel)
    x, weight, found = gradients(text, kernel)
    w, v = x["W"], x["V"]
    pairs = list(zip(x["X"], weight["Y"], strict=True))
    wanted = {
        "V": sum((member @ w).T @ y for member, y in pairs),
        "W": sum(member.T @ y @ v.T for member, y in pairs),
        "X": [y @ v.T @ w.T for _, y in pairs],
    }
    assert_near(found, wanted)


@kernels
def test_the_sum_of_two_sums_of_tall_products(kernel):
    text = TWO_GRAMS.format(listed(FEW_TALL))
    assert_values(text, kernel)
    x, weight, found = gradients(text, kernel)
    both = weight["S"] + weight["S"].T
    assert_near(found, {name: [member @ both for member in x[name]] for name in ("X", "H")})
