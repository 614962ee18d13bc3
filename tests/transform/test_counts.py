"""What is derived is planned, traced and compiled once, and costs the products that it should."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.lowering import fused, primitive
from raggeddsl.plan.plan import Op
from raggeddsl.ragged import Ragged
from tests.programs import compilations, pair_inputs, pairs, program
from tests.steps import steps
from tests.transform.functions import compiled_kernels

CHAIN = """
index i in 5
dim n[i] = [3, 5, 2, 4, 1]
input a[i] : f32[n[i], n[i]]
input f[i] : f32[n[i], 4]
input W    : f32[4, 4]
output y[i] = a[i] @ f[i] @ W
"""


@contextmanager
def plans(monkeypatch) -> Iterator[list]:
    """The plans made meanwhile, by a program or for what is derived from it."""
    made: list = []
    plain = fused.plan_graph

    def noting(graph, options, *more, **named):
        made.append(plain(graph, options, *more, **named))
        return made[-1]

    with monkeypatch.context() as patch:
        patch.setattr(fused, "plan_graph", noting)
        yield made


@contextmanager
def derivations(monkeypatch) -> Iterator[list[str]]:
    """The names of the derivations made meanwhile."""
    made: list[str] = []

    def noting(name):
        plain = getattr(primitive, name)
        return lambda *given: made.append(name) or plain(*given)

    with monkeypatch.context() as patch:
        for name in ("linearise", "transpose", "batch"):
            patch.setattr(primitive, name, noting(name))
        yield made


def ragged(seed: int):
    return {name: Ragged.from_list(value) for name, value in pair_inputs(seed=seed).items()}


def loss(run):
    return lambda inputs: jnp.sum(jnp.sin(run(inputs)["Y"].data))


TAKEN = {
    "grad": lambda run: jax.grad(loss(run)),
    "jitted": lambda run: jax.jit(jax.value_and_grad(loss(run))),
    "jvp": lambda run: lambda x: jax.jvp(loss(run), (x,), (x,)),
    "of batches": lambda run: (
        lambda x: jax.vmap(jax.grad(loss(run)))(jax.tree.map(lambda data: jnp.stack([data, -data]), x))
    ),
    "second": lambda run: lambda x: jax.jvp(jax.grad(loss(run)), (x,), (x,)),
    "checkpoint": lambda run: jax.grad(jax.checkpoint(loss(run))),
}


@compiled_kernels
@pytest.mark.parametrize("way", TAKEN)
def test_a_derivative_is_derived_planned_and_compiled_by_its_first_call_only(way, kernel, monkeypatch):
    run = program(pairs(), "fused", kernel)
    first, second = ragged(0), ragged(1)
    taken = TAKEN[way](run)
    with derivations(monkeypatch) as derived, plans(monkeypatch) as planned:
        jax.block_until_ready(taken(first))
        # A function made anew, as by a training loop that calls `jax.grad` in each step.
        jax.block_until_ready(TAKEN[way](run)(first))
        assert derived and planned
        before = len(derived), len(planned)
        with compilations() as compiled:
            jax.block_until_ready([taken(second), taken(first)])
        assert compiled == []
        jax.block_until_ready(TAKEN[way](run)(second))
        assert (len(derived), len(planned)) == before


def test_matmul_keeps_its_derivatives_from_call_to_call(monkeypatch):
    a, b = pair_inputs()["A"], pair_inputs()["B"]
    gradient = jax.grad(lambda a: sum(jnp.sum(c) for c in rd.matmul(a, b)))
    gradient(a)
    with derivations(monkeypatch) as derived, plans(monkeypatch) as planned, compilations() as compiled:
        gradient([2 * member for member in a])
    assert derived == [] and planned == [] and compiled == []


def test_value_and_gradient_of_pairs_take_three_products_a_pair_and_no_sums(monkeypatch):
    run = program(pairs(), "fused", "xla")
    with plans(monkeypatch) as planned:
        jax.vjp(run, ragged(0))[1]({"Y": run(ragged(1))["Y"]})
    (backwards,) = planned
    assert not (backwards.tasks.op == Op.COMBINE).any()
    assert products(backwards) == 2 * products(run.plan)
    assert backwards.cost.flop == 2 * run.plan.cost.flop


def products(plan) -> int:
    return int((plan.tasks.op == Op.PRODUCT).sum())


def test_a_chain_keeps_its_intermediates_and_its_gradient_costs_twice_its_products(monkeypatch):
    run = rd.compile(CHAIN, target="fused", kernel="xla")
    inputs = run.random_inputs(0)
    with plans(monkeypatch) as planned:
        results, back = jax.vjp(run, inputs)
        back(results)
    forwards, backwards = planned
    assert forwards.cost.flop == run.plan.cost.flop, "the value costs what it costs without a gradient"
    assert len(forwards.outputs) == 1 + len(run.plan.outputs), "one intermediate is kept"
    assert backwards.cost.flop == 2 * run.plan.cost.flop, "and not computed again"
    assert backwards.cost.output_bytes == run.plan.cost.input_bytes, "no zeros, no copies"


def test_planning_a_derivative_takes_no_python_for_each_member():
    def derived(count):
        shapes = [(1 + place % 3, 2, 1 + place % 5) for place in range(count)]
        run = program(pairs(shapes), "fused", "xla")
        function = run.executable.graph_function

        def derive():
            found = function.derivative((True, True))
            (_, back) = found.tangent.transposed((False, False, True, True), (True,))
            return back.plan, function.batched((True, False), 3)[1].plan

        return steps(derive)

    derived(10)
    assert derived(20_000) < 1.5 * derived(200)


def test_gradients_are_the_same_bits_in_every_call():
    run = program(pairs(), "fused", "auto")
    gradient = jax.jit(jax.grad(loss(run)))
    for one, other in zip(*(jax.tree.leaves(gradient(ragged(0))) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(one, other)
