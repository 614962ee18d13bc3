"""The checker: every corruption of a plan is found and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Operand, Origin, Product, Term
from raggeddsl.options import Options
from raggeddsl.plan import Plan, plan_graph, validate
from tests.plan.graphs import family, given, show


def sample() -> Plan:
    """H = A @ A.T, Y = sum of H @ H + A A.T through a map: products, combines and a zero row."""
    graph = Graph()
    a = given(graph, "A", family([2, 3, 2], [3, 4, 3]))
    h = graph.add(
        Product(family([2, 3, 2], [2, 3, 2]), Operand(a), Operand(a, transposed=True), origin=Origin("H"))
    )
    k = graph.add(Product(family([2, 3, 2], [2, 3, 2]), Operand(h), Operand(h), addends=(Term(Operand(h)),)))
    pick = np.array([0, 2])
    target = np.array([0, 0])
    y = graph.add(Product(family([2, 5], [2, 1]), Operand(k, pick), Operand(h, pick), target=target))
    return plan_graph(show(graph, Y=y), Options())


def with_cell(plan: Plan, column: str, row: int, value: object) -> Plan:
    changed = getattr(plan.tasks, column).copy()
    changed[row] = value
    return replace(plan, tasks=replace(plan.tasks, **{column: changed}))


def test_a_plan_of_the_planner_is_valid():
    validate(sample())


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [
        ("op", 0, 7),
        ("op", -1, 1),
        ("m", 0, 0),
        ("m", 0, 1 << 62),
        ("n", 1, -3),
        ("n", 1, 1),
        ("k", 0, 0),
        ("k", 1, 1 << 40),
        ("a_buffer", 0, 99),
        ("a_buffer", 0, -1),
        ("a_buffer", 0, -2),
        ("a_offset", 0, -1),
        ("a_offset", 2, 1 << 40),
        ("b_buffer", 3, 0),
        ("b_buffer", 0, 3),
        ("b_offset", 0, 100),
        ("c_buffer", 0, 0),
        ("c_offset", 0, 4),
        ("c_offset", 0, (1 << 63) - 1),
        ("s_buffer", 0, 9),
        ("s_buffer", 0, -3),
        ("accumulate", 0, True),
        ("accumulate", 4, False),
        ("accumulate", -1, True),
    ],
)
def test_a_corrupt_cell_is_refused(column, row, value):
    with pytest.raises(AssertionError):
        validate(with_cell(sample(), column, row, value))


@pytest.mark.parametrize(
    "change",
    [{"start": 1}, {"stop": 2}, {"buffer": 0}, {"first": False}, {"level": 0}],
)
def test_a_corrupt_stage_is_refused(change):
    plan = sample()
    stages = list(plan.stages)
    stages[1] = replace(stages[1], **change)
    with pytest.raises(AssertionError):
        validate(replace(plan, stages=tuple(stages)))


@pytest.mark.parametrize("base", [8, -64, 1 << 40, 0])
def test_a_corrupt_arena_is_refused(base):
    plan = sample()
    scratch = [i for i, buffer in enumerate(plan.buffers) if buffer.kind == "scratch"]
    moved = next(i for i in scratch if plan.buffers[i].base != 0)
    buffers = tuple(replace(b, base=base) if i == moved else b for i, b in enumerate(plan.buffers))
    with pytest.raises(AssertionError, match="scratch buffer"):
        validate(replace(plan, buffers=buffers))


def test_random_corruptions_of_where_results_go_are_refused():
    plan, rng = sample(), np.random.default_rng(0)
    for _ in range(200):
        row = int(rng.integers(len(plan.tasks)))
        old = int(plan.tasks.c_offset[row])
        new = int(rng.integers(-5, 30))
        if new != old:
            with pytest.raises(AssertionError):
                validate(with_cell(plan, "c_offset", row, new))


def test_the_row_is_named():
    with pytest.raises(AssertionError, match="row 2: c lies inside its buffer"):
        validate(with_cell(sample(), "c_offset", 2, 1000))
