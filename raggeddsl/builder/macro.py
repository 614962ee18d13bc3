"""A Python function in, a `def` of the spec out: `Macro`, which may be called and iterated."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from raggeddsl.builder.expression import Expression, Scope
from raggeddsl.builder.nodes import (
    DEEPEST,
    Applied,
    Binary,
    Known,
    Named,
    Negate,
    Node,
    Number,
    Parameter,
    Pick,
    Total,
    Transpose,
    children,
)
from raggeddsl.builder.words import shown
from raggeddsl.diagnostics.errors import refuse

LARGEST = 2000
"""Operations that a macro's one expression may have, parts that are used twice counted twice."""


class Macro:
    """A function of matrices, written out in the spec once as a `def`; made by `Builder.macro`.

    `ns(A)` calls it, `b.iterate(ns, A, 5)` applies it five times.
    """

    def __init__(self, builder: Scope, name: str, function: Callable[..., Any], arity: int) -> None:
        self.builder = builder
        self.name = name
        self.arity = arity
        self._function = function

    def __call__(self, *arguments: Any) -> Expression:
        """The macro applied to expressions or numbers.

        Raises `RmmError`: RMM206 for another number of arguments than it has parameters, and whatever
        is wrong with these shapes.
        """
        if len(arguments) != self.arity:
            takes = f"{self.arity} argument{'' if self.arity == 1 else 's'}"
            refuse("RMM206", f"`{self.name}` takes {takes}, here are {len(arguments)}")
        nodes = tuple(self.builder.node_of(argument) for argument in arguments)
        return Expression(self.builder, Applied(self.name, nodes, None, self.known(nodes)))

    def known(self, nodes: tuple[Node, ...]) -> Known | None:
        """What is known of the value for these arguments: the function is called to see."""
        if any(node.known is None and not isinstance(node, Number) for node in nodes):
            return None
        values = [
            node.value if isinstance(node, Number) else Expression(self.builder, node) for node in nodes
        ]
        return self.builder.expression_of(self._function(*values), f"the value of `{self.name}`").known

    def __repr__(self) -> str:
        return f"<macro {self.name} of {self.arity}>"


def parameters_of(name: str, function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's parameters, which must be a fixed number of positional ones."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [
        part for part in inspect.signature(function).parameters.values() if part.default is part.empty
    ]
    if not parameters or any(parameter.kind not in kinds for parameter in parameters):
        raise TypeError(f"the function of macro `{name}` must take one or more positional arguments")
    return tuple(parameter.name for parameter in parameters)


def check_body(name: str, parameters: tuple[Parameter, ...], body: Node) -> None:
    """Refuse a body that cannot be one expression over its parameters and single matrices."""
    operations: dict[int, int] = {}
    pending: list[tuple[Node, bool]] = [(body, False)]
    while pending:
        node, ready = pending.pop()
        if id(node) in operations:
            continue
        below = () if _closed(node) else children(node)
        if not ready:
            _check(name, parameters, node)
            pending.append((node, True))
            pending += [(child, False) for child in below]
            continue
        operations[id(node)] = 1 + sum(operations[id(child)] for child in below)
    if operations[id(body)] > LARGEST:
        refuse(
            "RMM211",
            f"the macro `{name}` comes to more than {LARGEST} operations",
            "give a plain function to `b.iterate`, which names the parts that are used twice",
        )


def _closed(node: Node) -> bool:
    """Whether nothing below `node` is part of the macro's expression."""
    return isinstance(node, Total) or (isinstance(node, Pick) and isinstance(node.members, int))


def _check(name: str, parameters: tuple[Parameter, ...], node: Node) -> None:
    if node.known is not None and node.known.family:
        refuse(
            "RMM407",
            f"the macro `{name}` reads the family `{shown(node)}`, of which it cannot know the member",
            "give it to the macro as an argument",
        )
    match node:
        case Parameter() if node not in parameters:
            message = f"the macro `{name}` reads `{node.name}`, a parameter of another macro"
            refuse("RMM407", message, "give it to the macro as an argument")
        case Named() | Parameter() | Number() | Pick() | Total():
            return
        case Negate() | Transpose() | Binary() | Applied():
            if node.known is None and node.depth >= DEEPEST:
                message = f"the macro `{name}` nests more than {DEEPEST} operations"
                refuse("RMM108", message, "split it into several macros")
