"""An expression in, the words that name it, its shape and its members in a message out."""

from __future__ import annotations

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

LONGEST = 60
DEEPEST = 6


def shown(node: Node) -> str:
    """`A @ B.T`: the expression as it was written in Python, cut short where it is long."""
    words = _words(node, 0, DEEPEST)
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 3]}..."


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


def _words(node: Node, level: int, deep: int) -> str:
    if deep == 0:
        return "..."
    match node:
        case Named(name=name) | Parameter(name=name):
            return name
        case Number(value=value):
            return repr(value)
        case Pick(source=source, members=chosen):
            inside = str(chosen) if isinstance(chosen, int) else "..."
            return f"{_words(source, 4, deep - 1)}[{inside}]"
        case Negate(x=x):
            return _bracketed(f"-{_words(x, 3, deep - 1)}", 3, level)
        case Transpose(x=x):
            return f"{_words(x, 4, deep - 1)}.T"
        case Binary(op=op, left=left, right=right):
            own = 2 if op in "*@" else 1
            inside = f"{_words(left, own, deep - 1)} {op} {_words(right, own + 1, deep - 1)}"
            return _bracketed(inside, own, level)
        case Total(body=body):
            return f"sum({_words(body, 0, deep - 1)})"
        case Applied(macro=macro, arguments=arguments):
            return f"{macro}({', '.join(_words(one, 0, deep - 1) for one in arguments)})"
        case _:
            assert_never(node)


def _bracketed(words: str, own: int, level: int) -> str:
    return f"({words})" if own < level else words
