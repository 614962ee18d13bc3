"""Value numbers: nodes, operands and columns in, equal keys out where the values are equal."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import assert_never

import numpy as np

from raggeddsl.graph.nodes import (
    Chain,
    Combine,
    FamilyType,
    Input,
    Join,
    Node,
    Operand,
    Product,
    Term,
    Transpose,
    View,
)


@dataclass
class Numbers:
    """Numbers for operands and columns, equal where their contents are.

    Columns are kept beside their digest, so that none is freed and its id given to another.
    """

    digests: dict[int, tuple[np.ndarray, bytes]] = field(default_factory=dict)
    operands: dict[Hashable, int] = field(default_factory=dict)

    def column(self, values: np.ndarray | None) -> Hashable:
        if values is None:
            return None
        if id(values) not in self.digests:
            digest = blake2b(np.ascontiguousarray(values, np.int64).data, digest_size=16).digest()
            self.digests[id(values)] = (values, digest)
        return self.digests[id(values)][1]

    def operand(self, operand: Operand | None) -> int:
        if operand is None:
            return -1
        value = (operand.node, self.column(operand.members), operand.transposed)
        return self.operands.setdefault(value, len(self.operands))

    def terms(self, terms: tuple[Term, ...]) -> Hashable:
        return tuple(sorted((self.operand(t.x), t.factor, self.operand(t.by)) for t in terms))

    def shape(self, type: FamilyType) -> Hashable:
        return self.column(type.rows), self.column(type.cols)

    def of(self, node: Node) -> Hashable:
        """The node's value, as something to look up."""
        common = (node.type.dtype, node.type.scalar)
        match node:
            case Transpose(x=x):
                return ("transpose", common, self.operand(x))
            case View(x=x):
                return ("view", common, self.operand(x), self.shape(node.type))
            case Chain():
                factors = tuple(self.operand(factor) for factor in node.factors)
                return ("chain", common, factors, node.arithmetic, node.left)
            case Product():
                product = (self.operand(node.lhs), self.operand(node.rhs), node.factor, self.operand(node.by))
                place = None if node.target is None else (self.column(node.target), self.shape(node.type))
                return ("product", common, product, place, self.terms(node.addends), node.arithmetic)
            case Combine():
                implied = node.terms and node.target is None
                place = None if implied else (self.column(node.target), self.shape(node.type))
                return ("combine", common, self.terms(node.terms), place)
            case Input() | Join():
                raise AssertionError("inputs and joins are what they are")
            case _:
                assert_never(node)
