"""What an expression is worth before it becomes a node: a number, or a scaled sum of uses, lazily.

Laziness keeps the graph small: `a*X - b*(Y @ Z)` is one `Combine` of two scaled terms, and a bare
chain stays open so that `A @ B @ C` is one `Chain`.  `close` turns a value into a use of a node.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.elaborate.state import Causes
from raggeddsl.graph.nodes import FamilyType, Operand, Term
from raggeddsl.graph.rules import Side


@dataclass(frozen=True)
class Constant:
    """A number that has met no matrix yet."""

    value: int | float


@dataclass(frozen=True, eq=False)
class Use:
    """A node's value over the rows of a domain, or, if `constant`, one member for all rows."""

    operand: Operand
    constant: bool

    def over(self, length: int | None) -> Operand:
        """The operand for `length` rows; None leaves a constant as its one member."""
        if not self.constant or length is None:
            return self.operand
        members = self.operand.members
        member = 0 if members is None else int(members[0])
        return Operand(self.operand.node, np.full(length, member, np.int64), self.operand.transposed)


@dataclass(frozen=True, eq=False)
class OpenChain:
    """`f0 @ f1 @ …`, to which factors may still be added on the right."""

    factors: tuple[Use, ...]

    @property
    def constant(self) -> bool:
        return all(factor.constant for factor in self.factors)


@dataclass(frozen=True, eq=False)
class Part:
    """`factor * by * x`; `type` is that of x alone, with one row if x is constant."""

    x: Use | OpenChain
    type: FamilyType
    factor: int | float = 1
    by: Use | None = None

    @property
    def bare(self) -> bool:
        return self.by is None and self.factor == 1 and isinstance(self.factor, int)


@dataclass(frozen=True, eq=False)
class Matrix:
    """The sum of `parts`: `type` has one row if `constant`, else one for each row of the domain."""

    parts: tuple[Part, ...]
    type: FamilyType
    constant: bool
    causes: Causes = (None, None)

    @property
    def use(self) -> Use | None:
        """The use that this is, if it is one of a node as it stands."""
        part = self.parts[0]
        return part.x if len(self.parts) == 1 and part.bare and isinstance(part.x, Use) else None


Value = Constant | Matrix


def side(value: Value) -> Side:
    """The value as the type rules take it."""
    return value.value if isinstance(value, Constant) else value.type


def of_use(use: Use, type: FamilyType, causes: Causes = (None, None)) -> Matrix:
    """The value that a use of a node is."""
    return Matrix((Part(use, type),), type, use.constant, causes)


def term(part: Part, length: int | None) -> Term:
    """A closed part as a `Combine`'s term over `length` rows (None: over its one member)."""
    assert isinstance(part.x, Use)
    by = None if part.by is None else part.by.over(length)
    return Term(part.x.over(length), part.factor, by)
