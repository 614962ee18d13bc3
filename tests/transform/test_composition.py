"""Programs inside training steps: control flow, checkpoints, transposes, debugging modes, one compilation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.interpreters.partial_eval import dce_jaxpr

import raggeddsl as rd
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input, Operand, Output, Product
from raggeddsl.ragged import Ragged
from tests.programs import compilations, doubled, family, named, pair_inputs, pairs, program
from tests.transform.functions import assert_close, buffers_for, compiled_kernels, function_of, kernels

SHAPES = [(3, 4, 2), (1, 1, 1), (5, 2, 7)]
SQUARES = [(3, 3, 3), (5, 5, 5)]


def ragged_inputs(shapes=tuple(SHAPES), seed: int = 0):
    return {name: Ragged.from_list(value) for name, value in pair_inputs(shapes, seed=seed).items()}


def loop(inputs):
    """The products of `pairs`, member by member."""
    return [a @ b for a, b in zip(inputs["A"], inputs["B"], strict=True)]


def loss_of(results):
    return sum(jnp.sum(jnp.sin(y)) for y in results)


# ---------------------------------------------------------------- programs


@pytest.mark.parametrize(
    ("target", "kernel"), [("fused", "xla"), ("fused", "auto"), ("dispatch", "auto"), ("fused", "reference")]
)
def test_value_and_gradient_of_a_program_are_those_of_the_loop(target, kernel):
    run = program(pairs(SHAPES), target, kernel)
    inputs = pair_inputs(SHAPES)
    wanted = jax.value_and_grad(lambda i: loss_of(loop(i)))(inputs)
    assert_close(jax.value_and_grad(lambda i: loss_of(run(i)["Y"]))(inputs), wanted, 1e-4)
    assert_close(jax.jit(jax.value_and_grad(lambda i: loss_of(run(i)["Y"])))(inputs), wanted, 1e-4)
    value, grads = jax.value_and_grad(lambda i: jnp.sum(jnp.sin(run(i)["Y"].data)))(ragged_inputs())
    assert isinstance(grads["A"], Ragged)
    assert_close((value, {name: g.to_list() for name, g in grads.items()}), wanted, 1e-4)


@pytest.mark.parametrize(("target", "kernel"), [("fused", "xla"), ("dispatch", "auto")])
def test_matmul_has_gradients(target, kernel):
    inputs = pair_inputs(SHAPES)

    def ours(i):
        return loss_of(rd.matmul(i["A"], i["B"], target=target, kernel=kernel))

    assert_close(jax.grad(ours)(inputs), jax.grad(lambda i: loss_of(loop(i)))(inputs), 1e-4)


def test_single_matrices_and_scalars_have_gradients_by_name():
    run = program(named(3), kernel="xla")
    inputs = {f"W{i}": jnp.full((2 + i, 2 + i), 0.5) for i in range(3)} | {"s": jnp.asarray(2.0)}

    def wanted(i):
        return sum(jnp.sum(i["s"] * i[f"W{k}"] @ i[f"W{k}"]) for k in range(3))

    assert_close(
        jax.grad(lambda i: sum(jnp.sum(g) for g in run(i).values()))(inputs), jax.grad(wanted)(inputs), 1e-5
    )


def test_whole_numbers_have_no_gradient():
    function = function_of(doubled("i32"), "xla")
    (a,) = buffers_for(function)
    _, back = jax.vjp(lambda a: function((a,))[0], a)
    (grad,) = back(np.zeros(a.shape, jax.dtypes.float0))
    assert grad.dtype == jax.dtypes.float0 and grad.shape == a.shape


# ---------------------------------------------------------------- transformations


@kernels
def test_every_derivative_of_a_small_function(kernel):
    function = function_of(pairs([(2, 2, 2)]), kernel)
    a, b = (jnp.asarray(x) for x in buffers_for(function))

    def ours(a, b):
        return jnp.sum(function((jnp.sin(a), b))[0] ** 2)

    def plain(a, b):
        return jnp.sum((jnp.sin(a).reshape(2, 2) @ b.reshape(2, 2)) ** 2)

    dots = (jnp.cos(a), jnp.sin(b))
    for derivative in (
        lambda f: jax.hessian(f, (0, 1))(a, b),
        lambda f: jax.jacrev(jax.jacrev(f))(a, b),
        lambda f: jax.jacfwd(jax.jacfwd(f))(a, b),
        lambda f: jax.jvp(f, (a, b), dots),
        lambda f: jax.linearize(f, a, b)[1](*dots),
        lambda f: jax.vjp(f, a, b)[1](jnp.asarray(2.0)),
        lambda f: jax.grad(jax.checkpoint(f), (0, 1))(a, b),
        lambda f: jax.jit(jax.grad(jax.checkpoint(lambda a, b: f(f(a, b) * a, b))))(a, b),
        lambda f: jax.grad(lambda a: jax.grad(f)(a, b).sum())(a),
    ):
        assert_close(derivative(ours), derivative(plain), 1e-4)


@kernels
def test_a_linear_function_can_be_transposed(kernel):
    function = function_of(pairs([(2, 3, 4)]), kernel)
    a, b = buffers_for(function)
    transposed = jax.linear_transpose(lambda a: function((a, b))[0], a)
    (given,) = transposed(jnp.arange(8.0))
    np.testing.assert_allclose(
        given, (np.arange(8.0).reshape(2, 4) @ np.asarray(b).reshape(3, 4).T).ravel(), rtol=1e-5
    )


@compiled_kernels
def test_it_works_in_scans_conditions_and_loops(kernel):
    function = function_of(pairs(SQUARES), kernel)
    x, w = (0.5 * buffer for buffer in buffers_for(function))

    def plain(x, w):
        pieces, at = [], 0
        for size, _, _ in SQUARES:
            part = slice(at, at + size * size)
            pieces.append((x[part].reshape(size, size) @ w[part].reshape(size, size)).ravel())
            at += size * size
        return jnp.concatenate(pieces)

    def scanned(step, x, w):
        last, seen = jax.lax.scan(lambda x, _: (step(x, w), x[0]), x, length=4)
        return jnp.sum(last**2) + jnp.sum(seen)

    def conditional(step, x, w):
        return jnp.sum(jax.lax.cond(x[0] > 0, lambda: step(x, w), lambda: x) ** 2)

    def repeated(step, x, w):
        return jax.lax.fori_loop(0, 3, lambda _, x: step(x, w), x).sum()

    for form in (scanned, conditional, repeated):
        ours = jax.jit(jax.value_and_grad(lambda x, w: form(lambda x, w: function((x, w))[0], x, w), (0, 1)))  # noqa: B023
        theirs = jax.value_and_grad(lambda x, w: form(plain, x, w), (0, 1))  # noqa: B023
        assert_close(ours(x, w), theirs(x, w), 1e-4)
    many = jnp.stack([x, -x])
    batch = jax.vmap(lambda x: scanned(lambda x, w: function((x, w))[0], x, w))(many)
    assert_close(batch, jnp.stack([scanned(plain, one, w) for one in many]), 1e-4)


@compiled_kernels
def test_gradients_pass_jaxs_debugging_modes(kernel):
    function = function_of(pairs(SHAPES), kernel)
    a, b = buffers_for(function)

    def loss(a, b):
        return jnp.sum(jnp.sin(function((a, b))[0]))

    wanted = jax.grad(loss, (0, 1))(a, b)
    fresh = function_of(pairs(SHAPES), kernel)

    def fresh_loss(a, b):
        return jnp.sum(jnp.sin(fresh((a, b))[0]))

    with jax.checking_leaks():
        assert_close(jax.jit(jax.grad(fresh_loss, (0, 1)))(a, b), wanted, 1e-5)
        assert_close(jax.jit(jax.vmap(jax.grad(fresh_loss), (0, None)))(a[None], b), wanted[0][None], 1e-5)
    with jax.debug_nans(True):
        assert_close(jax.grad(loss, (0, 1))(a, b), wanted, 1e-5)
        assert_close(jax.jit(jax.grad(loss, (0, 1)))(a, b), wanted, 1e-5)
        with pytest.raises(FloatingPointError):
            function((a * jnp.nan, b))
    with jax.disable_jit():
        assert_close(jax.grad(loss, (0, 1))(a, b), wanted, 1e-5)


def test_results_that_nothing_reads_are_not_computed():
    type = family([3], [3])
    graph = Graph()
    a, b, c = (graph.add(Input(type, (name,), True)) for name in "abc")
    ab, bc = (graph.add(Product(type, Operand(x), Operand(y))) for x, y in ((a, b), (b, c)))
    graph.outputs = (Output(("AB",), Operand(ab), True), Output(("BC",), Operand(bc), True))
    function = function_of(graph, "xla")
    buffers = buffers_for(function)
    traced = jax.make_jaxpr(lambda *b: function(b))(*buffers)
    fewer, read = dce_jaxpr(traced.jaxpr, [False, True])
    assert read == [False, True, True]
    assert len(fewer.eqns[0].params["function"].plan.stages) == 1
    (left,) = jax.core.eval_jaxpr(fewer, [], *buffers[1:])
    assert_close(left, function(buffers)[1], 1e-6)
    assert dce_jaxpr(traced.jaxpr, [False, False])[0].eqns == []


@compiled_kernels
def test_a_checkpoint_keeps_no_intermediates(kernel):
    function = function_of(chain(), kernel)
    buffers = buffers_for(function)

    def loss(*buffers):
        return jnp.sum(jnp.sin(function(buffers)[0]))

    def kept(loss):
        """The arrays that the backward pass is given, beyond the inputs."""
        residuals = jax.tree.leaves(jax.vjp(loss, *buffers)[1])
        return [r for r in residuals if not any(r is b for b in buffers) and r.size > 1]

    wanted = jax.grad(loss, (0, 1, 2))(*buffers)
    assert_close(jax.grad(jax.checkpoint(loss), (0, 1, 2))(*buffers), wanted, 1e-5)
    assert_close(jax.jit(jax.grad(jax.checkpoint(loss), (0, 1, 2)))(*buffers), wanted, 1e-5)
    assert len(kept(jax.checkpoint(loss))) < len(kept(loss))


def chain() -> Graph:
    """Y[i] = A[i] @ B[i] @ C[i]."""
    graph = Graph()
    sizes = [2, 3]
    a, b, c = (graph.add(Input(family(sizes, sizes), (name,), True)) for name in "ABC")
    ab = graph.add(Product(family(sizes, sizes), Operand(a), Operand(b)))
    abc = graph.add(Product(family(sizes, sizes), Operand(ab), Operand(c)))
    graph.outputs = (Output(("Y",), Operand(abc), True),)
    return graph


# ---------------------------------------------------------------- compiled once


@compiled_kernels
def test_a_gradient_is_compiled_once(kernel):
    run = program(pairs(SHAPES), "fused", kernel)
    step = jax.jit(jax.value_and_grad(lambda i: jnp.sum(jnp.sin(run(i)["Y"].data))))
    first, second = (jax.block_until_ready(ragged_inputs(seed=seed)) for seed in (0, 1))
    with compilations() as compiled:
        jax.block_until_ready(step(first))
        assert len(compiled) == 1
        jax.block_until_ready([step(second), step(first)])
        assert len(compiled) == 1


@compiled_kernels
def test_a_gradient_without_jit_is_compiled_by_its_first_call_only(kernel):
    run = program(pairs(SHAPES), "fused", kernel)
    loss = jax.value_and_grad(lambda i: jnp.sum(jnp.sin(run(i)["Y"].data)))
    first, second = ragged_inputs(seed=0), ragged_inputs(seed=1)
    jax.block_until_ready(loss(first))
    with compilations() as compiled:
        jax.block_until_ready([loss(second), loss(first)])
    assert compiled == []


def test_equal_programs_share_what_is_compiled_for_their_gradients():
    inputs = ragged_inputs()

    def grad(run):
        return jax.block_until_ready(jax.vjp(lambda i: run(i)["Y"].data, inputs))

    grad(program(pairs(SHAPES), "fused", "xla"))
    with compilations() as compiled:
        grad(program(pairs(SHAPES), "fused", "xla"))
    assert compiled == []


def test_programs_of_one_form_have_their_own_gradients():
    # The xla kernel traces both to the same program: only the tables, and the derivatives, differ.
    inputs = pair_inputs([(2, 3, 4), (3, 4, 2), (4, 2, 3)])
    turned = {name: value[1:] + value[:1] for name, value in inputs.items()}
    for given in (inputs, turned):
        shapes = [(*a.shape, b.shape[1]) for a, b in zip(given["A"], given["B"], strict=True)]
        run = program(pairs(shapes), "fused", "xla")
        ours = jax.grad(lambda i: loss_of(run(i)["Y"]))(given)  # noqa: B023
        assert_close(ours, jax.grad(lambda i: loss_of(loop(i)))(given), 1e-4)
