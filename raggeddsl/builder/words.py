"""An expression in, its text in the language out; and the words that name it in a message, with its shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

import numpy as np

from raggeddsl.builder.nodes import (
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
)
from raggeddsl.elaborate.types import show_type

SUM, PRODUCT, SIGN, POSTFIX = 1, 2, 3, 4
"""How tightly what is written holds together."""

LONGEST = 60
DEEPEST = 6
"""Characters and operations within each other that a message shows of an expression."""


def written(node: Node, said: Callable[[Node, int], str | None], level: int = 0, depth: int = 0) -> str:
    """The text of `node`, in brackets if it holds together less than `level`.

    `said(node, depth)` is what stands for a node that is `depth` operations deep, or None for one that
    is written out: every name, members and sum has something that stands for it.
    """
    words = said(node, depth)
    if words is not None:
        return words

    def inside(part: Node, level: int) -> str:
        return written(part, said, level, depth + 1)

    match node:
        case Number(value=value):
            return repr(value)
        case Negate(x=x):
            return _bracketed(f"-{inside(x, SIGN)}", SIGN, level)
        case Transpose(x=x):
            return f"{inside(x, POSTFIX)}.T"
        case Binary(op=op, left=left, right=right):
            holds = PRODUCT if op in "*@" else SUM
            return _bracketed(f"{inside(left, holds)} {op} {inside(right, holds + 1)}", holds, level)
        case Applied(macro=macro, arguments=arguments):
            return f"{macro}({', '.join(inside(argument, 0) for argument in arguments)})"
        case Named() | Parameter() | Pick() | Total():
            raise AssertionError("names, members and sums are said, not written out")
        case _:
            assert_never(node)


def _bracketed(words: str, holds: int, level: int) -> str:
    return f"({words})" if holds < level else words


# ---------------------------------------------------------------- in messages


def shown(node: Node) -> str:
    """`A @ B.T`: the expression as it was written in Python, cut short where it is long."""
    words = written(node, _in_message)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 3]}..."


def _in_message(node: Node, depth: int) -> str | None:
    if depth == DEEPEST:
        return "..."
    match node:
        case Named(name=name) | Parameter(name=name):
            return name
        case Pick(source=source, members=chosen):
            inside = str(chosen) if isinstance(chosen, int) else "..."
            return f"{written(source, _in_message, POSTFIX, depth + 1)}[{inside}]"
        case Total(body=body):
            return f"sum({written(body, _in_message, 0, depth + 1)})"
        case _:
            return None


def shape_of(node: Node, row: int) -> str:
    """`A[2] is f32[32,96]`, or `W is f32[8,8]`."""
    known = node.known
    assert known is not None
    words = shown(node)
    if not known.family:
        return f"{words} is {show_type(known.type)}"
    member = f"{words}[{row}]" if isinstance(node, Named | Pick) else f"({words})[{row}]"
    return f"{member} is {show_type(known.type, row)}"


def where(bad: np.ndarray, *sides: Known) -> str:
    """` for member 2 (and 1 more)`; nothing where all sides are single matrices."""
    if not any(side.family for side in sides):
        return ""
    more = int(bad.sum()) - 1
    return f" for member {int(bad.argmax())}" + (f" (and {more} more)" if more else "")


def members(count: int) -> str:
    return "1 member" if count == 1 else f"{count} members"
