"""The lowering `dispatch`: agrees with the reference, shares executables, lets go of what it no longer needs."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.bounds import compare
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Graph, Input, Operand, Output, Product
from raggeddsl.lowering.dispatch import clear_executables, lower_dispatch
from raggeddsl.lowering.dispatch.executables import executables
from raggeddsl.lowering.dispatch.progress import ProgressBar
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from tests.strategies import graphs, inputs_for, seeds

NARROW = ("bf16", "f16", "f32", "i8", "i32", "c64")


def run(graph: Graph, inputs: dict) -> dict:
    plan = plan_graph(graph, Options(memory_limit=1 << 40))
    given = []
    for buffer in plan.inputs:
        node = graph.op(plan.buffers[buffer].node)
        members = inputs[node.names[0]] if node.family else [inputs[name] for name in node.names]
        given.append([jnp.asarray(member) for member in members])
    out = {}
    for output, members in zip(plan.results, lower_dispatch(plan)(given), strict=True):
        if output.family:
            out[output.names[0]] = [np.asarray(member) for member in members]
        else:
            out.update(zip(output.names, map(np.asarray, members), strict=True))
    return out


def sized(*columns: list[int], dtype: str = "f32") -> FamilyType:
    rows, cols = columns
    return FamilyType(np.array(rows, np.int64), np.array(cols, np.int64), dtype)


def pairs(shapes: list[tuple[int, int, int]], arithmetic: Arithmetic = Arithmetic()) -> Graph:
    """A[i] @ B[i] for (m, k, n) in shapes."""
    m, k, n = (list(column) for column in zip(*shapes, strict=True))
    graph = Graph()
    a = graph.add(Input(sized(m, k), ("A",), True))
    b = graph.add(Input(sized(k, n), ("B",), True))
    y = graph.add(Product(sized(m, n), Operand(a), Operand(b), arithmetic=arithmetic))
    graph.outputs = (Output(("Y",), Operand(y), True),)
    return graph


@settings(max_examples=25, deadline=None)
@given(graphs(normal=True, dtypes=("f32",), max_operations=5), seeds)
def test_agrees_with_the_reference_on_random_graphs(graph, seed):
    inputs = inputs_for(graph, seed)
    assert compare(run(graph, inputs), interpret(graph, inputs, bounds=True)).agreed


@settings(max_examples=25, deadline=None)
@given(graphs(normal=True, dtypes=NARROW, max_operations=4), seeds)
def test_agrees_with_the_reference_in_every_type_that_needs_no_x64(graph, seed):
    inputs = inputs_for(graph, seed)
    assert compare(run(graph, inputs), interpret(graph, inputs, bounds=True)).agreed


@settings(max_examples=15, deadline=None)
@given(graphs(normal=True, dtypes=("f64", "c128"), max_operations=4), seeds)
def test_agrees_with_the_reference_in_wide_types(graph, seed):
    inputs = inputs_for(graph, seed)
    with jax.enable_x64(True):
        assert compare(run(graph, inputs), interpret(graph, inputs, bounds=True)).agreed


def test_a_long_sum_in_bf16_is_kept_in_f32_until_its_end():
    terms = 600
    graph = Graph()
    a = graph.add(Input(sized([1] * terms, [1] * terms, dtype="bf16"), ("A",), True))
    one = Operand(a, np.zeros(terms, np.int64))
    total = Product(sized([1], [1], dtype="bf16"), one, one, target=np.zeros(terms, np.int64))
    graph.outputs = (Output(("G",), Operand(graph.add(total)), False),)
    ones = [np.ones((1, 1), DTYPES["bf16"].numpy)] * terms
    # Stored in bf16 after each term, the sum would stop growing at 256.
    assert run(graph, {"A": ones})["G"].item() == 600
