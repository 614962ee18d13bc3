"""Where components meet, a phase ends; what one worker makes and uses stays in its own memory."""

from __future__ import annotations

import numpy as np
import pytest

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, Input, Operand, Product, Term
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.kernels.native.schedule import schedule
from raggeddsl.kernels.native.table import tasks_of
from raggeddsl.native.library import register
from tests.kernels.native.running import check, pairs, planned, run, run_buffers, same_bits, show, sized
from tests.strategies import inputs_for
from tests.tunings import tuned


def chain(members: int, length: int, size: int = 12) -> Graph:
    """X[i] -> X[i] @ W -> (X[i] @ W) @ W …: each member needs only itself."""
    sizes = np.arange(members) % size + 1
    graph = Graph()
    x = graph.add(Input(sized(sizes, np.full(members, size)), ("X",), True))
    w = graph.add(Input(sized([size], [size]), ("W",), False))
    node = x
    for _ in range(length):
        shared = Operand(w, np.zeros(members, np.int64))
        node = graph.add(Product(sized(sizes, np.full(members, size)), Operand(node), shared))
    show(graph, node)
    return graph


def meeting(members: int, dtype: str = "f32") -> Graph:
    """H[i] = X[i] V; G = Σ H[i]ᵀ H[i]; Y[i] = H[i] G; T = Σ Y[i]ᵀ Y[i] + G: everything meets, twice."""
    rows, cols = np.arange(members) % 7 + 1, np.full(members, 9)
    graph = Graph()
    x = graph.add(Input(sized(rows, cols, dtype), ("X",), True))
    v = graph.add(Input(sized([9], [9], dtype), ("V",), False))
    zeros = np.zeros(members, np.int64)
    h = graph.add(Product(sized(rows, cols, dtype), Operand(x), Operand(v, zeros)))
    g = graph.add(Product(sized([9], [9], dtype), Operand(h, transposed=True), Operand(h), target=zeros))
    y = graph.add(Product(sized(rows, cols, dtype), Operand(h), Operand(g, zeros), factor=0.125))
    left, more = Operand(y, transposed=True), (Term(Operand(g), 1.0),)
    total = Product(sized([9], [9], dtype), left, Operand(y), target=zeros, addends=more)
    show(graph, y, graph.add(total))
    return graph


def test_intermediates_of_a_chain_stay_in_the_workers_memory():
    made = schedule(planned(chain(50, 4)), 2)
    assert made.arena_bytes == 0
    # Two slots of the largest member serve a chain of any length.
    assert made.local_bytes == 2 * 12 * 12 * 4
    assert len(made.phases) == 2


@pytest.mark.skipif(register() is not None, reason="there is no native library")
def test_a_program_says_what_the_workers_hold_and_not_every_member_at_once():
    plan = planned(chain(50, 4))
    lowered = NativeKernel(workers=2).lower(plan)
    assert lowered.scratch_bytes == 2 * (2 * 12 * 12 * 4) < plan.cost.scratch_bytes


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_chains_agree_with_the_reference(workers):
    graph = chain(50, 4)
    check(graph, inputs_for(graph, 1), workers=workers)


@pytest.mark.parametrize("workers", [1, 2, 8])
@pytest.mark.parametrize("dtype", ["f32", "bf16", "c64", "f64"])
def test_what_meets_is_computed_in_phases(workers, dtype):
    graph = meeting(60, dtype)
    plan = planned(graph)
    made = schedule(plan, workers)
    assert len(made.phases) - 1 >= 2
    assert made.arena_bytes >= int(np.sum(plan.type(plan.stages[0].buffer).sizes))  # H lives on into the next
    check(graph, inputs_for(graph, 2), plan, workers=workers)


def test_a_sum_over_a_family_of_chains_ends_the_phase_of_the_chains():
    graph = chain(40, 3)
    y = graph.outputs[0].operand.node
    zeros = np.zeros(40, np.int64)
    total = Product(sized([12], [12]), Operand(y, transposed=True), Operand(y), target=zeros)
    mean = graph.add(Combine(sized([12], [12]), (Term(Operand(graph.add(total)), 0.025),)))
    show(graph, y, mean)
    for workers in (1, 8):
        check(graph, inputs_for(graph, 3), workers=workers)


@pytest.mark.parametrize("workers", [2, 8])
def test_a_heavy_chain_beside_small_ones_is_cut_and_agrees(workers):
    tuning = tuned(heavy_cost=1e5)
    rows = np.array([600, 3, 5, 7, 60, 1])
    graph = Graph()
    x = graph.add(Input(sized(rows, np.full(6, 50)), ("X",), True))
    w = graph.add(Input(sized(np.full(6, 50), np.full(6, 300)), ("W",), True))
    h = graph.add(Product(sized(rows, np.full(6, 300)), Operand(x), Operand(w)))
    y = graph.add(Product(sized(rows, rows), Operand(h), Operand(h, transposed=True)))
    addends = (Term(Operand(x), 2.0),)
    z = graph.add(Product(sized(rows, np.full(6, 50)), Operand(y), Operand(x), addends=addends))
    show(graph, z)
    plan = planned(graph)
    made = schedule(plan, workers, tuning.schedule)
    # The heavy member is cut; a mirrored product of it too; levels wait for each other.
    assert np.bincount(made.source).max() > 2 and len(made.phases) - 1 >= 3
    inputs = inputs_for(graph, 4)
    check(graph, inputs, plan, workers=workers, tuning=tuning)
    assert same_bits(
        run_buffers(plan, inputs, workers=1, tuning=tuning),
        run_buffers(plan, inputs, workers=workers, tuning=tuning),
    )


