"""A graph in normal form in, the packed place of every family out: buffers and offsets of members."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import FamilyType, Input, Join, View
from raggeddsl.plan.plan import Buffer, BufferKind, Place

LARGEST = 1 << 63
"""Offsets are int64, and so are byte counts: nothing of this many bytes or more has a place."""


@dataclass(frozen=True, eq=False)
class Placement:
    """`buffers` in the order inputs, outputs, scratch; `places[node]` for every node of the graph.

    Scratch buffers have no place in the arena yet (`base` is 0).
    """

    buffers: tuple[Buffer, ...]
    places: dict[int, Place]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def packed_offsets(type: FamilyType) -> np.ndarray:
    """int64[N + 1]: where each member starts, in elements, and last the size of all of them."""
    needed = np.sum(type.rows.astype(np.float64) * type.cols) * DTYPES[type.dtype].itemsize
    assert needed < LARGEST, f"a family of {needed:.3g} bytes has no 64-bit offsets"
    offsets = np.zeros(len(type) + 1, np.int64)
    np.cumsum(type.sizes, out=offsets[1:])
    return offsets


def place_buffers(graph: Graph) -> Placement:
    """The buffers and places of `graph`, which is in normal form.

    A part of a `Join` lies inside the joined family's buffer, so that joining moves nothing.
    """
    order = graph.order()
    stored_by = _storage(graph, order)
    inputs = tuple(graph.inputs)
    outputs = tuple(output.operand.node for output in graph.outputs)
    _check_normal_form(graph, stored_by, outputs)
    taken = set(inputs) | set(outputs)
    views = tuple(key for key in order if isinstance(graph.op(key), View))
    scratch = tuple(key for key in order if key not in taken and stored_by[key] == key and key not in views)

    buffers: list[Buffer] = []
    places: dict[int, Place] = {}
    for kind, nodes in _kinds(inputs, outputs, scratch):
        for node in nodes:
            type = graph.type(node)
            offsets = packed_offsets(type)
            places[node] = Place(len(buffers), offsets[:-1])
            buffers.append(Buffer(kind, type.dtype, int(offsets[-1]), node))
    _place_parts(graph, order, places)
    for key in views:
        places[key] = _seen(graph, key, places)
    total = sum(buffer.size * DTYPES[buffer.dtype].itemsize for buffer in buffers)
    assert total < LARGEST, f"buffers of {total:.3g} bytes have no 64-bit sizes"
    first_scratch = len(inputs) + len(outputs)
    return Placement(
        tuple(buffers), places, tuple(range(len(inputs))), tuple(range(len(inputs), first_scratch))
    )


def _kinds(
    inputs: tuple[int, ...], outputs: tuple[int, ...], scratch: tuple[int, ...]
) -> tuple[tuple[BufferKind, tuple[int, ...]], ...]:
    return ("input", inputs), ("output", outputs), ("scratch", scratch)


def _storage(graph: Graph, order: list[int]) -> dict[int, int]:
    """For each node, the node whose buffer it lies in: itself, or the outermost `Join` around it."""
    stored_by = {key: key for key in order}
    for key in reversed(order):
        op = graph.op(key)
        if isinstance(op, Join):
            stored_by.update((part, stored_by[key]) for part in op.parts)
    return stored_by


def _place_parts(graph: Graph, order: list[int], places: dict[int, Place]) -> None:
    """Give the parts of every `Join` their offsets in its storage, outermost first."""
    for key in reversed(order):
        op = graph.op(key)
        if not isinstance(op, Join):
            continue
        whole = places[key]
        for part, members in zip(op.parts, op.places, strict=True):
            places[part] = Place(whole.buffer, whole.offsets[members])


def _seen(graph: Graph, key: int, places: dict[int, Place]) -> Place:
    """Where a `View` lies: in what it shows."""
    op = graph.op(key)
    assert isinstance(op, View) and not op.x.transposed, f"view {key} is of a transpose"
    shown = places[op.x.node]
    return Place(shown.buffer, shown.offsets if op.x.members is None else shown.offsets[op.x.members])


def _check_normal_form(graph: Graph, stored_by: dict[int, int], outputs: tuple[int, ...]) -> None:
    assert len(set(outputs)) == len(outputs), "two outputs share one node"
    for output in graph.outputs:
        operand = output.operand
        assert operand.members is None and not operand.transposed, f"{output.names[0]} is not a whole node"
        op = graph.op(operand.node)
        assert not isinstance(op, Input | View), f"{output.names[0]} is an input or a view as it is"
    for key, owner in stored_by.items():
        if owner == key:
            continue
        assert key not in outputs, f"output node {key} is a part of join {owner}"
        assert graph.readers(key) == 1, f"part {key} of join {owner} is read elsewhere"
        assert not isinstance(graph.op(key), Input | View), f"part {key} of join {owner} lies elsewhere"
        same = graph.type(key).dtype == graph.type(owner).dtype
        assert same, f"part {key} of join {owner} has another dtype"
