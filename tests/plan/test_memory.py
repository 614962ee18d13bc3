"""Programs larger than memory are refused before anything is allocated, and the error says what helps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from raggeddsl.diagnostics.errors import Diagnostics, RmmError
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input, Operand, Origin, Output, Product
from raggeddsl.options import Options
from raggeddsl.plan import memory, plan_graph
from raggeddsl.plan.machine import machine_memory
from tests.plan.graphs import family, given, pairs, power, show

KIB = 1024


def refusal(graph: Graph, options: Options):
    with pytest.raises(RmmError) as caught:
        plan_graph(graph, options)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "RMM501" and diagnostic.severity == "error"
    return diagnostic


def test_a_plan_that_needs_exactly_the_limit_is_accepted():
    graph = pairs([16], [16], [16])
    need = plan_graph(graph, Options()).cost.peak_bytes
    assert need == 3 * KIB
    plan_graph(graph, Options(memory_limit=need))
    refusal(graph, Options(memory_limit=need - 1))


def test_more_than_this_machine_has_is_refused_without_being_told_a_limit():
    size = machine_memory() // 4 + 1
    found = refusal(pairs([size], [1], [1]), Options())
    assert "this machine has" in found.message and "A " in found.message


def test_the_largest_families_are_named_largest_first():
    found = refusal(pairs([10, 10], [100, 100], [20, 20]), Options(memory_limit=KIB))
    assert found.message.index("B 15.6 KiB (input)") < found.message.index("A 7.81 KiB (input)")
    assert "Y 1.56 KiB (output)" in found.message and "25.0 KiB at its peak" in found.message
    assert "memory_limit is 1.00 KiB" in found.message


@pytest.mark.parametrize(
    ("graph", "advice"),
    [
        (pairs([10], [1000], [10]), "inputs take most"),
        (pairs([1000], [1], [1000]), "results take most"),
        (power(3), "intermediates take most"),
    ],
)
def test_help_is_about_what_takes_most(graph, advice):
    found = refusal(graph, Options(memory_limit=100))
    assert found.help is not None and advice in found.help and "raise it" in found.help


def test_a_narrower_type_is_proposed_where_there_is_one():
    assert "use f32 for A" in str(refusal(pairs([9], [99], [1], "f64"), Options(memory_limit=9)).help)
    assert "which halves" not in str(refusal(pairs([9], [99], [1], "i8"), Options(memory_limit=9)).help)


def test_places_in_the_spec_are_labelled():
    text = "input A : f32[900, 900]\noutput Y = A @ A\n"
    graph = Graph()
    a = graph.add(Input(family([900], [900]), ("A",), False, Origin("A", Span(6, 7))))
    y = graph.add(Product(family([900], [900]), Operand(a), Operand(a), origin=Origin("Y", Span(35, 40))))
    graph.outputs = (Output(("Y",), Operand(y), False),)
    with pytest.raises(RmmError) as caught:
        plan_graph(graph, Options(memory_limit=1), Diagnostics(Source("net.rmm", text)))
    (found,) = caught.value.diagnostics
    assert {found.span, found.labels[0].span} == {Span(6, 7), Span(35, 40)}
    assert found.source is not None and found.source.name == "net.rmm"


@pytest.mark.parametrize("rows", [1 << 40, 1 << 62])
def test_sizes_past_63_bits_are_refused_and_never_wrap(rows):
    found = refusal(pairs([rows], [1], [rows]), Options(memory_limit=1 << 62))
    assert "no machine can address it" in found.message and "Y " in found.message


def test_many_large_families_are_refused_together():
    graph = Graph()
    inputs = [given(graph, f"A{i}", family([1 << 30], [1 << 29])) for i in range(3)]
    rhs = Operand(inputs[1], transposed=True)
    y = graph.add(Product(family([1 << 30], [1 << 30]), Operand(inputs[0]), rhs))
    refusal(show(graph, Y=y), Options(memory_limit=(1 << 63) - 1))


def test_what_fits_but_is_not_free_now_is_a_warning(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 4 * KIB)
    graph, found = pairs([32], [32], [32]), Diagnostics()
    plan_graph(graph, Options(), found)
    assert found.found == []
    plan_graph(pairs([33], [33], [33]), Options(), found)
    assert [(d.code, d.severity) for d in found.found] == [("RMM502", "warning")]
    assert "4.25 KiB" in found.found[0].message and "4.00 KiB is free" in found.found[0].message


def test_a_given_limit_silences_what_is_free_now(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 0)
    found = Diagnostics()
    plan_graph(pairs([32], [32], [32]), replace(Options(), memory_limit=1 << 40), found)
    assert found.found == []
