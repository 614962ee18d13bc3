"""Small programs for tests, built from graphs; and a count of what XLA compiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import jax
import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Combine, FamilyType, Input, Operand, Output, Product, Term
from raggeddsl.graph.passes import normalise
from raggeddsl.lowering.lower import lower
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from raggeddsl.program.program import Program

SHAPES = [(3, 4, 2), (1, 1, 1), (5, 2, 7), (3, 4, 2), (2, 0, 3), (0, 3, 2)]


def family(rows, cols, dtype: str = "f32", scalar: bool = False) -> FamilyType:
    return FamilyType(np.array(rows, np.int64), np.array(cols, np.int64), dtype, scalar)


def pairs(shapes=tuple(SHAPES), dtype: str = "f32", arithmetic: Arithmetic | None = None) -> Graph:
    """Y[i] = A[i] @ B[i] for (m, k, n) in `shapes`."""
    m, k, n = (list(column) for column in zip(*shapes, strict=True))
    graph = Graph()
    a = graph.add(Input(family(m, k, dtype), ("A",), True))
    b = graph.add(Input(family(k, n, dtype), ("B",), True))
    y = graph.add(Product(family(m, n, dtype), Operand(a), Operand(b), arithmetic=arithmetic or Arithmetic()))
    graph.outputs = (Output(("Y",), Operand(y), True),)
    return graph


def named(count: int = 3) -> Graph:
    """G0 = s * W0 @ W0, G1 = s * W1 @ W1, … from single matrices and one scalar."""
    graph = Graph()
    sizes = [2 + place for place in range(count)]
    w = graph.add(Input(family(sizes, sizes), tuple(f"W{i}" for i in range(count)), False))
    s = graph.add(Input(family([1], [1], scalar=True), ("s",), False))
    by = Operand(s, np.zeros(count, np.int64))
    g = graph.add(Product(family(sizes, sizes), Operand(w), Operand(w), by=by))
    graph.outputs = (Output(tuple(f"G{i}" for i in range(count)), Operand(g), False),)
    return graph


def doubled(dtype: str = "f32") -> Graph:
    """D[i] = 2 * A[i] for three matrices."""
    graph = Graph()
    type = family([2, 3, 1], [2, 1, 4], dtype)
    a = graph.add(Input(type, ("A",), True))
    graph.outputs = (Output(("D",), Operand(graph.add(Combine(type, (Term(Operand(a), 2),)))), True),)
    return graph


def program(graph: Graph, target: str = "fused", kernel: str = "auto") -> Program:
    options = Options(target=target, kernel=kernel, memory_limit=1 << 40)  # type: ignore[arg-type]
    diagnostics = Diagnostics()
    plan = plan_graph(normalise(graph), options)
    return Program(lower(plan, options, diagnostics), options, spec=graph, diagnostics=diagnostics)


def pair_inputs(shapes=tuple(SHAPES), dtype=np.float32, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {
        "A": [rng.standard_normal((m, k)).astype(dtype) for m, k, _ in shapes],
        "B": [rng.standard_normal((k, n)).astype(dtype) for _, k, n in shapes],
    }


@contextmanager
def compilations() -> Iterator[list[str]]:
    """A list that grows by one each time XLA compiles a program."""
    seen: list[str] = []
    active = [True]

    def listen(event: str, duration: float, **_) -> None:
        if active[0] and event == "/jax/core/compile/backend_compile_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield seen
    finally:
        active[0] = False
