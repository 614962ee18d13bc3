"""Pictures of a product graph: a `Graph` in; plain text, Graphviz DOT or Mermaid out.

A node shows its label, what it does, how many members it has and their range of shapes; an edge
says how the value is read: through a map, transposed, as a scale, added on top.
"""

from __future__ import annotations

from typing import assert_never

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Chain,
    Combine,
    FamilyType,
    Input,
    Join,
    Node,
    Operand,
    Product,
    Transpose,
    View,
)
from raggeddsl.graph.passes.rewrite import Use, node_uses

_ROLES = {
    "lhs": "left",
    "rhs": "right",
    "by": "scale",
    "term_by": "scale",
    "addend_by": "scale",
    "addend": "added",
    "part": "part",
}


def to_text(graph: Graph) -> str:
    """One line a node, in order: `%2 = 0.5 * %0 @ %1.T : 54 x f32[8..512, 64]  "H"`, then the outputs."""
    numbers = _numbers(graph)
    lines = []
    for key in graph.order():
        node = graph.op(key)
        label = f'  "{node.origin.label}"' if node.origin.label else ""
        lines.append(f"%{numbers[key]} = {_expression(node, numbers)} : {type_text(node.type)}{label}")
    outputs = [f"output {_names(each.names)} = {_use_text(each.operand, numbers)}" for each in graph.outputs]
    return "\n".join(lines + outputs) + "\n"


def to_dot(graph: Graph) -> str:
    """A digraph for Graphviz: inputs as boxes, operations rounded, outputs doubly framed."""
    numbers = _numbers(graph)
    lines = ["digraph products {", "  rankdir=LR;", '  node [shape=box, fontname="monospace"];']
    for key in graph.order():
        node = graph.op(key)
        style = "" if isinstance(node, Input) else ", style=rounded"
        lines.append(f"  n{numbers[key]} [label={_dot(_caption(node))}{style}];")
    for key in graph.order():
        for read, use in node_uses(key, graph.op(key)):
            edge = _edge(graph.op(key), use)
            shown = f" [label={_dot([edge])}]" if edge else ""
            lines.append(f"  n{numbers[read]} -> n{numbers[key]}{shown};")
    for place, output in enumerate(graph.outputs):
        lines.append(f"  out{place} [label={_dot([_names(output.names)])}, peripheries=2];")
        edge = _how(output.operand)
        shown = f" [label={_dot([edge])}]" if edge else ""
        lines.append(f"  n{numbers[output.operand.node]} -> out{place}{shown};")
    return "\n".join([*lines, "}"]) + "\n"


def to_mermaid(graph: Graph) -> str:
    """A Mermaid flowchart: inputs as boxes, operations rounded, outputs as stadiums."""
    numbers = _numbers(graph)
    lines = ["flowchart LR"]
    for key in graph.order():
        node = graph.op(key)
        text = _mermaid(_caption(node))
        lines.append(f"  n{numbers[key]}" + (f"[{text}]" if isinstance(node, Input) else f"({text})"))
    for key in graph.order():
        for read, use in node_uses(key, graph.op(key)):
            lines.append(f"  n{numbers[read]} {_arrow(_edge(graph.op(key), use))} n{numbers[key]}")
    for place, output in enumerate(graph.outputs):
        lines.append(f"  out{place}([{_mermaid([_names(output.names)])}])")
        lines.append(f"  n{numbers[output.operand.node]} {_arrow(_how(output.operand))} out{place}")
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- words


def type_text(type: FamilyType) -> str:
    """Members and their range of shapes: `54 x f32[8..512, 64]`, `f32[]`, `0 x f32[]`."""
    shape = "" if type.scalar else f"{_range(type.rows)}, {_range(type.cols)}"
    member = f"{type.dtype}[{shape}]"
    return member if len(type) == 1 else f"{len(type)} x {member}"


def _range(sizes: np.ndarray) -> str:
    if len(sizes) == 0:
        return "-"  # no member, no size
    low, high = int(sizes.min()), int(sizes.max())
    return str(low) if low == high else f"{low}..{high}"


