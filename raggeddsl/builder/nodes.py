"""What an expression of a builder is made of: a closed set of nodes, each with what is known of its value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, assert_never

import numpy as np

from raggeddsl.graph.nodes import Columns, FamilyType

DEEPEST = 48
"""Operations nested in one definition; what is deeper gets a name of its own.  A spec may nest 200."""


@dataclass(frozen=True, eq=False, slots=True)
class Known:
    """The shapes and element type of a value: those of N members, or (not `family`) of one matrix."""

    type: FamilyType
    family: bool

    def __len__(self) -> int:
        return len(self.type)


@dataclass(frozen=True, eq=False, slots=True)
class Named:
    """An input or a definition, by its name."""

    name: str
    known: Known


@dataclass(frozen=True, eq=False, slots=True)
class Parameter:
    """A parameter of a macro, of which nothing is known."""

    name: str
    known: None = None


@dataclass(frozen=True, eq=False, slots=True)
class Number:
    """A number that scales."""

    value: int | float
    known: None = None


@dataclass(frozen=True, eq=False, slots=True)
class Pick:
    """Members of `source`: int64[T] of them, or one."""

    source: Node
    members: Columns | int
    known: Known


@dataclass(frozen=True, eq=False, slots=True)
class Negate:
    """`-x`."""

    x: Node
    known: Known | None
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + below(self.x))


@dataclass(frozen=True, eq=False, slots=True)
class Transpose:
    """`x.T`."""

    x: Node
    known: Known | None
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + below(self.x))


@dataclass(frozen=True, eq=False, slots=True)
class Binary:
    """`left op right`."""

    op: Literal["+", "-", "*", "@"]
    left: Node
    right: Node
    known: Known | None
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + max(below(self.left), below(self.right)))


@dataclass(frozen=True, eq=False, slots=True)
class Total:
    """The sum of all members of `body`, or (with `target` int64[T]) of those of each result.

    `typed` says that the shapes were given, so that results without terms have one.
    """

    body: Node
    target: Columns | None
    typed: bool
    known: Known


@dataclass(frozen=True, eq=False, slots=True)
class Applied:
    """A macro called with `arguments`; with `times`, applied that often to its one argument."""

    macro: str
    arguments: tuple[Node, ...]
    times: int | None
    known: Known | None
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", 1 + max(map(below, self.arguments), default=0))


Node: TypeAlias = Named | Parameter | Number | Pick | Negate | Transpose | Binary | Total | Applied


def below(node: Node) -> int:
    """How many operations `node` adds to the depth of what reads it: none where it gets a name."""
    match node:
        case Named() | Parameter() | Number() | Pick() | Total():
            return 0
        case Negate() | Transpose() | Binary() | Applied():
            return 0 if node.depth >= DEEPEST else node.depth
        case _:
            assert_never(node)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Named() | Parameter() | Number():
            return ()
        case Pick(source=source):
            return (source,)
        case Negate(x=x) | Transpose(x=x):
            return (x,)
        case Binary(left=left, right=right):
            return (left, right)
        case Total(body=body):
            return (body,)
        case Applied(arguments=arguments):
            return arguments
        case _:
            assert_never(node)


@dataclass(frozen=True, eq=False, slots=True)
class InputOf:
    """`input name : …`."""

    name: str
    known: Known


@dataclass(frozen=True, eq=False, slots=True)
class DefinitionOf:
    """`name = value`, or `output name = value`, with its attributes."""

    name: str
    value: Node
    known: Known
    output: bool
    precision: str | None
    accum: str | None


@dataclass(frozen=True, eq=False, slots=True)
class MacroOf:
    """`def name(parameters) = value`."""

    name: str
    parameters: tuple[Parameter, ...]
    value: Node


Statement: TypeAlias = InputOf | DefinitionOf | MacroOf


def single(rows: int, cols: int, dtype: str, scalar: bool = False) -> Known:
    """What is known of one matrix `dtype[rows, cols]`, or of one scalar."""
    return Known(FamilyType(np.array([rows]), np.array([cols]), dtype, scalar), False)
