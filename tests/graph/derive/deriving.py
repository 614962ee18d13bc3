"""Graphs run on packed buffers by the reference kernel: functions of 1-D arrays in f64, to be differentiated by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.nodes import Graph
from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.reference import run_table
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from raggeddsl.plan.validate import validate

OPTIONS = Options(memory_limit=1 << 40)


def run(graph: Graph, buffers: Sequence[np.ndarray], *, normal: bool = False) -> list[np.ndarray]:
    """The packed outputs of `graph`, brought into normal form unless it is in it."""
    plan = plan_graph(graph if normal else normalise(graph), OPTIONS)
    validate(plan)
    return list(run_table(plan, buffers))


def random_buffers(graph: Graph, seed: int = 0) -> list[np.ndarray]:
    """Packed inputs of `graph`: uniform in (-1, 1), whole numbers for integers."""
    rng = np.random.default_rng(seed)
    return [random_like(rng, graph.type(key).sizes.sum(), graph.type(key).dtype) for key in graph.inputs]


def random_like(rng: np.random.Generator, size: int, dtype: str) -> np.ndarray:
    if DTYPES[dtype].kind == "integer":
        return rng.integers(-3, 4, size).astype(DTYPES[dtype].numpy)
    values = rng.uniform(-1, 1, size)
    if DTYPES[dtype].kind == "complex":
        values = values + 1j * rng.uniform(-1, 1, size)
    return np.asarray(values).astype(DTYPES[dtype].numpy)
