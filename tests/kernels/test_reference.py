"""The reference kernel: the planner's table gives what the graph's own interpreter gives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import FamilyType, Input, Operand, Output, Product
from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.reference import ReferenceKernel
from raggeddsl.options import Options
from raggeddsl.plan import Plan, plan_graph
from tests.strategies import ALL_DTYPES, graphs, inputs_for, seeds


def packed_inputs(plan: Plan, given: dict) -> list[np.ndarray]:
    """The input buffers: members row-major, end to end."""
    found = []
    for number in plan.inputs:
        node = plan.graph.op(plan.buffers[number].node)
        members = given[node.names[0]] if node.family else [given[name] for name in node.names]
        flat = [np.asarray(member).reshape(-1) for member in members]
        dtype = DTYPES[node.type.dtype].numpy
        found.append(np.concatenate([np.zeros(0, dtype), *flat]).astype(dtype))
    return found


def check_against_interpreter(graph: Graph, given: dict, plan: Plan) -> None:
    """`plan`'s table, run on `given`, gives what the interpreter says `graph` means."""
    lowered = ReferenceKernel().lower(plan)
    results = lowered.run(packed_inputs(plan, given), lowered.tables)
    wanted = interpret(graph, given)
    for output, result in zip(plan.results, results, strict=True):
        type = plan.graph.type(output.operand.node)
        members = wanted[output.names[0]] if output.family else [wanted[name] for name in output.names]
        dtype = DTYPES[type.dtype]
        wide = {"integer": np.int64, "float": np.float64, "complex": np.complex128}[dtype.kind]
        flat = np.concatenate([np.zeros(0, wide), *(np.asarray(member).reshape(-1) for member in members)])
        assert result.dtype == dtype.numpy and result.shape == (int(np.sum(type.sizes)),)
        if dtype.kind == "integer":
            np.testing.assert_array_equal(result, flat)
            continue
        # Both are f64 or c128 inside; the result was rounded once to its own type.
        with np.errstate(over="ignore"):
            rounded = flat.astype(dtype.numpy).astype(wide)
        spacing = 6e-8 if dtype.name == "f16" else 0.0
        scale = max(1.0, float(np.max(np.abs(flat), initial=0)))
        np.testing.assert_allclose(result.astype(wide), rounded, rtol=dtype.eps, atol=1e-12 * scale + spacing)


@given(graphs(normal=True), seeds)
@settings(deadline=None, max_examples=150)
def test_table_gives_what_the_graph_means(graph, seed):
    check_against_interpreter(graph, inputs_for(graph, seed), plan_graph(graph, Options()))


@given(graphs(normal=True, dtypes=ALL_DTYPES), seeds)
@settings(deadline=None, max_examples=150)
def test_table_gives_what_the_graph_means_in_every_dtype(graph, seed):
    check_against_interpreter(graph, inputs_for(graph, seed), plan_graph(graph, Options()))


@given(graphs(), seeds)
@settings(deadline=None, max_examples=150)
def test_passes_and_planner_together_keep_what_the_graph_means(graph, seed):
    check_against_interpreter(graph, inputs_for(graph, seed), plan_graph(normalise(graph), Options()))


def square(count: int, size: int) -> Plan:
    graph = Graph()
    type = FamilyType(np.full(count, size), np.full(count, size), "f32")
    x = graph.add(Input(type, ("X",), True))
    y = graph.add(Product(type, Operand(x), Operand(x, transposed=True)))
    graph.outputs = (Output(("Y",), Operand(y), True),)
    return plan_graph(graph, Options())


def test_runs_inside_jit_on_buffers_that_are_not_small():
    plan = square(30, 100)
    lowered = ReferenceKernel().lower(plan)
    data = np.random.default_rng(0).standard_normal(300_000).astype(np.float32)
    (direct,) = lowered.run([data], ())
    (traced,) = jax.jit(lambda x: lowered.run([x], ()))(data)
    np.testing.assert_array_equal(direct, traced)


def test_runs_under_vmap():
    plan = square(2, 3)
    lowered = ReferenceKernel().lower(plan)
    data = np.arange(36, dtype=np.float32).reshape(2, 18)
    (mapped,) = jax.vmap(lambda x: lowered.run([x], ()))(jnp.asarray(data))
    for row, result in zip(data, mapped, strict=True):
        np.testing.assert_array_equal(lowered.run([row], ())[0], result)


def test_accepts_jax_arrays_and_refuses_a_buffer_of_another_size():
    plan = square(2, 3)
    lowered = ReferenceKernel().lower(plan)
    lowered.run([jnp.ones(18)], ())
    with pytest.raises(AssertionError, match="shape"):
        lowered.run([jnp.ones(17)], ())


def test_report_counts_every_task_and_its_flop():
    plan = square(4, 5)
    lowered = ReferenceKernel().lower(plan)
    (report,) = lowered.stages
    assert [(c.form, c.tasks, c.flop) for c in report.classes] == [("member", 4, 4 * 2 * 125.0)]
