"""The explanation: it answers what a user asks, its text says what its dict says, and it fits the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings

from raggeddsl.diagnostics.units import bytes_text, si
from raggeddsl.explain.explain import Explanation, explain
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, FamilyType, Input, Join, Operand, Origin, Output, Product, Term
from raggeddsl.kernels.kernel import LoweredPlan, ShapeClass, StageReport
from raggeddsl.kernels.reference import ReferenceKernel
from raggeddsl.options import Options
from raggeddsl.plan import Plan, plan_graph
from tests.plan.graphs import family, given, pairs, power, show
from tests.strategies import graphs

FACTS = {
    "kernel": "xla",
    "kernel_why": "the native kernel has not been built",
    "target": "fused",
    "target_why": "one program serves every stage",
    "xla_operations": 112,
    "timings": {"parse": 0.0123, "compile": 1.2},
    "passes": [("merge", 1200, 3), ("pairs", 3, 3), ("dead_code", 3, 2)],
}


def planned(graph: Graph) -> Plan:
    return plan_graph(graph, Options(memory_limit=1 << 62))


def gram_then_product() -> Graph:
    """`H[i] = A[i] @ A[i].T` and `output Y[i] = 2.5 * H[i] @ H[i] - A..`, with a sum of two terms."""
    graph = Graph()
    rows, cols = np.array([16, 64, 32]), np.array([8, 128, 8])
    a = given(graph, "A", family(rows, cols))
    s = graph.add(Input(FamilyType(np.ones(3, np.int64), np.ones(3, np.int64), "f32", True), ("s",), True))
    h = graph.add(Product(family(rows, rows), Operand(a), Operand(a, transposed=True), origin=Origin("H")))
    y = graph.add(
        Product(
            family(rows, rows),
            Operand(h),
            Operand(h),
            factor=2.5,
            by=Operand(s),
            addends=(Term(Operand(h, transposed=True), -1),),
            origin=Origin("Y"),
        )
    )
    return show(graph, Y=y)


def chain() -> Graph:
    """`Y[i] = A[i] @ B[i] @ C[i]`: members 0 and 2 from the right, member 1 from the left."""
    graph = Graph()
    sizes = np.array([4, 5, 6])
    a, b, c = (given(graph, name, family(sizes, sizes)) for name in "ABC")
    right, left = np.array([0, 2]), np.array([1])
    parts = []
    for members, order in ((right, "right"), (left, "left")):
        type = family(sizes[members], sizes[members])
        x, y, z = (Operand(key, members) for key in (a, b, c))
        first, second = (x, y) if order == "left" else (y, z)
        inner = Operand(graph.add(Product(type, first, second, origin=Origin("Y"))))
        lhs, rhs = (inner, z) if order == "left" else (x, inner)
        parts.append(graph.add(Product(type, lhs, rhs, origin=Origin("Y"))))
    joined = graph.add(Join(family(sizes, sizes), tuple(parts), (right, left), Origin("Y")))
    return show(graph, Y=joined)


def lowered(plan: Plan, *reports: StageReport) -> LoweredPlan:
    return LoweredPlan(
        "xla", lambda buffers, tables: (), (), lambda: reports, notes=("the tables are operands",)
    )


def test_the_first_lines_answer_what_a_user_asks():
    plan = planned(gram_then_product())
    text = explain(plan, None, facts=FACTS).summary()
    first, *rest = text.splitlines()
    assert first == "Y: 3 matrices from 6 products of 6 different shapes"
    assert [line.split()[0] for line in rest] == ["work", "memory", "padding", "kernel", "target"]
    assert si(plan.cost.flop, "FLOP") in rest[0]
    assert f"{bytes_text(plan.cost.peak_bytes)} at peak" in rest[1]
    assert bytes_text(plan.cost.padded_bytes) in rest[2]
    assert "xla: the native kernel has not been built" in rest[3]
    assert "fused: one program serves every stage" in rest[4]


def test_text_says_what_the_dict_says():
    plan = planned(gram_then_product())
    classes = (ShapeClass("tiled", 2, 32, 32, 32, 1e6, 1.5e6), ShapeClass("exact", 1, 64, 64, 128, 3e6, 3e6))
    report = StageReport(0, classes, workspace_bytes=5 << 20)
    found = explain(plan, lowered(plan, report), facts=FACTS)
    data, text = found.to_dict(), str(found)
    summary = data["summary"]
    for kind in ("peak", "input", "output", "scratch", "padded", "workspace"):
        assert bytes_text(summary[f"{kind}_bytes"]) in text, kind
    for name in ("flop", "padded_flop", "computed_flop"):
        assert si(summary[name], "FLOP") in text, name
    assert summary["computed_flop"] == 4.5e6 and "1.12x" in text
    assert "112 XLA operations" in text and "parse 12.3 ms, compile 1.20 s" in text
    assert "merge 1,200 to 3 nodes, dead_code 3 to 2 nodes" in text and "the tables are operands" in text
    assert re.search(r"0 +exact +1 +64 x 128 x 64 +3.00 M +3.00 M +1.00x", text)
    assert re.search(r"0 +tiled +2 +32 x 32 x 32 +1.00 M +1.50 M +1.50x", text)
    for stage in data["stages"]:
        line = next(line for line in text.splitlines() if re.match(rf" +{stage['stage']}  \w+ = ", line))
        assert f"{stage['name']} = {stage['operation']}" in line
        assert f"{100 * stage['share']:.0f}%" in line and si(stage["flop"], "").strip() in line


def test_a_kernel_that_holds_much_less_than_the_plan_says_so():
    plan = planned(power(3, size=1024, count=2))
    assert plan.cost.scratch_bytes == 16 << 20
    less = explain(plan, replace(lowered(plan), scratch_bytes=4 << 20), facts=FACTS)
    assert less.to_dict()["summary"]["kernel_scratch_bytes"] == 4 << 20
    assert "16.0 MiB intermediates, of which the kernel holds 4.00 MiB at once" in " ".join(str(less).split())
    same = explain(plan, lowered(plan), facts=FACTS)
    assert "kernel_scratch_bytes" not in same.to_dict()["summary"] and "at once" not in str(same)


def test_stages_are_written_in_the_language():
    stages = explain(planned(gram_then_product()), None, facts={}).to_dict()["stages"]
    assert [f"{s['name']} = {s['operation']}" for s in stages] == ["H = A @ A.T", "Y = 2.5 * s * H @ H - H.T"]
    assert (stages[0]["m"], stages[0]["k"], stages[0]["n"]) == ([16, 64], [8, 128], [16, 64])
    assert stages[0]["members"] == 3 and stages[1]["tasks"] == 6 and stages[1]["products"] == 3
    assert stages[0]["scratch_bytes"] == 4 * (16**2 + 64**2 + 32**2) and stages[1]["scratch_bytes"] == 0


def test_sums_and_copies_are_written_in_the_language():
    graph = Graph()
    a = given(graph, "A", family([2, 2], [2, 2]))
    total = np.zeros(2, np.int64)
    left = Operand(a, transposed=True)
    g = graph.add(Product(family([2], [2]), left, Operand(a), target=total, origin=Origin("G")))
    z = graph.add(Combine(family([2], [2]), (Term(Operand(a), 0.5),), target=total, origin=Origin("Z")))
    e = graph.add(Combine(family([2], [2]), (), origin=Origin("E")))
    stages = explain(planned(show(graph, G=g, Z=z, E=e)), None, facts={}).to_dict()["stages"]
    assert {s["name"]: s["operation"] for s in stages} == {"G": "sum(A.T @ A)", "Z": "sum(0.5 * A)", "E": "0"}


def test_chain_orders_are_counted_over_members():
    found = explain(planned(chain()), None, facts={})
    assert found.to_dict()["chains"] == [
        {
            "name": "Y",
            "members": 3,
            "orders": [{"order": "A @ (B @ C)", "members": 2}, {"order": "(A @ B) @ C", "members": 1}],
        }
    ]
    assert re.search(r"Y +A @ \(B @ C\)  2 of 3 members", str(found))
    assert re.search(r"Y +\(A @ B\) @ C  1 of 3 members", str(found))


def test_a_single_matrix_that_lies_among_others_has_its_own_name():
    graph = Graph()
    names = ("A", "B", "C", "D")
    inputs = graph.add(Input(family([4] * 4, [4] * 4), names, False))
    one = family([4], [4])
    uses = [Operand(inputs, np.array([member])) for member in range(4)]
    inner = graph.add(Product(one, uses[1], replace(uses[2], transposed=True), origin=Origin("Y")))
    both = Operand(inputs, np.array([0, 3]))
    pair = graph.add(Product(family([4] * 2, [4] * 2), both, Operand(inner, np.array([0, 0]))))
    last = graph.add(Product(one, uses[0], Operand(inner), origin=Origin("Y")))
    of_pair = graph.add(Product(one, Operand(pair, np.array([1])), uses[3]))
    outputs = (Output(("Y",), Operand(last), False), Output(("P", "Q"), Operand(pair), False))
    graph.outputs = (*outputs, Output(("Z",), Operand(of_pair), False))
    found = explain(planned(graph), None, facts={}).to_dict()
    stages = {stage["name"]: stage["operation"] for stage in found["stages"]}
    inner_name = next(name for name in stages if name.startswith("#"))
    assert stages[inner_name] == "B @ C.T"
    assert stages["Y"] == f"A @ {inner_name}"
    assert stages["P, Q"] == f"A, D @ {inner_name}"
    assert stages["Z"] == "Q @ D"
    assert found["chains"][0]["orders"] == [{"order": "A @ (B @ C.T)", "members": 1}]


def test_definitions_used_by_a_product_are_not_taken_for_its_chain():
    assert explain(planned(gram_then_product()), None, facts={}).to_dict()["chains"] == []


def test_equal_shapes_have_no_padding_to_save():
    found = explain(planned(pairs([8, 8], [8, 8], [8, 8])), None, facts={})
    assert "none to save" in found.summary() and "from 2 products of 1 shape" in found.summary()


def test_what_is_not_known_is_left_out():
    found = explain(planned(pairs([8], [8], [8])), None, facts={})
    assert not {"kernel", "target", "timings", "xla_operations", "passes", "notes"} & set(found.to_dict())
    assert not re.search("kernel|target|timings|XLA|None", str(found))


def test_an_unknown_fact_is_a_mistake():
    with pytest.raises(AssertionError, match="kernal"):
        explain(planned(pairs([8], [8], [8])), None, facts={"kernal": "xla"})


def test_long_reasons_names_and_tables_fit_the_page():
    graph = power(60)
    long = "W" * 90
    graph.outputs = (Output((long,), graph.outputs[0].operand, True),)
    plan = planned(graph)
    reports = [StageReport(s, (ShapeClass("padded", 3, 8, 8, 8, 1.0, 2.0),)) for s in range(60)]
    text = str(explain(plan, lowered(plan, *reports), facts=FACTS | {"kernel_why": "because " * 40}))
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "... and 20 more stages" in text and "... and 48 more shape classes" in text


def test_many_single_matrices_are_not_all_named():
    graph = Graph()
    type = family([2] * 500, [2] * 500)
    a = graph.add(Input(type, tuple(f"A{i}" for i in range(500)), False))
    y = graph.add(Product(type, Operand(a), Operand(a)))
    graph.outputs = (Output(tuple(f"Y{i}" for i in range(500)), Operand(y), False),)
    found = explain(planned(graph), None, facts={})
    assert found.summary().startswith("Y0 .. Y499 (500): 500 matrices from 500 products of 1 shape")
    assert len(found.to_dict()["outputs"]) == 500


@drawn(graphs(normal=True))
@settings(deadline=None, max_examples=100)
def test_every_plan_is_explained_and_adds_up(graph):
    plan = planned(graph)
    found = explain(plan, ReferenceKernel().lower(plan), facts={})
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data == found.to_dict()
    assert sum(s["flop"] for s in data["stages"]) == data["summary"]["flop"] == plan.cost.flop
    assert sum(s["tasks"] for s in data["stages"]) == len(plan.tasks)
    assert sum(s["bytes_read"] + s["bytes_written"] for s in data["stages"]) == (
        plan.cost.bytes_read + plan.cost.bytes_written
    )
    assert all(sum(c["tasks"] for c in s["classes"]) == s["tasks"] for s in data["stages"])
    assert max(map(len, str(found).splitlines())) <= 100


def test_an_explanation_keeps_its_text_apart_from_its_numbers():
    found = Explanation(explain(planned(chain()), None, facts=FACTS).to_dict())
    assert str(found) == str(Explanation(json.loads(json.dumps(found.to_dict()))))
