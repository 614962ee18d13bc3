"""The graph has one node an operation, whatever the number of members, and no more than are needed."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Chain, Combine, Input, Transpose
from raggeddsl.options import Options
from tests.graph.by_hand import built, codes, graph_of
from tests.processes import printed
from tests.steps import steps

HEAD = (
    "option dtype = f32\nindex i in 3\ninput S[i] : [4, 4]\ninput W : [4, 4]\ninput s[i] : []\ninput r : []\n"
)


def kinds(graph: Graph) -> list[str]:
    return [type(graph.op(key)).__name__ for key in graph if not isinstance(graph.op(key), Input)]


def only(graph: Graph, kind: type) -> list:
    return [graph.op(key) for key in graph if isinstance(graph.op(key), kind)]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("S[i] @ W @ S[i] @ W", ["Chain"]),
        ("(S[i] @ W) @ S[i]", ["Chain", "Chain"]),
        ("S[i] @ (W @ S[i])", ["Chain", "Chain"]),
        ("(S[i]) @ ((W)) @ S[i]", ["Chain"]),
        ("2 * S[i] @ W * 3 @ S[i]", ["Chain", "Combine"]),
        ("s[i] * S[i] @ W * 0.5", ["Chain", "Combine"]),
        ("-S[i] @ -W", ["Chain"]),
        ("S[i] + 2 * W - s[i] * S[i]", ["Combine"]),
        ("S[i] @ W + S[i] - W @ S[i]", ["Chain", "Chain", "Combine"]),
        ("S[i].T @ W", ["Transpose", "Chain"]),
        ("S[i]", []),
        ("1 * S[i]", []),
        ("W @ W", ["Chain"]),
    ],
)
def test_an_expression_has_the_fewest_nodes(value: str, wanted: list[str]) -> None:
    assert kinds(graph_of(f"{HEAD}output Y[i] = {value}")) == wanted


def test_a_bare_chain_is_one_node_of_all_its_factors() -> None:
    (chain,) = only(graph_of(f"{HEAD}output Y[i] = S[i] @ W @ S[i] @ W"), Chain)
    assert len(chain.factors) == 4 and not chain.left


def test_what_is_the_same_for_all_members_is_worked_out_once() -> None:
    first, second = only(graph_of(f"{HEAD}output Y[i] = S[i] @ (W @ W)"), Chain)
    assert (len(first.type), len(second.type)) == (1, 3)


@pytest.mark.parametrize("members", [1, 1000, 1_000_000])
def test_the_number_of_nodes_does_not_depend_on_that_of_members(members: int) -> None:
    text = (
        f"index i in {members}\nindex e in 2\ndim m[i] = 3 + i // 2\nmap o[i] in e = i - 2 * (i // 2)\n"
        "input A[i] : f32[m[i], 4]\noutput G[e] : f32[4, 4] = sum(A[i].T @ A[i] for i if o[i] == e)\n"
        "def f(X) = 2 * X - X @ X\noutput Y[i] = A[i] @ iterate(f, G[o[i]], 3)\n"
    )
    assert len(graph_of(text)) == 11
    assert steps(lambda: graph_of(text)) < 60_000


def test_a_sum_with_a_condition_is_one_combine_with_targets() -> None:
    text = f"{HEAD}index t\nmap o[t] in i = [2, 0, 2]\noutput Y[i] : [4, 4] = sum(S[o[t]] for t if o[t] == i)"
    (combine,) = only(graph_of(text), Combine)
    assert combine.target.tolist() == [2, 0, 2]
    assert combine.terms[0].x.members.tolist() == [2, 0, 2]
    assert len(combine.type) == 3


def test_an_iteration_costs_one_body_a_step_however_often_it_names_its_parameter() -> None:
    head = f"{HEAD}def f(X) = X @ X @ X + X.T - X\n"
    sizes = [len(graph_of(f"{head}output Y[i] = iterate(f, S[i], {n})")) for n in (1, 2, 3, 40)]
    step = sizes[1] - sizes[0]
    assert sizes == [sizes[0], sizes[0] + step, sizes[0] + 2 * step, sizes[0] + 39 * step]


def test_expansion_is_refused_before_it_happens() -> None:
    head = "input W : f32[4, 4]\n"
    calls = "\n".join(f"def f{k}(X) = f{k - 1}(X) @ f{k - 1}(X)" for k in range(1, 60))
    doubling = f"{head}def f0(X) = X\n{calls}\noutput Y = f59(W)"
    assert codes(doubling) == ["RMM211"]
    assert steps(lambda: codes(doubling)) < 1_000_000, "nothing of the 2**59 calls is expanded"
    deep = "\n".join(f"def f{k}(X) = f{k - 1}(X)" for k in range(1, 400))
    assert codes(f"{head}def f0(X) = X\n{deep}\noutput Y = f399(W)") == ["RMM211"]


def test_the_operations_that_may_be_expanded_to_are_those_of_the_whole_program() -> None:
    head = "input W : f32[4, 4]\n"
    text = f"{head}def f(X) = X @ X\noutput Y = iterate(f, W, 30)\noutput Z = iterate(f, W, 30)"
    assert codes(text, Options(max_operations=1000)) == []
    assert codes(text, Options(max_operations=100)) == ["RMM211"]
    assert (
        codes("\n".join([head, *(f"output Y{k} = W @ W.T" for k in range(60))]), Options(max_operations=4))
        == []
    )


def test_attributes_reach_the_products_of_their_definition_only() -> None:
    text = f"{HEAD}H[i] = S[i] @ W\noutput Y[i] = H[i] @ (W @ W) with precision=highest, accum=f64"
    have = [chain.arithmetic for chain in only(graph_of(text), Chain)]
    assert have == [Arithmetic(), Arithmetic("highest", "f64"), Arithmetic("highest", "f64")]


def test_results_are_kept_in_the_accumulator_if_the_type_says_so() -> None:
    head = "input A : bf16[4, 4]\n"
    (kept,) = only(graph_of(f"{head}output Y : f32[4, 4] = A @ A with accum=f32"), Chain)
    (rounded,) = only(graph_of(f"{head}output Y = A @ A with accum=f32"), Chain)
    assert (kept.type.dtype, rounded.type.dtype) == ("f32", "bf16")
    text = f"{head}output Y : f32[4, 4] = 0.5 * A @ A - A with accum=f32"
    assert graph_of(text).type(graph_of(text).outputs[0].operand.node).dtype == "f32"


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        ("f32", "bf16", "f32"),
        ("bf16", "f16", "f32"),
        ("i8", "bf16", "bf16"),
        ("c64", "f64", "c128"),
        ("i8", "i32", "i32"),
    ],
)
def test_mixed_dtypes_promote_everywhere(left: str, right: str, wanted: str) -> None:
    head = f"input A : {left}[2, 2]\ninput B : {right}[2, 2]\ninput s : {right}[]\n"
    for value in ("A @ B", "A + B", "B - A", "s * A", "A * s", "A @ B @ A", "2 * A + s * B"):
        graph = graph_of(f"{head}output Y = {value}")
        assert graph.type(graph.outputs[0].operand.node).dtype == wanted, value


def test_scaling_is_not_moved_where_that_would_round_otherwise() -> None:
    narrow = "input A : bf16[2, 2]\ninput s : f32[]\noutput Y = s * A @ A"
    assert kinds(graph_of(narrow)) == ["Combine", "Chain"]
    small = "input A : f16[2, 2]\noutput Y = 0.001 * A @ A"
    assert kinds(graph_of(small)) == ["Combine", "Chain"]


def test_outputs_are_in_the_order_of_the_text() -> None:
    lines = [f"input A{k} : f32[2, 2]" for k in range(3)]
    lines += ["output Z = A2", "output Y0 = A0 @ A1", "output X = Y0 + Z", "output Y1 = A1 @ A1"]
    graph = graph_of("\n".join(lines))
    assert graph.outputs[0].names == ("Z",)
    assert sorted(name for output in graph.outputs for name in output.names) == ["X", "Y0", "Y1", "Z"]


def test_nodes_know_where_they_came_from() -> None:
    text = f"{HEAD}output Y[i] = S[i].T @ W"
    graph = graph_of(text)
    (transpose,) = only(graph, Transpose)
    assert transpose.origin.label == "Y[i]"
    assert text[transpose.origin.span.start : transpose.origin.span.end] == "Y"


def test_elaboration_does_not_import_jax(tmp_path: Path) -> None:
    code = (
        "import sys; from raggeddsl.api import check; "
        "print(check('input A : f32[2, 2]\\noutput Y = A @ A'), 'jax' in sys.modules)"
    )
    assert printed(code, tmp_path) == "[] False\n"


def test_sixteen_million_members_are_elaborated_and_one_more_is_refused() -> None:
    text = "index i in {}\ninput A[i] : f32[4, 4]\noutput Y[i] = A[i]"
    graph, found = built(text.format(2**24))
    assert found == [] and len(graph.type(graph.inputs[0])) == 2**24
    tracemalloc.start()
    try:
        for length in (2**24 + 1, 10**12, 2**62):
            assert codes(text.format(length)) == ["RMM402"]
        assert tracemalloc.get_traced_memory()[1] < 2**24, "no column of them is made"
    finally:
        tracemalloc.stop()


def test_columns_are_int64() -> None:
    graph = graph_of(f"{HEAD}index t\nmap l[t] in i = [1, 1]\noutput Y[t] = S[l[t]] @ W")
    for key in graph:
        assert graph.type(key).rows.dtype == graph.type(key).cols.dtype == np.int64
