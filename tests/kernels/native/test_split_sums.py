"""Sums of much work into one small block run in parts, the same parts for any number of threads."""

from __future__ import annotations

import numpy as np
import pytest

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, Input, Operand, Product, Term
from raggeddsl.kernels.native.schedule import schedule
from tests.kernels.native.running import check, planned, run_buffers, same_bits, show, sized
from tests.strategies import inputs_for
from tests.tunings import tuned


def total(rows: list[int], cols: int, dtype: str) -> Graph:
    """G = 3 * M + sum(H[i].T @ H[i] for i), and G @ G."""
    members = len(rows)
    zeros = np.zeros(members, np.int64)
    graph = Graph()
    h = graph.add(Input(sized(rows, np.full(members, cols), dtype), ("H",), True))
    m = graph.add(Input(sized([cols], [cols], dtype), ("M",), False))
    square = sized([cols], [cols], dtype)
    left = Operand(h, transposed=True)
    g = graph.add(Product(square, left, Operand(h), target=zeros, addends=(Term(Operand(m), 3),)))
    show(graph, g, graph.add(Product(square, Operand(g), Operand(g))))
    return graph


SMALL = tuned(part_cost=2e4, job_cost=(1.0, 1.0))
"""Parts of so little work that sums of a few members have many."""


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "c64", "i8", "i32"])
@pytest.mark.parametrize("rows", [[5] * 90, [7, 0, 900, 1, 2, 40, 0], [3000], [1, 2500]])
def test_sums_in_parts_agree_and_have_the_same_bits_for_any_number_of_workers(rows, dtype):
    graph = total(rows, 9, dtype)
    plan, inputs = planned(graph), inputs_for(graph, 7)
    made = schedule(plan, 2, SMALL.schedule)
    assert made.in_parts.any() and len(made.jobs) > 4
    check(graph, inputs, plan, workers=8, tuning=SMALL)
    one, two, eight = (run_buffers(plan, inputs, workers=workers, tuning=SMALL) for workers in (1, 2, 8))
    assert same_bits(one, two) and same_bits(one, eight)


def test_every_part_starts_afresh_and_all_are_added():
    plan = planned(total([5] * 90, 9, "f32"))
    made = schedule(plan, 1, SMALL.schedule)
    parts = len(np.unique(made.tasks["c_offset"][made.in_parts & (made.tasks["op"] == 0)]))
    assert 2 < parts <= SMALL.schedule.most_parts
    sums = made.in_parts & (made.tasks["op"] == 1) & (made.tasks["m"] == 9)
    assert np.count_nonzero(sums) >= parts  # each later part is added to the first, which goes to G at last
    assert made.arena_bytes >= parts * 9 * 9 * 4


def test_sums_with_much_beside_them_or_into_large_blocks_stay_whole():
    many = np.repeat(np.arange(64), 20)
    graph = Graph()
    h = graph.add(Input(sized(np.full(1280, 9), np.full(1280, 8)), ("H",), True))
    square = sized(np.full(64, 8), np.full(64, 8))
    show(graph, graph.add(Product(square, Operand(h, transposed=True), Operand(h), target=many)))
    assert not schedule(planned(graph), 4, SMALL.schedule).in_parts.any()
    wide = planned(total([50] * 20, 80, "f32"))
    assert not schedule(wide, 4, SMALL.schedule).in_parts.any()


def test_what_reads_a_shared_result_is_not_tied_to_one_worker():
    """S = W @ W is one component; Y[i] = X[i] @ S would all join it, and run on one worker."""
    tuning = tuned(phase_cost=1e4, part_cost=1e12, job_cost=(1.0, 1.0))
    members = 200
    graph = Graph()
    x = graph.add(Input(sized(np.full(members, 20), np.full(members, 30)), ("X",), True))
    w = graph.add(Input(sized([30], [30]), ("W",), False))
    s = graph.add(Product(sized([30], [30]), Operand(w), Operand(w)))
    shared = Operand(s, np.zeros(members, np.int64))
    y = graph.add(Product(sized(np.full(members, 20), np.full(members, 30)), Operand(x), shared))
    show(
        graph, graph.add(Combine(sized(np.full(members, 20), np.full(members, 30)), (Term(Operand(y), 2.0),)))
    )
    made = schedule(planned(graph), 2, tuning.schedule)
    assert np.diff(made.phases).tolist()[0] == 1 and np.diff(made.phases)[-1] > 4
    check(graph, inputs_for(graph, 8), workers=4, tuning=tuning)
