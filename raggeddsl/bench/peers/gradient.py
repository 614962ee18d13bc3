"""raggeddsl with its gradient as a way: value and cotangents of all inputs in one jitted function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.adjoint import cotangents
from raggeddsl.bench.check import distance
from raggeddsl.bench.peers.ours import chosen, compiled, facts, resident_inputs
from raggeddsl.bench.peers.way import Limits, Prepare, Skip, Way, Work
from raggeddsl.bench.workload import SEED, Workload, unpack

GRAD, LOSS = "grad", "loss"

SLACK = 8.0
"""A gradient may be so many times as far off as a value: three products for one, and sums over members."""


def gradient(words: list[str]) -> Prepare | None:
    """The peer `raggeddsl:grad:WORD:…` or `raggeddsl:loss:WORD:…`; None if a word is unknown.

    `grad` is `jax.vjp` with cotangents that are resident, `loss` is `jax.value_and_grad` of half
    the sum of all squares of the results.  A product costs three: its own and one for each factor.
    """
    options = chosen(words[1:])
    if not words or words[0] not in (GRAD, LOSS) or options is None:
        return None

    def prepare(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
        return _prepare(workload, inputs, words[0], options[0] or "fused", options[1] or limits.kernel)

    return prepare


def _prepare(workload: Workload, inputs: Mapping[str, Any], kind: str, target: Any, kernel: Any) -> Way:
    import jax

    import raggeddsl as rd

    resident = resident_inputs(workload, inputs)
    out_cotangents = _random(workload)
    programs: list[Any] = []

    def first() -> Any:
        rd.clear_caches()  # another row of raggeddsl may have compiled the same program
        program = compiled(workload, target, kernel)
        programs[:] = [program, jax.jit(pulled_back(program) if kind == GRAD else with_loss(program))]
        return call()

    packed = {workload.out: rd.Ragged.from_list(out_cotangents)}
    more = (packed,) if kind == GRAD else ()
    jax.block_until_ready(more)

    def call() -> Any:
        return jax.block_until_ready(programs[1](resident, *more))

    def results(value: Any) -> list[np.ndarray]:
        return [np.asarray(member) for member in value[0][workload.out].to_list()]

    def beside(value: Any) -> float:
        right = cotangents(workload, inputs, out_cotangents if kind == GRAD else results(value))
        return max(_apart(value[1][name], members) for name, members in right.items()) / SLACK

    def work() -> Work:
        """Inputs and given cotangents are read; results and the gradient, as large as inputs, written."""
        moved = workload.bytes + workload.input_bytes + (workload.result_bytes if kind == GRAD else 0)
        return Work(flop_of(programs[1].trace(resident, *more).jaxpr), moved)

    note = "value and gradient by all inputs"
    return Way(first, call, results, note=note, facts=lambda: facts(programs[0]), beside=beside, work=work)


def flop_of(jaxpr: Any) -> float:
    """The FLOP of all product graphs in a jaxpr, by their plans: forward and backward ones."""
    from raggeddsl.lowering.primitive import product_graph_p

    total = 0.0
    for equation in jaxpr.eqns:
        if equation.primitive is product_graph_p:
            total += equation.params["function"].plan.cost.flop
        inner = [value for value in equation.params.values() if hasattr(value, "eqns")]
        total += sum(map(flop_of, inner))
    return total


def compile_gradient(program: Any) -> None:
    """Trace, lower and compile what `raggeddsl:grad` calls; no arrays are made."""
    import jax

    shapes = [_abstract(signature) for signature in (program.inputs, program.outputs)]
    jax.jit(pulled_back(program)).trace(*shapes).lower().compile()


def _abstract(signature: Any) -> dict[str, Any]:
    """Values of a signature that have shapes and dtypes and no elements."""
    import jax

    import raggeddsl as rd

    values: dict[str, Any] = {}
    for group in signature.groups:
        if group.family:
            data = jax.ShapeDtypeStruct((group.layout.size,), group.dtype)
            values[group.names[0]] = rd.Ragged(data, group.layout)
        else:
            shapes = map(group.layout.shape, range(len(group.names)))
            alone = [jax.ShapeDtypeStruct(shape, group.dtype) for shape in shapes]
            values |= dict(zip(group.names, alone, strict=True))
    return values


def pulled_back(program: Any) -> Any:
    """(inputs, cotangents of the results) → (results, cotangents of the inputs)."""
    import jax

    def raggeddsl_grad(inputs: Any, out_cotangents: Any) -> Any:
        results, back = jax.vjp(program, inputs)
        return results, back(out_cotangents)[0]

    return raggeddsl_grad


def with_loss(program: Any) -> Any:
    """inputs → (results, gradient of half the sum of their squares)."""
    import jax
    import jax.numpy as jnp

    def loss(inputs: Any) -> Any:
        results = program(inputs)
        return 0.5 * sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(results)), results

    def raggeddsl_loss(inputs: Any) -> Any:
        (_, results), gradients = jax.value_and_grad(loss, has_aux=True)(inputs)
        return results, gradients

    return raggeddsl_loss


def _random(workload: Workload) -> list[np.ndarray]:
    """Standard normal cotangents f32[m, n], one a result."""
    size = int(workload.results.prod(axis=1).sum())
    return unpack(np.random.default_rng(SEED + 1).standard_normal(size, np.float32), workload.results)


def _apart(computed: Any, right: list[np.ndarray]) -> float:
    """The largest relative error of a member."""
    members = computed.to_list() if hasattr(computed, "to_list") else [computed]
    pairs = zip(map(np.asarray, members), right, strict=True)
    return max((distance(member, wanted) for member, wanted in pairs), default=0.0)
