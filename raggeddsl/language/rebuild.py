"""One tree in, the tree of another line of the same form out: other names, numbers and places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from raggeddsl.language import ast
from raggeddsl.language.build import number
from raggeddsl.language.source import Span

Node = TypeVar("Node")
Value = str | int | float

SPELLED: dict[type, tuple[tuple[str, str], ...]] = {
    ast.Number: (("value", "span"),),
    ast.Ref: (("name", "name_span"),),
    ast.Call: (("function", "function_span"),),
    ast.Sum: (("index", "index_span"),),
    ast.Name: (("name", "span"), ("index", "index_span")),
    ast.TypeExpr: (("dtype", "dtype_span"),),
    ast.Attribute: (("key", "key_span"), ("value", "value_span")),
}
"""Which fields of a node are spelled by a token, and the field that says where."""


@dataclass(frozen=True)
class Move:
    """Where each token of the template went, and what stands there now.

    `starts` and `ends` map the template's token starts and ends to the new ones; `values` maps the
    start of a template's token to its new value, for those that differ.
    """

    starts: Mapping[int, int]
    ends: Mapping[int, int]
    values: Mapping[int, Value]


def rebuild(node: Node, move: Move) -> Node:
    """`node` with every span moved and every word replaced as `move` says."""
    return _rebuild(node, move)


def _rebuild(node: Any, move: Move) -> Any:
    if isinstance(node, Span):
        return Span(move.starts[node.start], move.ends[node.end])
    if isinstance(node, tuple):
        return tuple([_rebuild(part, move) for part in node])
    if node is None or isinstance(node, str | int | float):
        return node
    fields = {name: _rebuild(getattr(node, name), move) for name in node.__dataclass_fields__}
    for field, place in SPELLED.get(type(node), ()):
        span = getattr(node, place)
        if span is not None and span.start in move.values:
            fields[field] = _spelled(node, move.values[span.start])
    return type(node)(**fields)


def _spelled(node: Any, value: Value) -> Value:
    if isinstance(node, ast.Number) and isinstance(value, str):
        return number(value)
    return value.item() if isinstance(value, np.generic) else value
