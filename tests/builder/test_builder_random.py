"""What a builder builds is what its text says, and what NumPy makes of the same calls."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings

import raggeddsl as rd
from raggeddsl.graph.compare import compare
from raggeddsl.graph.graph import Graph
from tests.builder.random_builders import Growing, Value, builders

slowly = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def same(one: Any, other: Any) -> None:
    """Plans and their parts are equal, table by table."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype and np.array_equal(one, other)
    elif isinstance(one, Graph):
        assert list(one) == list(other)
        same(one.outputs, other.outputs)
        same([one.op(key) for key in one], [other.op(key) for key in other])
    elif dataclasses.is_dataclass(one):
        for part in dataclasses.fields(one):
            same(getattr(one, part.name), getattr(other, part.name))
    elif isinstance(one, dict):
        assert list(one) == list(other)
        same(list(one.values()), list(other.values()))
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            same(a, b)
    else:
        assert one == other


@slowly
@given(builders())
def test_a_builder_and_its_text_have_the_same_plan(growing: Growing) -> None:
    built = growing.builder.compile(ahead=False)
    again = rd.compile(growing.builder.to_text(), ahead=False)
    same(built.plan, again.plan)
    assert rd.format(growing.builder.to_text()) == growing.builder.to_text()


@slowly
@given(builders())
def test_a_builder_computes_what_numpy_does(growing: Growing) -> None:
    program = growing.builder.compile(kernel="reference", ahead=False)
    inputs = {name: to_f32(value) for name, value in growing.inputs.items()}
    reference = program.reference(inputs)
    assert set(reference.values) == set(growing.outputs)
    for name, expected in growing.outputs.items():
        found = reference.values[name]
        assert isinstance(found, list) == isinstance(expected, list)
        for have, want in zip(members(found), members(expected), strict=True):
            assert have.shape == want.shape
            np.testing.assert_allclose(have, want, rtol=1e-9, atol=1e-6)
    assert compare(program(inputs), reference).agreed


@slowly
@given(builders())
def test_what_a_handle_says_of_itself_is_what_comes_out(growing: Growing) -> None:
    for one in growing.pool:
        assert one.handle.family == isinstance(one.value, list)
        assert [tuple(shape) for shape in one.handle.shapes.tolist()] == one.shapes()
    assert [d for d in growing.builder.check() if d.severity == "error"] == []


def members(value: Value) -> list[np.ndarray]:
    return value if isinstance(value, list) else [value]


def to_f32(value: Value) -> Any:
    return [one.astype(np.float32) for one in value] if isinstance(value, list) else value.astype(np.float32)
