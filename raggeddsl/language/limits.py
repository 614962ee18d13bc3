"""Bounds what one statement may hold, so that every later stage can walk its tree."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from raggeddsl.language import ast
from raggeddsl.language.source import Diagnostics, Span

MAX_DEPTH = 200
"""Nested operations in one statement: what a recursive walk over a tree can count on."""

LARGEST_INT = 2**63 - 1


def within_limits(statement: ast.Statement, found: Diagnostics) -> bool:
    """Whether depth and numbers of `statement` are in bounds; else one RMM106 or RMM108."""
    pending: list[tuple[object, int]] = [(statement, 0)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, ast.Number) and _is_too_large(node.value):
            _too_large(node, found)
            return False
        if depth > MAX_DEPTH:
            found.error(
                "RMM108",
                f"more than {MAX_DEPTH} operations are nested in one statement",
                statement.span,
                help="name some of its parts on lines before, or write a sum over a family: "
                "`sum(A[i] for i)`",
            )
            return False
        below = depth if isinstance(node, tuple) else depth + 1
        pending.extend((part, below) for part in _parts(node))
    return True


def _parts(node: object) -> Iterator[object]:
    """The nodes directly below `node`."""
    if isinstance(node, tuple):
        yield from (part for part in node if not isinstance(part, str))
    elif dataclasses.is_dataclass(node):
        for field in dataclasses.fields(node):
            part = getattr(node, field.name)
            if isinstance(part, tuple) or (dataclasses.is_dataclass(part) and not isinstance(part, Span)):
                yield part


def _is_too_large(value: int | float) -> bool:
    return value > LARGEST_INT if isinstance(value, int) else math.isinf(value)


def _too_large(node: ast.Number, found: Diagnostics) -> None:
    found.error(
        "RMM106",
        "this number is out of range",
        node.span,
        help="a whole number is at most 2**63 - 1, any other at most 1.8e308",
    )
