"""Statements in, the parts of their expressions that get a name of their own out.

A part is named if a spec could not say it in place (a sum, or members of something without a name), if
it is used more than once (or the text would grow without bound), or if it is nested too deep.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from raggeddsl.builder.nodes import (
    DEEPEST,
    Applied,
    Binary,
    InputOf,
    Named,
    Negate,
    Node,
    Number,
    Parameter,
    Pick,
    Statement,
    Total,
    Transpose,
    children,
)


class Parts:
    """Which nodes of some statements are parts with a name of their own."""

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._mentions: dict[int, int] = {}
        pending = [statement.value for statement in statements if not isinstance(statement, InputOf)]
        seen: set[int] = set()
        while pending:
            node = pending.pop()
            self._mentions[id(node)] = self._mentions.get(id(node), 0) + 1
            if id(node) in seen:
                continue
            seen.add(id(node))
            pending += children(node)
            if isinstance(node, Pick):
                self._mentions[id(node.source)] = self._mentions.get(id(node.source), 0) + 1

    def named(self, node: Node) -> bool:
        """Whether `node` is said by a name wherever it is not the whole of a statement."""
        match node:
            case Total():
                return True
            case Named() | Parameter() | Number() | Pick():
                return False
            case Negate() | Transpose() | Binary() | Applied():
                if node.known is None or is_light(node):  # a macro's parts have nowhere else to be said
                    return False
                return node.depth >= DEEPEST or self._mentions[id(node)] > 1

    def below(self, root: Node, done: Container[int]) -> Iterator[Node]:
        """The parts that `root` reads and that are not `done` yet, each after what it reads itself."""
        pending: list[tuple[Node, bool]] = [(child, False) for child in reversed(children(root))]
        seen: set[int] = set()
        while pending:
            node, ready = pending.pop()
            if ready:
                yield node
                continue
            if id(node) in seen or id(node) in done:
                continue
            seen.add(id(node))
            if self.named(node):
                pending.append((node, True))
            pending += [(child, False) for child in reversed(children(node))]


def is_light(node: Node) -> bool:
    """Whether saying `node` twice costs nothing: a name, with signs and `.T`."""
    while isinstance(node, Negate | Transpose):
        node = node.x
    return isinstance(node, Named | Parameter | Number | Pick)
