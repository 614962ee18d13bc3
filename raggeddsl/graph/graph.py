"""The product graph itself: typed nodes under whole numbers, each after all that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from raggeddsl.graph.nodes import FamilyType, Input, Node, Operand, Output, operands

if TYPE_CHECKING:
    import networkx as nx


class Graph:
    """Nodes by key, in an order in which everything read comes first, and the outputs.

    A pass makes a new one.  `to_networkx()` has the same for every algorithm of networkx, which takes
    a while to import: nothing here needs it.
    """

    def __init__(self) -> None:
        self.outputs: tuple[Output, ...] = ()
        self._ops: dict[int, Node] = {}
        self._readers: dict[int, int] = {}
        self._next = 0

    def add(self, op: Node, key: int | None = None) -> int:
        """Add a node that reads nodes already here; returns its key (the next number unless given)."""
        key = self._next if key is None else key
        self._next = max(self._next, key + 1)
        self._ops[key] = op
        self._readers[key] = 0
        for read in self.reads(key):
            assert read in self._ops, f"node {key} reads unknown node {read}"
            self._readers[read] += 1
        return key

    def op(self, key: int) -> Node:
        """The node stored under `key`."""
        return self._ops[key]

    def reads(self, key: int) -> list[int]:
        """The nodes that node `key` reads, each once, in the order of its operands."""
        return list(dict.fromkeys(operand.node for operand in operands(self._ops[key])))

    def readers(self, key: int) -> int:
        """How many nodes read node `key`."""
        return self._readers[key]

    def order(self) -> list[int]:
        """Keys so that everything read comes first: the order of adding."""
        return list(self._ops)

    @property
    def inputs(self) -> list[int]:
        """Keys of the `Input` nodes in the order of adding; kept even if nothing reads them."""
        return [key for key, op in self._ops.items() if isinstance(op, Input)]

    def type(self, key: int) -> FamilyType:
        """The type of the value of node `key`."""
        return self._ops[key].type

    def operand_type(self, operand: Operand) -> FamilyType:
        """The type that `operand` presents to its reader, its map and transpose applied."""
        stored = self.type(operand.node)
        taken = stored if operand.members is None else stored.take(operand.members)
        return taken.transpose() if operand.transposed else taken

    def __iter__(self) -> Iterator[int]:
        return iter(self._ops)

    def __len__(self) -> int:
        return len(self._ops)

    def __contains__(self, key: object) -> bool:
        return key in self._ops

    def to_networkx(self) -> nx.DiGraph:
        """A `networkx.DiGraph` from what is read to what reads it; a node's attribute `op` is the `Node`.

        Its own attribute `graph["outputs"]` is `outputs`.  The same object each time: a view to look at.
        """
        return self._networkx

    @cached_property
    def _networkx(self) -> nx.DiGraph:
        import networkx as nx

        digraph = nx.DiGraph(outputs=self.outputs)
        digraph.add_nodes_from((key, {"op": op}) for key, op in self._ops.items())
        digraph.add_edges_from((read, key) for key in self._ops for read in self.reads(key))
        return digraph
