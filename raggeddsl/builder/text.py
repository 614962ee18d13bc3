"""The statements of a builder in, the text of a spec out, in the layout of the formatter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

import numpy as np

from raggeddsl.builder.columns import Declarations
from raggeddsl.builder.names import fresh
from raggeddsl.builder.nodes import (
    Applied,
    DefinitionOf,
    InputOf,
    Known,
    MacroOf,
    Named,
    Node,
    Pick,
    Statement,
    Total,
)
from raggeddsl.builder.order import Parts, is_light
from raggeddsl.builder.words import written


def spec_text(statements: Sequence[Statement], names: set[str], *, left: bool) -> str:
    """The spec of `statements`; `names` are those that the caller has given."""
    writer = Writer(Declarations(set(names)), Parts(statements))
    for statement in statements:
        writer.statement(statement)
    declared = writer.declared
    head = ["rmm 1", *(["option association = left"] if left else [])]
    blocks = [head, [*declared.indices, *declared.dims, *declared.maps], writer.inputs, writer.definitions]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


@dataclass(eq=False)
class Writer:
    """Writes statements one after another.

    `names[attributes]` has the names that parts got, by the identity of their nodes: a part that is
    read under other attributes is computed under those too, so it has a name for each.
    """

    declared: Declarations
    parts: Parts
    inputs: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    names: dict[str, dict[int, str]] = field(default_factory=dict)

    def statement(self, statement: Statement) -> None:
        match statement:
            case InputOf(name=name, known=known):
                self._input(name, known)
            case DefinitionOf():
                attributes = _attributes(statement)
                self._parts_of(statement.value, attributes)
                self._definition(statement.name, statement.value, attributes, output=statement.output)
            case MacroOf():
                self._macro(statement)
            case _:
                assert_never(statement)

    def _input(self, name: str, known: Known) -> None:
        type = known.type
        over = f"[{self.declared.index(len(known))}]" if known.family else ""
        self.inputs.append(f"input {name}{over} : {type.dtype}{self._shape(name, known)}")

    def _shape(self, name: str, known: Known) -> str:
        if known.type.scalar:
            return "[]"
        rows = self.declared.size(known.type.rows, f"{name}_rows")
        return f"[{rows}, {self.declared.size(known.type.cols, f'{name}_cols')}]"

    def _macro(self, statement: MacroOf) -> None:
        self._parts_of(statement.value, "")
        taken = self.declared.taken
        places = {id(parameter): fresh(parameter.name, taken) for parameter in statement.parameters}
        body = Line(self, self.names.setdefault("", {}) | places, "").words(statement.value)
        parameters = ", ".join(places[id(parameter)] for parameter in statement.parameters)
        self.definitions.append(f"def {statement.name}({parameters}) = {body}")

    def _parts_of(self, value: Node, attributes: str) -> None:
        """Give the parts that `value` reads their own definitions."""
        names = self.names.setdefault(attributes, {})
        for part in self.parts.below(value, names):
            self._definition(self.declared.name("h"), part, attributes, output=False)

    def _definition(self, name: str, value: Node, attributes: str, *, output: bool) -> None:
        names = self.names.setdefault(attributes, {})
        known = value.known
        assert known is not None
        index = self.declared.index(len(known)) if known.family else ""
        line = Line(self, names, index)
        if isinstance(value, Total) and id(value) not in names:
            type = f" : {self._shape(name, known)}" if value.typed else ""
            words = self._sum(value, names)
        else:
            type, words = "", line.words(value)
        over = f"[{index}]" if index else ""
        self.definitions.append(f"{'output ' if output else ''}{name}{over}{type} = {words}{attributes}")
        if not is_light(value):
            names.setdefault(id(value), name)

    def _sum(self, value: Total, names: dict[int, str]) -> str:
        body = value.body
        assert body.known is not None
        length = len(body.known)
        index = self.declared.index(length)
        if value.target is None:
            return f"sum({Line(self, names, index).words(body)} for {index})"
        result = self.declared.index(len(value.known))
        variable, over = index, index
        if result == index:  # a sum cannot be over the index of its own definition
            over = self.declared.index(length, other=True)
            variable = f"{self.declared.map(np.arange(length), over, index, 'same')}[{over}]"
        owner = self.declared.map(value.target, over, result, "owner")
        words = Line(self, names, variable).words(body)
        return f"sum({words} for {over} if {owner}[{over}] == {result})"


def _attributes(statement: DefinitionOf) -> str:
    attributes = {"precision": statement.precision, "accum": statement.accum}
    words = [f"{key}={value}" for key, value in attributes.items() if value is not None]
    return f" with {', '.join(words)}" if words else ""


@dataclass(frozen=True, eq=False)
class Line:
    """Writes one expression; `variable` stands for the member at hand."""

    writer: Writer
    names: dict[int, str]
    variable: str

    def words(self, node: Node) -> str:
        """The text of `node`."""
        return written(node, self._said)

    def _said(self, node: Node, _: int) -> str | None:
        """What stands for a node that has a name, or that is written in a way of its own."""
        if id(node) in self.names:
            return self._member(self.names[id(node)], node.known)
        match node:
            case Named(name=name, known=known):
                return self._member(name, known)
            case Pick():
                return self._picked(node)
            case Applied(macro=macro, arguments=(argument,), times=int(times)):
                return f"iterate({macro}, {self.words(argument)}, {times})"
            case _:
                return None

    def _member(self, name: str, known: Known | None) -> str:
        return f"{name}[{self.variable}]" if known is not None and known.family else name

    def _picked(self, node: Pick) -> str:
        source = node.source
        name = source.name if isinstance(source, Named) else self.names[id(source)]
        if isinstance(node.members, int):
            return f"{name}[{node.members}]"
        declared = self.writer.declared
        assert source.known is not None
        index, into = declared.index(len(node.known)), declared.index(len(source.known))
        return f"{name}[{declared.map(node.members, index, into, 'at')}[{self.variable}]]"
