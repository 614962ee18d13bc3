"""The product graph itself: typed nodes in a `networkx.DiGraph`, from what is read to what reads it."""

from __future__ import annotations

from typing import Any

import networkx as nx

from raggeddsl.graph.nodes import Input, Node, Nodes, Output, operands


class Graph(nx.DiGraph, Nodes):
    """`networkx.DiGraph` over ints; `graph.nodes[k]["op"]` is the `Node`, `graph.outputs` the results.

    Equivalent to a plain DiGraph for every networkx algorithm; the methods here only add types.
    """

    outputs: tuple[Output, ...]

    def __init__(self, incoming_graph_data: Any = None, **attributes: Any) -> None:
        super().__init__(incoming_graph_data, **attributes)
        self.outputs = ()
        self._next = 0

    def add(self, op: Node, key: int | None = None) -> int:
        """Add a node that reads nodes already here; returns its key (the next number unless given)."""
        key = self._next if key is None else key
        self._next = max(self._next, key + 1)
        self.add_node(key, op=op)
        for operand in operands(op):
            assert operand.node in self, f"node {key} reads unknown node {operand.node}"
            self.add_edge(operand.node, key)
        return key

    def op(self, key: int) -> Node:
        """The node stored under `key`."""
        return self.nodes[key]["op"]

    def order(self) -> list[int]:
        """Keys so that everything read comes first; the order of adding where that is free."""
        return list(self)  # `add` takes only readers of what is here

    @property
    def inputs(self) -> list[int]:
        """Keys of the `Input` nodes in the order of adding; kept even if nothing reads them."""
        return [key for key in self if isinstance(self.op(key), Input)]
