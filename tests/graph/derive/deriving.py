"""Graphs run on packed buffers by the reference kernel, in f64 and c128, and the numbers to run them on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.reference import run_table
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from raggeddsl.plan.validate import validate

OPTIONS = Options(memory_limit=1 << 40)
STEP = 1e-6


def run(graph: Graph, buffers: Sequence[np.ndarray], *, normal: bool = True) -> list[np.ndarray]:
    """The packed outputs of `graph`, brought into normal form first if it is not `normal`."""
    plan = plan_graph(graph if normal else normalise(graph), OPTIONS)
    validate(plan)
    return list(run_table(plan, buffers))


def random_buffers(graph: Graph, seed: int = 0) -> list[np.ndarray]:
    """Packed inputs of `graph`: uniform in (-1, 1), whole numbers for integers."""
    types = [graph.type(key) for key in graph.inputs]
    rng = np.random.default_rng(seed)
    return [random_numbers(rng, int(type.sizes.sum()), type.dtype) for type in types]


def random_numbers(rng: np.random.Generator, size: int, dtype: str) -> np.ndarray:
    if DTYPES[dtype].kind == "integer":
        return rng.integers(-3, 4, size).astype(DTYPES[dtype].numpy)
    values = rng.uniform(-1, 1, size)
    if DTYPES[dtype].kind == "complex":
        values = values + 1j * rng.uniform(-1, 1, size)
    return np.asarray(values).astype(DTYPES[dtype].numpy)


def directions(buffers: Sequence[np.ndarray], varies: Sequence[bool], seed: int) -> list[np.ndarray]:
    """A direction for each buffer to vary in, zero where it does not; integers do not."""
    rng = np.random.default_rng(seed)
    found = []
    for buffer, does in zip(buffers, varies, strict=True):
        dtype = "c128" if buffer.dtype.kind == "c" else "f64"
        does = does and buffer.dtype.kind != "i"
        found.append(random_numbers(rng, buffer.size, dtype) * does)
    return found


def difference(graph: Graph, buffers: Sequence[np.ndarray], dots: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs' change along `dots`, by a central difference."""
    ends = []
    for sign in (1, -1):
        pairs = zip(buffers, dots, strict=True)
        ends.append(run(graph, [b if b.dtype.kind == "i" else b + sign * STEP * d for b, d in pairs]))
    return [(after - before) / (2 * STEP) for after, before in zip(*ends, strict=True)]


def pairing(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> float:
    """The real part of the sum of all products, without conjugation: what a transpose keeps."""
    return float(sum(complex((x * y).sum()).real for x, y in zip(a, b, strict=True)))


def flags(count: int, bits: int) -> tuple[bool, ...]:
    """`count` flags from the bits of a number."""
    return tuple(bool(bits >> place & 1) for place in range(count))
