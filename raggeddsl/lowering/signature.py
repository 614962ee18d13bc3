"""A plan in, what a program of it takes and gives out."""

from __future__ import annotations

from raggeddsl.graph.nodes import FamilyType, Input
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.signature import Group, Signature
from raggeddsl.plan.plan import Plan


def input_signature(plan: Plan) -> Signature:
    """What a call of `plan` takes: one group for each of `plan.inputs`."""
    nodes = [plan.graph.op(plan.buffers[buffer].node) for buffer in plan.inputs]
    groups = []
    for node in nodes:
        assert isinstance(node, Input)
        groups.append(Group(node.names, node.family, _layout(node.type), node.type.dtype, node.origin.span))
    return Signature(groups)


def output_signature(plan: Plan) -> Signature:
    """What it gives: one group for each of `plan.outputs`."""
    types = [plan.graph.type(output.operand.node) for output in plan.results]
    return Signature(
        [
            Group(output.names, output.family, _layout(type), type.dtype, output.span)
            for output, type in zip(plan.results, types, strict=True)
        ]
    )


def _layout(type: FamilyType) -> Layout:
    return Layout.of(type.rows, type.cols, type.scalar)
