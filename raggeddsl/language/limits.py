"""Bounds what one statement may hold, so that every later stage can walk its tree."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Span
from raggeddsl.language import ast

MAX_DEPTH = 200
"""Nested operations in one statement: what a recursive walk over a tree can count on."""

LARGEST_INT = 2**63 - 1


def within_limits(statement: ast.Statement, diagnostics: Diagnostics) -> bool:
    """Whether depth and numbers of `statement` are in bounds; else one RMM106 or RMM108."""
    pending: list[tuple[object, int]] = [(statement, 0)]
    while pending:
        node, depth = pending.pop()
        if isinstance(node, ast.Number) and not _in_range(node, diagnostics):
            return False
        if depth > MAX_DEPTH:
            diagnostics.error(
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


def _in_range(node: ast.Number, diagnostics: Diagnostics) -> bool:
    """Whether the number could be read as it is written; else one RMM106."""
    value = node.value
    if value > LARGEST_INT if isinstance(value, int) else math.isinf(value):
        help = "a whole number is at most 2**63 - 1, any other at most 1.8e308"
    elif isinstance(value, float) and value == 0 and _has_digits(node, diagnostics):
        help = "a number that is not 0 is at least 5e-324"
    else:
        return True
    diagnostics.error("RMM106", "this number is out of range", node.span, help=help)
    return False


def _has_digits(node: ast.Number, diagnostics: Diagnostics) -> bool:
    """Whether the number is written with a digit that is not 0 in front of its exponent."""
    text = "" if diagnostics.source is None else diagnostics.source.text[node.span.start : node.span.end]
    return any(digit in "123456789" for digit in text.lower().partition("e")[0])
