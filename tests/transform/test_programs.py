"""A whole program, dict in and dict out, under every transformation, against natural code under the same."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.ragged import Ragged
from tests.transform.functions import NATIVE, assert_close

SPEC = """
index i in 3
dim m[i] = [3, 1, 2]
dim k[i] = [2, 1, 0]
input A[i] : f32[m[i], k[i]]
input B[i] : f32[k[i], 2]
input W    : f32[2, 2]
input s[i] : f32[]
output Y[i] = s[i] * A[i] @ B[i] @ W
output G    = sum(B[i].T @ B[i] for i)
"""
ROWS, INNER = (3, 1, 2), (2, 1, 0)


def natural(x):
    rows = zip(x["A"], x["B"], x["s"], strict=True)
    return {"Y": [s * a @ b @ x["W"] for a, b, s in rows], "G": sum(b.T @ b for b in x["B"])}


def inputs(seed: int = 0):
    rng = np.random.default_rng(seed)

    def array(*shape):
        return jnp.asarray(rng.standard_normal(shape), jnp.float32)

    return {
        "A": [array(m, k) for m, k in zip(ROWS, INNER, strict=True)],
        "B": [array(k, 2) for k in INNER],
        "W": array(2, 2),
        "s": [array() for _ in ROWS],
    }


def stacked(axis: int = 0):
    return jax.tree.map(lambda *copies: jnp.stack(copies, axis), *(inputs(seed) for seed in range(3)))


def loss(results):
    return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(results))


def with_w(x, w):
    return {**x, "W": w}


def only(**axes):
    """The `in_axes` of a dict of inputs in which these have one."""
    return ({name: axes.get(name) for name in "ABWs"},)


def neighbour_of_custom_vjp(f):
    @jax.custom_vjp
    def sine(tree):
        return jax.tree.map(jnp.sin, tree)

    def backwards(tree, given):
        return (jax.tree.map(lambda x, g: 3 * x * g, tree, given),)

    sine.defvjp(lambda tree: (sine(tree), tree), backwards)
    return jax.jit(jax.grad(lambda x: loss(f(with_w(x, sine(f(sine(x))["G"]))))))(X)


def inside_custom_vjp(f):
    wrapped = jax.custom_vjp(f)
    wrapped.defvjp(lambda x: jax.vjp(f, x), lambda back, given: back(given))
    return jax.grad(lambda x: loss(wrapped(x)))(X)


def stepped(f):
    """A training step's inputs from the last one's: W becomes the sine of G."""
    return lambda x: with_w(x, jnp.sin(f(x)["G"]))


def doubled_where_positive(f):
    return lambda x: jax.lax.cond(x["W"][0, 0] > 0, lambda x: loss(f(x)), lambda x: 2 * loss(f(x)), x)


X, DX, MANY = inputs(), inputs(1), stacked()

CASES = {
    "jit in jit": lambda f: jax.jit(lambda x: jax.jit(f)(jax.tree.map(jnp.sin, x)))(X),
    "vjp": lambda f: jax.vjp(f, X)[1](natural(DX)),
    "jvp": lambda f: jax.jvp(f, (X,), (DX,)),
    "linearize": lambda f: jax.linearize(f, X)[1](DX),
    "grad by a single matrix": lambda f: jax.grad(lambda w: loss(f(with_w(X, w))))(X["W"]),
    "grad by scalars": lambda f: jax.grad(lambda s: loss(f({**X, "s": s})))(X["s"]),
    "grad by one member": lambda f: jax.grad(lambda a: loss(f({**X, "A": [a, *X["A"][1:]]})))(X["A"][0]),
    "grad of one output": lambda f: jax.grad(lambda x: jnp.sum(f(x)["G"] ** 2))(X),
    "grad of what does not vary": lambda f: jax.grad(lambda x: loss(f(jax.lax.stop_gradient(x))))(X),
    "hessian": lambda f: jax.hessian(lambda w: loss(f(with_w(X, w))))(X["W"]),
    "forwards over backwards": lambda f: jax.jvp(jax.grad(lambda x: loss(f(x))), (X,), (DX,)),
    "backwards over forwards": lambda f: jax.grad(lambda x: loss(jax.jvp(f, (x,), (DX,))[1]))(X),
    "linear transpose": lambda f: jax.linear_transpose(lambda w: f(with_w(X, w))["Y"], X["W"])(f(DX)["Y"]),
    "vmap": lambda f: jax.vmap(f)(MANY),
    "vmap by last axes": lambda f: jax.vmap(f, in_axes=({**dict.fromkeys("ABW", -1), "s": 0},))(stacked(-1)),
    "vmap of some inputs": lambda f: jax.vmap(f, in_axes=only(A=0, s=0))(
        {**X, "A": MANY["A"], "s": MANY["s"]}
    ),
    "vmap of one matrix": lambda f: jax.vmap(f, in_axes=only(W=0))(with_w(X, MANY["W"])),
    "vmap of some members": lambda f: jax.vmap(f, in_axes=only(A=[0, None, None]))(
        {**X, "A": [MANY["A"][0], *X["A"][1:]]}
    ),
    "vmap to another axis": lambda f: jax.vmap(lambda x: f(x)["G"], out_axes=1)(MANY),
    "vmap of grad": lambda f: jax.vmap(jax.grad(lambda x: loss(f(x))))(MANY),
    "grad of vmap": lambda f: jax.jit(jax.grad(lambda m: loss(jax.vmap(f)(m))))(MANY),
    "grad of vmap by what is shared": lambda f: jax.grad(
        lambda w: loss(jax.vmap(f, in_axes=only(A=0, B=0, s=0))(with_w(MANY, w)))
    )(X["W"]),
    "vmap of vmap": lambda f: jax.vmap(lambda x: jax.vmap(lambda w: f(with_w(x, w)))(MANY["W"]))(MANY),
    "vmap of vmap of grad": lambda f: jax.vmap(
        lambda x: jax.vmap(jax.grad(lambda w: loss(f(with_w(x, w)))))(MANY["W"])
    )(MANY),
    "map": lambda f: jax.lax.map(f, MANY),
    "checkpoint": lambda f: jax.jit(jax.vmap(jax.grad(jax.checkpoint(lambda x: loss(f(x))))))(MANY),
    "checkpoint that saves all": lambda f: jax.grad(
        jax.checkpoint(lambda x: loss(f(x)), policy=jax.checkpoint_policies.everything_saveable)
    )(X),
    "scan": lambda f: jax.grad(
        lambda x: loss(jax.lax.scan(lambda x, _: (stepped(f)(x), f(x)["Y"]), x, length=3))
    )(X),
    "scan over inputs": lambda f: jax.grad(
        lambda many: loss(jax.lax.scan(lambda c, x: (c, f(x)), 0.0, many)[1])
    )(MANY),
    "cond": lambda f: jax.vmap(jax.grad(doubled_where_positive(f)))(MANY),
    "loop": lambda f: jax.grad(lambda x: loss(jax.lax.fori_loop(0, 3, lambda _, x: stepped(f)(x), x)))(X),
    "while": lambda f: jax.vmap(
        lambda x: jax.lax.while_loop(
            lambda x: x["W"][0, 0] < 100, lambda x: with_w(x, jnp.abs(x["W"] + f(x)["G"]) + 9), x
        )
    )(MANY),
    "jvp of while": lambda f: jax.jvp(
        lambda x: jax.lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, stepped(f)(c[1])), (0, x))[1],
        (X,),
        (DX,),
    ),
    "beside custom_vjp": neighbour_of_custom_vjp,
    "inside custom_vjp": inside_custom_vjp,
}


@cache
def wanted(name: str):
    return CASES[name](natural)


def as_lists(results):
    return {name: value.to_list() if isinstance(value, Ragged) else value for name, value in results.items()}


@pytest.mark.parametrize("kernel", [NATIVE, "reference"])
@pytest.mark.parametrize("name", CASES)
def test_a_program_does_what_natural_code_does(name, kernel):
    run = program(kernel)
    assert_close(CASES[name](lambda x: as_lists(run(x))), wanted(name), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_xla_kernel_does_too(name):
    run = program("xla")
    assert_close(CASES[name](lambda x: as_lists(run(x))), wanted(name), 1e-4)


@pytest.mark.parametrize("name", ["vjp", "vmap of some inputs", "scan", "inside custom_vjp"])
def test_a_dispatched_program_runs_fused_inside_them(name):
    run = rd.compile(SPEC, target="dispatch")
    assert_close(CASES[name](lambda x: as_lists(run(x))), wanted(name), 1e-4)
    said = " ".join(str(run.explain()).split())
    assert f"inside jit, grad and vmap it runs fused, by the {run.choice.kernel} kernel" in said


@cache
def program(kernel):
    return rd.compile(SPEC, target="fused", kernel=kernel)


@pytest.mark.parametrize("kernel", [NATIVE, "reference"])
def test_packed_families_are_mapped_along_any_axis(kernel):
    run = program(kernel)
    x = {name: Ragged.from_list(v) if isinstance(v, list) else v for name, v in X.items()}
    many = {name: Ragged(jnp.stack([v.data, 2 * v.data]), v.layout) for name, v in x.items() if name != "W"}
    loop = [
        run({**x, **{name: Ragged(v.data[copy], v.layout) for name, v in many.items()}}) for copy in (0, 1)
    ]
    for axis in (0, 1):
        turned = {name: Ragged(jnp.moveaxis(v.data, 0, axis), v.layout) for name, v in many.items()}
        found = jax.vmap(run, in_axes=only(A=axis, B=axis, s=axis), out_axes=axis)({**turned, "W": x["W"]})
        for copy in (0, 1):
            assert_close(jnp.take(found["Y"].data, copy, axis), loop[copy]["Y"].data, 1e-5)
            assert_close(jnp.take(found["G"], copy, axis), loop[copy]["G"], 1e-5)
