"""What a plan needs at its peak in, RMM501 out where this machine cannot give it, RMM502 where not now."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.diagnostics.diagnostic import Label
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Span
from raggeddsl.diagnostics.units import bytes_text
from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.describe import some_names
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input
from raggeddsl.options import Options
from raggeddsl.plan.machine import available_memory, machine_memory
from raggeddsl.plan.placement import Placement
from raggeddsl.plan.plan import BufferKind

NAMED = 3
"""How many of the largest families a message names."""

ADDRESSABLE = 1 << 62
"""Bytes: half of what a signed offset reaches, which leaves room for alignment."""

_KINDS: dict[BufferKind, str] = {"input": "input", "output": "output", "scratch": "intermediate"}
_ADVICE: dict[BufferKind, str] = {
    "scratch": "the intermediates take most: split the spec into several programs and run one after another",
    "output": "the results take most: make fewer members in one call, or sum them if they are summed later",
    "input": "the inputs take most: give fewer members in one call",
}


@dataclass(frozen=True, slots=True)
class Need:
    """Bytes: a call's inputs, outputs and scratch arena, all present at its peak."""

    inputs: int
    outputs: int
    scratch: int

    @property
    def peak(self) -> int:
        return self.inputs + self.outputs + self.scratch


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    kind: BufferKind
    size: int
    dtype: str
    span: Span | None


def check_addressable(graph: Graph, diagnostics: Diagnostics) -> None:
    """Raise RMM501 if the families of `graph` together have 2^62 bytes or more, so that none exists."""
    outputs = {output.operand.node for output in graph.outputs}
    families = []
    for key in graph:
        type = graph.type(key)
        # In floats: the product of two sizes may exceed 63 bits.
        size = int(np.sum(type.rows.astype(np.float64) * type.cols)) * DTYPES[type.dtype].itemsize
        kind: BufferKind = "input" if isinstance(graph.op(key), Input) else "scratch"
        families.append(_family(graph, key, "output" if key in outputs else kind, size))
    total = sum(family.size for family in families)
    if total >= ADDRESSABLE:
        _refuse(families, total, "no machine can address it", "", diagnostics)


def check_memory(
    graph: Graph, placement: Placement, need: Need, options: Options, diagnostics: Diagnostics
) -> None:
    """Raise RMM501 if `need` exceeds `options.memory_limit` (None: this machine's memory).

    What fits the machine, but not what is free of it now, is the warning RMM502: inputs may be
    there already, so only outputs and scratch are compared.
    """
    memory_limit = options.memory_limit
    if memory_limit is None and need.peak <= available_memory():
        return  # what is free is part of what there is
    limit = machine_memory() if memory_limit is None else memory_limit
    if need.peak > limit:
        families = [
            _family(graph, buffer.node, buffer.kind, buffer.size * DTYPES[buffer.dtype].itemsize)
            for buffer in placement.buffers
        ]
        who = "this machine has" if memory_limit is None else "memory_limit is"
        more = "" if memory_limit is None else "; if there is more memory than memory_limit says, raise it"
        _refuse(families, need.peak, f"{who} {bytes_text(limit)}", more, diagnostics)
    if memory_limit is None:
        _warn_if_not_free(need, diagnostics)


def _warn_if_not_free(need: Need, diagnostics: Diagnostics) -> None:
    free, wanted = available_memory(), need.outputs + need.scratch
    if wanted <= free:
        return
    diagnostics.warning(
        "RMM502",
        f"a call needs {bytes_text(wanted)} for results and intermediates, "
        f"and {bytes_text(free)} is free now",
        help="free memory before the program is called, or it may swap or be killed",
    )


def _family(graph: Graph, node: int, kind: BufferKind, size: int) -> _Family:
    op = graph.op(node)
    name = some_names(op.names) if isinstance(op, Input) else op.origin.label
    return _Family(name or f"%{node}", kind, size, op.type.dtype, op.origin.span)


def _refuse(families: list[_Family], peak: int, limit: str, more: str, diagnostics: Diagnostics) -> None:
    """Raise RMM501, naming the largest families and what would help most."""
    largest = sorted(families, key=lambda family: -family.size)[:NAMED]
    named = ", ".join(f"{f.name} {bytes_text(f.size)} ({_KINDS[f.kind]})" for f in largest)
    labels = [Label(f.span, f"{f.name} takes {bytes_text(f.size)}") for f in largest if f.span is not None]
    diagnostics.error(
        "RMM501",
        f"the program needs {bytes_text(peak)} at its peak and {limit}; the largest families: {named}",
        labels[0].span if labels else None,
        labels=labels[1:],
        help=_mend(families, largest[0]) + more,
    )
    diagnostics.raise_if_failed()


def _mend(families: list[_Family], largest: _Family) -> str:
    """What would help most, by what takes most."""
    shares = {kind: sum(f.size for f in families if f.kind == kind) for kind in _ADVICE}
    advice = _ADVICE[max(shares, key=lambda kind: shares[kind])]
    narrow = {"f64": "f32", "c128": "c64", "f32": "bf16"}.get(largest.dtype)
    return advice if narrow is None else f"{advice}, or use {narrow} for {largest.name}, which halves it"
