"""A graph and inputs in, what the float64 reference says of them out; what a type cannot hold is dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import reject

from raggeddsl.graph.compare import Reference
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Combine, Product


def reference_for(graph: Graph, inputs: dict) -> Reference:
    """The results in float64, with bounds; drops a draw if f16, which ends at 65504, may not hold them."""
    if any(graph.type(key).dtype == "f16" for key in graph.order()):
        sizes = magnitudes(graph, inputs).values()
        members = (np.asarray(m) for size in sizes for m in (size if isinstance(size, list) else [size]))
        if any(member.max(initial=0.0) > np.finfo(np.float16).max / 2 for member in members):
            reject()
    return interpret(graph, inputs, bounds=True)


def magnitudes(graph: Graph, inputs: dict) -> dict[str, list[np.ndarray] | np.ndarray]:
    """The results of the graph run on absolute values, in f64: as large as any way of computing them gets."""
    plain = Graph()
    for key in graph.order():
        node = graph.op(key)
        changes: dict = {"type": replace(node.type, dtype="f64")}
        if isinstance(node, Product):
            changes["addends"] = tuple(replace(term, factor=abs(term.factor)) for term in node.addends)
            changes["factor"] = abs(node.factor)
        if isinstance(node, Combine):
            changes["terms"] = tuple(replace(term, factor=abs(term.factor)) for term in node.terms)
        plain.add(replace(node, **changes), key)
    plain.outputs = graph.outputs
    sizes = {
        name: [_size(m) for m in value] if isinstance(value, list) else _size(value)
        for name, value in inputs.items()
    }
    return interpret(plain, sizes)


def _size(x: np.ndarray) -> np.ndarray:
    wide = np.complex128 if np.iscomplexobj(x) else np.float64
    return np.abs(np.asarray(x).astype(wide))
