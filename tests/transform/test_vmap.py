"""`vmap` gives what a loop gives, whatever is batched and along which axis."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.ragged import Ragged
from tests.programs import pair_inputs, pairs, program
from tests.strategies import graphs, seeds
from tests.transform.functions import NATIVE, assert_close, buffers_for, compiled_kernels, function_of


def stacked(function, axes, size, seed):
    """`size` copies of each buffer that has an axis, along it; and the buffers of every copy."""
    copies = [buffers_for(function, seed + copy) for copy in range(size)]
    buffers, each = [], [[] for _ in range(size)]
    for place, axis in enumerate(axes):
        own = [copy[place] for copy in copies]
        if axis is None:
            own = [copies[0][place]] * size
        buffers.append(copies[0][place] if axis is None else jnp.stack(own, axis))
        for number, buffer in enumerate(own):
            each[number].append(buffer)
    return buffers, each


@pytest.mark.parametrize("kernel", [NATIVE, "reference"])
@settings(max_examples=12)
@given(graphs(dtypes=("f32", "c64", "i32"), max_operations=5), seeds, st.data())
def test_it_gives_what_a_loop_gives(kernel, graph, seed, data):
    function = function_of(graph, kernel)
    count = len(function.plan.inputs)
    axes = tuple(data.draw(st.sampled_from([None, 0, 1, -1])) for _ in range(count))
    if all(axis is None for axis in axes):
        return
    out = data.draw(st.sampled_from([0, 1]))
    buffers, each = stacked(function, axes, 3, seed)
    given_ = jax.vmap(lambda *b: function(b), in_axes=axes, out_axes=out)(*buffers)
    loop = [function(one) for one in each]
    wanted = [jnp.stack(results, out) for results in zip(*loop, strict=True)]
    assert_close(given_, wanted, 1e-5)


@settings(max_examples=3)
@given(graphs(dtypes=("f32",), max_operations=2, max_members=2, max_size=4), seeds)
def test_the_xla_kernel_too(graph, seed):
    function = function_of(graph, "xla")
    if not function.plan.inputs:
        return
    axes = [0 if place % 2 == 0 else None for place in range(len(function.plan.inputs))]
    buffers, each = stacked(function, axes, 2, seed)
    given_ = jax.jit(jax.vmap(lambda *b: function(b), in_axes=axes))(*buffers)
    loop = [function(one) for one in each]
    assert_close(given_, [jnp.stack(results) for results in zip(*loop, strict=True)], 1e-5)


@compiled_kernels
def test_gradients_of_batches_and_batches_of_gradients(kernel):
    function = function_of(pairs(), kernel)

    def loss(a, b):
        return jnp.sum(jnp.sin(function((a, b))[0]))

    a, b = buffers_for(function)
    many = jnp.stack([a, 2 * a, -a])
    wanted = [jax.grad(loss)(one, b) for one in many]
    assert_close(jax.jit(jax.vmap(jax.grad(loss), (0, None)))(many, b), jnp.stack(wanted), 1e-4)
    whole = jax.jit(jax.grad(lambda m, b: jax.vmap(loss, (0, None))(m, b).sum(), (0, 1)))(many, b)
    assert_close(whole[0], jnp.stack(wanted), 1e-4)
    assert_close(whole[1], sum(jax.grad(loss, 1)(one, b) for one in many), 1e-4)
    rows = jax.jacrev(lambda a: function((a, b))[0])(a)
    columns = jax.jacfwd(lambda a: function((a, b))[0])(a)
    assert_close(rows, columns, 1e-5)


@compiled_kernels
def test_batches_of_batches(kernel):
    function = function_of(pairs(), kernel)
    a, b = buffers_for(function)
    outer = jnp.stack([a, 3 * a])
    inner = jnp.stack([b, -b, 2 * b])
    both = jax.vmap(lambda x: jax.vmap(lambda y: function((x, y))[0])(inner))(outer)
    wanted = jnp.stack([jnp.stack([function((x, y))[0] for y in inner]) for x in outer])
    assert_close(both, wanted, 1e-5)


@pytest.mark.parametrize(
    ("target", "kernel"), [("fused", "xla"), ("dispatch", "auto"), ("fused", "reference")]
)
def test_a_program_of_lists_and_ragged_families(target, kernel):
    run = program(pairs(), target, kernel)
    inputs = pair_inputs()
    lists = {name: [jnp.stack([x, 2 * x]) for x in value] for name, value in inputs.items()}
    out = jax.vmap(run)(lists)["Y"]
    assert isinstance(out, Ragged) and out.data.shape == (2, out.layout.size)
    wanted = [a @ b for a, b in zip(inputs["A"], inputs["B"], strict=True)]
    for given_, one in zip(out, wanted, strict=True):
        np.testing.assert_allclose(given_, np.stack([one, 4 * one]), rtol=1e-5, atol=1e-5)
