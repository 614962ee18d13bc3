"""Plans: every promise of the table on random graphs, and the rows that sums and edges give."""

from __future__ import annotations

import numpy as np
from hypothesis import given as drawn
from hypothesis import settings

from raggeddsl.explain.explain import explain
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, FamilyType, Join, Operand, Origin, Product, Term
from raggeddsl.options import Options
from raggeddsl.plan import Op, Plan, plan_graph, validate
from tests.plan.graphs import family, given, pairs, power, show
from tests.steps import steps
from tests.strategies import graphs

ANY = Options(memory_limit=1 << 62)


def planned(graph: Graph) -> Plan:
    plan = plan_graph(graph, ANY)
    validate(plan)
    return plan


@drawn(graphs(normal=True, max_operations=12))
@settings(deadline=None, max_examples=200)
def test_every_plan_keeps_what_the_table_promises(graph):
    plan = planned(graph)
    numbers = [number for number, stage in enumerate(plan.stages) for _ in range(stage.start, stage.stop)]
    assert plan.stage_of_task.tolist() == numbers


@drawn(graphs(normal=True))
@settings(deadline=None, max_examples=100)
def test_cost_is_that_of_the_rows(graph):
    plan = planned(graph)
    flop = written = 0
    columns = ("op", "m", "n", "k", "accumulate", "c_buffer")
    rows = zip(*(getattr(plan.tasks, name).tolist() for name in columns), strict=True)
    for op, m, n, k, accumulate, buffer in rows:
        flop += {Op.PRODUCT: 2 * m * n * k, Op.COMBINE: 2 * m * n, Op.ZERO: 0}[Op(op)]
        written += 0 if accumulate else m * n * {"f32": 4, "f64": 8}[plan.buffers[buffer].dtype]
    assert (plan.cost.flop, plan.cost.bytes_written) == (flop, written)
    assert plan.cost.padded_flop >= flop
    assert plan.cost.peak_bytes == plan.cost.input_bytes + plan.cost.output_bytes + plan.cost.scratch_bytes
    assert plan.cost.padded_bytes >= plan.cost.peak_bytes - 64 * len(plan.buffers)


def test_members_lie_end_to_end():
    plan = planned(pairs([2, 0, 3], [4, 5, 6], [1, 2, 3]))
    a = plan.places[plan.buffers[plan.inputs[0]].node]
    assert a.offsets.tolist() == [0, 8, 8] and plan.buffers[a.buffer].size == 26
    assert [buffer.kind for buffer in plan.buffers] == ["input", "input", "output"]


def test_empty_family_gives_an_empty_table():
    plan = planned(pairs([], [], []))
    assert len(plan.tasks) == 0 and len(plan.stages) == 1 and plan.cost.flop == 0


def test_product_over_nothing_is_zeros_and_empty_members_have_no_rows():
    plan = planned(pairs([2, 3, 0, 5], [4, 0, 3, 6], [5, 6, 7, 0]))
    assert plan.tasks.op.tolist() == [Op.PRODUCT, Op.ZERO]
    assert plan.tasks.m.tolist() == [2, 3] and plan.tasks.c_offset.tolist() == [0, 10]


def test_sum_stores_once_keeps_term_order_and_zeroes_what_nothing_reaches():
    graph = Graph()
    a = given(graph, "A", family([2] * 5, [3] * 5))
    target = np.array([2, 0, 2, 0, 2])
    y = graph.add(Product(family([2] * 4, [2] * 4), Operand(a), Operand(a, transposed=True), target=target))
    tasks = planned(show(graph, Y=y)).tasks
    assert tasks.c_offset.tolist() == [0, 0, 4, 8, 8, 8, 12]
    assert tasks.a_offset[[0, 1, 3, 4, 5]].tolist() == [6, 18, 0, 12, 24]
    assert tasks.accumulate.tolist() == [False, True, False, False, True, True, False]
    assert tasks.op.tolist() == [0, 0, Op.ZERO, 0, 0, 0, Op.ZERO]


def test_addends_come_first_and_products_accumulate_on_them():
    graph = Graph()
    a = given(graph, "A", family([2, 2], [2, 2]))
    s = given(graph, "s", FamilyType(np.ones(3, np.int64), np.ones(3, np.int64), "f32", True))
    y = graph.add(
        Product(
            family([2, 2], [2, 2]),
            Operand(a),
            Operand(a),
            factor=2,
            addends=(Term(Operand(a, transposed=True), -0.5, Operand(s, np.array([2, 0]))),),
        )
    )
    tasks = planned(show(graph, Y=y)).tasks
    assert tasks.op.tolist() == [Op.COMBINE, Op.PRODUCT] * 2
    assert tasks.accumulate.tolist() == [False, True] * 2
    assert tasks.alpha.tolist() == [-0.5, 2.0] * 2
    assert tasks.a_t.tolist() == [True, False] * 2
    assert tasks.s_buffer.tolist() == [1, -1] * 2 and tasks.s_offset[::2].tolist() == [2, 0]