def newton_schulz(sizes: list[tuple[int, int]], steps: int = 2) -> Graph:
    """X -> 2 X + (3 G + G G) X with G = X Xᵀ, again and again: each member needs only itself."""
    rows, cols = (np.array(column, np.int64) for column in zip(*sizes, strict=True))
    graph = Graph()
    x = graph.add(Input(sized(rows, cols), ("X",), True))
    for _ in range(steps):
        g = graph.add(Product(sized(rows, rows), Operand(x), Operand(x, transposed=True), factor=0.01))
        addends = (Term(Operand(g), 3.0),)
        b = graph.add(Product(sized(rows, rows), Operand(g), Operand(g), addends=addends))
        more = (Term(Operand(x), 2.0),)
        x = graph.add(Product(sized(rows, cols), Operand(b), Operand(x), addends=more))
    show(graph, x)
    return graph


@pytest.mark.parametrize("workers", [2, 8])
def test_light_members_run_beside_the_levels_of_a_heavy_one(workers):
    tuning = tuned(heavy_cost=1e5)
    plan = planned(newton_schulz([(400, 500), *[(20, 30)] * 300]))
    made = schedule(plan, workers, tuning.schedule)
    heavy = np.array([made.is_panel[first] for first, _ in made.jobs])
    cost = np.array([made.cost[first : first + count].sum() for first, count in made.jobs])
    assert len(made.phases) - 1 == len(plan.stages)  # one level a stage of the heavy member
    shares = []
    for first, end in zip(made.phases[:-1], made.phases[1:], strict=True):
        panels, level = heavy[first:end], cost[first:end]
        # Every worker has panels, no one has much more than its share, and there are light members beside.
        assert np.count_nonzero(panels) >= workers and not panels.all()
        assert level.max() < 1.5 * level.sum() / workers
        shares.append(level[~panels].sum() / level[panels].sum())
    assert max(shares) < 1.5 * min(shares)
    inputs = inputs_for(plan.graph, 6)
    assert same_bits(
        run_buffers(plan, inputs, workers=1, tuning=tuning),
        run_buffers(plan, inputs, workers=workers, tuning=tuning),
    )


@pytest.mark.parametrize("workers", [2, 8])
def test_the_levels_of_heavy_members_share_the_arena_by_lifetime(workers):
    """However many steps there are: what one has read, a later one may write over."""
    tuning = tuned(heavy_cost=1e5)
    sizes = [(150, 200), (90, 60), *[(20, 30)] * 50]
    plan, longer = (planned(newton_schulz(sizes, steps)) for steps in (3, 6))
    made = schedule(plan, workers, tuning.schedule)
    assert 0 < made.arena_bytes <= plan.cost.scratch_bytes
    assert schedule(longer, workers, tuning.schedule).arena_bytes == made.arena_bytes
    inputs = inputs_for(plan.graph, 8)
    check(plan.graph, inputs, plan, workers=workers, tuning=tuning)
    assert same_bits(
        run_buffers(plan, inputs, workers=1, tuning=tuning),
        run_buffers(plan, inputs, workers=workers, tuning=tuning),
    )


@pytest.mark.parametrize("sizes", [[(300, 300)] * 3, [(300, 300), (200, 200), *[(150, 150)] * 4]])
def test_a_member_that_would_outlast_a_level_is_cut_too(sizes):
    tuning = tuned(heavy_cost=1e5)
    plan = planned(newton_schulz([(500, 500), *sizes], steps=5))
    made = schedule(plan, 2, tuning.schedule)
    cost = np.array([made.cost[first : first + count].sum() for first, count in made.jobs])
    for first, end in zip(made.phases[:-1], made.phases[1:], strict=True):
        assert cost[first:end].max() <= 0.6 * cost[first:end].sum()


def test_wide_flat_products_are_cut_by_columns():
    tuning = tuned(heavy_cost=1.0)
    shapes = [(20, 40, 2000), (3, 100, 1024), (40, 300, 700)]
    for b_t in (False, True):
        graph = pairs(shapes, b_t=b_t)
        plan, inputs = planned(graph), inputs_for(graph, 5)
        made = schedule(plan, 8, tuning.schedule)
        assert len(made.tasks) > len(plan.tasks) and (made.tasks["n"] < 2000).all()
        check(graph, inputs, plan, workers=8, tuning=tuning)
        assert same_bits(
            run_buffers(plan, inputs, workers=1, tuning=tuning),
            run_buffers(plan, inputs, workers=8, tuning=tuning),
        )


def test_every_task_is_in_exactly_one_job_and_every_job_in_one_phase():
    made = schedule(planned(meeting(500)), 4)
    starts, counts = made.jobs.T
    np.testing.assert_array_equal(starts, np.cumsum(counts) - counts)
    assert counts.sum() == len(made.tasks)
    assert made.phases[0] == 0 and made.phases[-1] == len(made.jobs) and (np.diff(made.phases) > 0).all()


def test_an_empty_family_gives_empty_results():
    graph = pairs([(3, 4, 5)])
    empty = Graph()
    a = empty.add(Input(sized([], []), ("A",), True))
    show(empty, empty.add(Product(sized([], []), Operand(a), Operand(a))))
    plan = planned(empty)
    assert run(plan, {"A": []})["Y0"] == []
    assert len(tasks_of(NativeKernel().lower(plan).tables[0])) == 0
    check(graph, inputs_for(graph, 6))
