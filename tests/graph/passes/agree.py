"""What the tests of passes share: small graphs by hand, and `assert_same_results` for any two graphs."""

from __future__ import annotations

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import FamilyType, Input, Operand, Output
from tests.references import magnitudes
from tests.strategies import inputs_for

TYPES = ("f64", "f32", "i32", "i8", "c64")
"""One of each kind; i8 wraps."""


def assert_same_results(graph: Graph, new: Graph, seed: int = 0) -> None:
    """Both graphs take the same inputs to the same results, as far as f64 goes."""
    inputs = inputs_for(graph, seed)
    reference = interpret(graph, inputs)
    sizes = magnitudes(graph, inputs)
    results = interpret(new, inputs)
    assert set(results) == set(reference)
    assert inputs_for(new, seed).keys() == inputs.keys()
    for name, wanted in reference.items():
        family = isinstance(wanted, list)
        assert isinstance(results[name], list) == family
        magnitude = sizes[name]
        triples = (
            zip(wanted, results[name], magnitude, strict=True)
            if family
            else [(wanted, results[name], magnitude)]
        )
        for want, have, size in triples:
            assert have.shape == want.shape
            assert have.dtype == want.dtype
            if want.dtype == np.int64:
                np.testing.assert_array_equal(have, want)
            else:
                assert (np.abs(have - want) <= 1e-12 * size + 1e-300).all()


def family(rows, cols, dtype: str = "f32", scalar: bool = False) -> FamilyType:
    return FamilyType(np.asarray(rows, np.int64), np.asarray(cols, np.int64), dtype, scalar)


def given(graph: Graph, name: str, rows, cols, dtype: str = "f32") -> int:
    """A family input."""
    return graph.add(Input(family(rows, cols, dtype), (name,), True))


def scalars(graph: Graph, name: str, count: int, dtype: str = "f32") -> int:
    return graph.add(Input(family([1] * count, [1] * count, dtype, True), (name,), True))


def show(graph: Graph, *keys: int) -> Graph:
    """Make `keys` the family outputs Y0, Y1, …"""
    graph.outputs = tuple(Output((f"Y{n}",), Operand(key), True) for n, key in enumerate(keys))
    return graph


def of(graph: Graph, kind: type) -> list:
    """The nodes of one kind, in order."""
    return [graph.op(key) for key in graph.order() if isinstance(graph.op(key), kind)]