def test_addend_stands_alone_where_the_product_is_over_nothing():
    graph = Graph()
    a, b = given(graph, "A", family([2, 2], [0, 1])), given(graph, "B", family([0, 1], [2, 2]))
    c = given(graph, "C", family([2, 2], [2, 2]))
    y = graph.add(Product(family([2, 2], [2, 2]), Operand(a), Operand(b), addends=(Term(Operand(c)),)))
    tasks = planned(show(graph, Y=y)).tasks
    assert tasks.op.tolist() == [Op.COMBINE, Op.COMBINE, Op.PRODUCT]
    assert tasks.accumulate.tolist() == [False, False, True]


def test_empty_sum_is_zeros():
    graph = Graph()
    plan = planned(show(graph, Y=graph.add(Combine(family([2, 0], [3, 3]), ()))))
    assert plan.tasks.op.tolist() == [Op.ZERO] and plan.stages[0].level == 0


def test_parts_of_a_join_write_its_storage():
    graph = Graph()
    a = given(graph, "A", family([2, 3, 4], [2, 3, 4]))
    odd, even = np.array([1]), np.array([2, 0])
    parts = [
        graph.add(Combine(family([3], [3]), (Term(Operand(a, odd), 2),), origin=Origin("Y"))),
        graph.add(Combine(family([4, 2], [4, 2]), (Term(Operand(a, even), 3),), origin=Origin("Y"))),
    ]
    joined = graph.add(Join(family([2, 3, 4], [2, 3, 4]), tuple(parts), (odd, even)))
    plan = planned(show(graph, Y=joined))
    assert len(plan.buffers) == 2 and [stage.first for stage in plan.stages] == [True, False]
    assert plan.tasks.c_offset.tolist() == [4, 13, 0]


def test_stages_are_sorted_by_level_and_intermediates_share_bytes():
    plan = planned(power(6, size=16, count=2))
    assert [stage.level for stage in plan.stages] == list(range(6))
    one = 2 * 16 * 16 * 4
    assert [buffer.kind for buffer in plan.buffers].count("scratch") == 5
    assert plan.cost.scratch_bytes == 2 * one, "a step needs the one before it and itself"


def test_distinct_shapes_are_counted_exactly_even_where_sizes_are_huge():
    huge = 1 << 29
    graph = pairs([huge, huge, huge, 1], [huge, huge, 1, huge], [1, 2, 1, huge])
    assert planned(graph).cost.distinct_shapes == 4
    assert planned(pairs([2, 2, 3], [5, 5, 5], [7, 7, 7])).cost.distinct_shapes == 2


def test_offsets_past_two_to_the_31_elements_are_right():
    count, size = 1000, 50_000
    plan = planned(pairs([size] * count, [3] * count, [size] * count))
    assert plan.buffers[plan.outputs[0]].size == count * size * size > 1 << 41
    assert plan.tasks.c_offset[-1] == (count - 1) * size * size
    assert plan.cost.output_bytes == 4 * count * size * size


def test_a_million_pairs_are_planned_in_no_more_steps_than_ten():
    def planning(count):
        graph = pairs(*np.random.default_rng(0).integers(1, 300, (3, count)))
        assert len(plan_graph(graph, ANY).tasks) == count
        return steps(lambda: plan_graph(graph, ANY))

    assert planning(1_000_000) < 1.5 * planning(10)


def mapped_into_sums(count: int, blocks: int) -> Graph:
    """`Y[t] = C[t] + sum(A[l[j]] @ A[l[j]].T for j if o[j] == t)` for `count` terms and `blocks` sums."""
    rng = np.random.default_rng(0)
    inner = rng.integers(1, 300, blocks)
    left, target = rng.integers(0, blocks, (2, count))
    graph = Graph()
    a = given(graph, "A", family([8] * blocks, inner))
    c = given(graph, "C", family([8] * blocks, [8] * blocks))
    y = graph.add(
        Product(
            family([8] * blocks, [8] * blocks),
            Operand(a, left),
            Operand(a, left, transposed=True),
            target=target,
            addends=(Term(Operand(c)),),
        )
    )
    return show(graph, Y=y)


def test_a_million_mapped_terms_into_sums_are_planned_in_no_more_steps_than_a_hundred():
    def planning(count, blocks):
        graph = mapped_into_sums(count, blocks)
        assert len(plan_graph(graph, ANY).tasks) == count + blocks
        return steps(lambda: plan_graph(graph, ANY))

    assert planning(1_000_000, 1000) < 1.5 * planning(100, 10)


def test_steps_of_planning_and_explaining_grow_with_stages_and_no_faster():
    def planning(stages):
        graph = power(stages)
        return steps(lambda: str(explain(plan_graph(graph, ANY), None, facts={})))

    assert len(plan_graph(power(3000), ANY).stages) == 3000
    assert planning(200) < 2.5 * planning(100)