def _numbers(graph: Graph) -> dict[int, int]:
    return {key: number for number, key in enumerate(graph.order())}


def _names(names: tuple[str, ...]) -> str:
    if len(names) <= 3:
        return ", ".join(names)
    return f"{names[0]}, {names[1]}, … {names[-1]} ({len(names)})"


def _how(operand: Operand) -> str:
    """How a value is read: `[map]`, `.T` or nothing."""
    return ("[map]" if operand.members is not None else "") + (".T" if operand.transposed else "")


def _use_text(operand: Operand, numbers: dict[int, int]) -> str:
    return f"%{numbers[operand.node]}{_how(operand)}"


def _expression(node: Node, numbers: dict[int, int]) -> str:
    """What a node computes, as one line."""

    def scaled(factor: float | int, by: Operand | None, text: str) -> str:
        scale = [] if factor == 1 else [f"{factor:g}"]
        return " * ".join(scale + ([] if by is None else [_use_text(by, numbers)]) + [text])

    match node:
        case Input(names=names):
            return f"input {_names(names)}"
        case Transpose(x=x):
            return f"transpose({_use_text(x, numbers)})"
        case Chain(factors=factors):
            return "chain(" + " @ ".join(_use_text(factor, numbers) for factor in factors) + ")"
        case Product():
            pair = f"{_use_text(node.lhs, numbers)} @ {_use_text(node.rhs, numbers)}"
            whole = _summed(scaled(node.factor, node.by, pair), node.target)
            return " + ".join(
                [whole, *(scaled(t.factor, t.by, _use_text(t.x, numbers)) for t in node.addends)]
            )
        case Combine(terms=terms):
            inner = " + ".join(scaled(t.factor, t.by, _use_text(t.x, numbers)) for t in terms)
            return _summed(inner or "zeros", node.target)
        case View(x=x):
            return f"view({_use_text(x, numbers)})"
        case Join(parts=parts):
            return "join(" + ", ".join(f"%{numbers[part]}" for part in parts) + ")"
        case _:
            assert_never(node)


def _summed(text: str, target: np.ndarray | None) -> str:
    return text if target is None else f"sum({text} for {len(target)} terms)"


def _caption(node: Node) -> list[str]:
    """The lines inside a node: label, operation, type."""
    name = _names(node.names) if isinstance(node, Input) else node.origin.label
    summed = isinstance(node, Product | Combine) and node.target is not None
    scale = f"{node.factor:g} · " if isinstance(node, Product) and node.factor != 1 else ""
    doing = scale + type(node).__name__.lower() + (", summed" if summed else "")
    return [line for line in (name, doing, type_text(node.type)) if line]


def _edge(node: Node, use: Use) -> str:
    """What an edge says: the operand's role, then how it is read."""
    if use.slot == "factor":
        role = f"factor {use.place + 1}"
    elif use.slot == "term":
        assert isinstance(node, Combine)
        factor = node.terms[use.place].factor
        role = "" if factor == 1 else f"{factor:g} ·"
    elif use.slot == "addend":
        assert isinstance(node, Product)
        factor = node.addends[use.place].factor
        role = "added" if factor == 1 else f"added {factor:g} ·"
    else:
        role = _ROLES.get(use.slot, "")
    return " ".join(text for text in (role, _how(use.operand)) if text)


# ---------------------------------------------------------------- escapes


def _dot(lines: list[str]) -> str:
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'


def _mermaid(lines: list[str]) -> str:
    """A quoted text; Mermaid reads `#…;` as a character and Markdown and HTML as markup."""
    special = {"#": "#35;", '"': "#quot;", "&": "#amp;", "<": "#lt;", ">": "#gt;", "`": "#96;", "|": "#124;"}
    escaped = ("".join(special.get(letter, letter) for letter in line) for line in lines)
    return '"' + "<br/>".join(escaped) + '"'


def _arrow(label: str) -> str:
    return f"-- {_mermaid([label])} -->" if label else "-->"
