"""Small graphs in normal form that the tests of planning share."""

from __future__ import annotations

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import FamilyType, Input, Operand, Origin, Output, Product


def family(rows, cols, dtype: str = "f32") -> FamilyType:
    return FamilyType(np.asarray(rows, np.int64), np.asarray(cols, np.int64), dtype)


def given(graph: Graph, name: str, type: FamilyType) -> int:
    return graph.add(Input(type, (name,), True, Origin(name)))


def show(graph: Graph, **outputs: int) -> Graph:
    graph.outputs = tuple(Output((name,), Operand(key), True) for name, key in outputs.items())
    return graph


def pairs(rows, inner, cols, dtype: str = "f32") -> Graph:
    """`output Y[i] = A[i] @ B[i]`."""
    graph = Graph()
    a = given(graph, "A", family(rows, inner, dtype))
    b = given(graph, "B", family(inner, cols, dtype))
    y = graph.add(Product(family(rows, cols, dtype), Operand(a), Operand(b), origin=Origin("Y")))
    return show(graph, Y=y)


def power(steps: int, size: int = 8, count: int = 3) -> Graph:
    """`output Y[i]`: A[i] multiplied by itself `steps` times, a stage each."""
    graph = Graph()
    type = family([size] * count, [size] * count)
    a = key = given(graph, "A", type)
    for step in range(steps):
        key = graph.add(Product(type, Operand(key), Operand(a), origin=Origin(f"P{step}")))
    return show(graph, Y=key)
