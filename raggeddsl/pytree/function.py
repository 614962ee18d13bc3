"""The text of an expression or of `def`s in, a function with named parameters out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from raggeddsl.api import parse
from raggeddsl.caches import kept
from raggeddsl.diagnostics.errors import RmmError, refuse
from raggeddsl.language import ast
from raggeddsl.pytree.errors import NAME, in_text

OPTIONS = ("precision", "target", "kernel")
"""Keywords of `tree_map` that are no trees."""


@dataclass(frozen=True, slots=True)
class Function:
    """`def`s, the name of the one to apply, its parameters, and what of the text the caller wrote.

    `written` begins at the offset `prefix` of `text`.
    """

    text: str
    name: str
    parameters: tuple[str, ...]
    written: str
    prefix: int = 0


@kept(128)
def function_of(text: str, count: int, named: tuple[str, ...]) -> Function:
    """What `text` defines, to be given `count` arguments by place and others by name.

    Raises `RmmError`: syntax errors, and RMM713 where arguments and parameters do not fit.
    """
    if not text.strip():
        refuse(
            "RMM713", "the text of `tree_map` is empty", 'give an expression, as in `"X @ X.T"`, or `def`s'
        )
    if re.search(r"^\s*def\b", text, re.MULTILINE):
        definition = parse(text, name=NAME).items[-1]
        if not isinstance(definition, ast.FunctionDef):
            help = "`raggeddsl.compile` takes whole specs"
            refuse("RMM713", "`tree_map` takes an expression, or `def`s and nothing else", help)
        function = Function(
            text, definition.name.name, tuple(parameter.name for parameter in definition.parameters), text
        )
    else:
        text = text.strip()
        # In brackets a statement goes on in the next line; without, errors are about what was written.
        begin, end = ("(", "\n)") if "\n" in text else ("", "")  # the last line may end in a comment
        line = _parsed("def tree_f(x) = " + begin, text, end)
        names = tuple(dict.fromkeys(_names(line)))
        if count > 1 or (count and named):
            help = "give trees by name: " + ", ".join(f"{name}=…" for name in names)
            refuse("RMM713", f"the names of `{text}` have no order", help)
        start = f"def tree_f({', '.join(names)}) = {begin}"
        function = Function(start + text + end, "tree_f", names, text, len(start))
    _check_arguments(function, count, named)
    return function


def _parsed(start: str, text: str, end: str) -> ast.Statement | ast.LineGroup:
    try:
        (item,) = parse(start + text + end, name=NAME).items
    except RmmError as error:
        raise in_text(error, text, len(start)) from None
    return item


def _check_arguments(function: Function, count: int, named: tuple[str, ...]) -> None:
    wanted = function.parameters[count:]
    for name in wanted:
        if name in OPTIONS:
            message = f"`{name}` is an option of `tree_map`, so no tree can be given by that name"
            refuse("RMM713", message, f"call it something else in the text than `{name}`")
    if len(function.parameters) >= count and sorted(wanted) == sorted(named):
        return
    listed = ", ".join(f"`{name}`" for name in function.parameters) or "no name"
    by_place = [f"{count} by place"] if count else []
    by_name = [f"{', '.join(f'`{name}`' for name in named)} by name"] if named else []
    trees = f"trees given: {' and '.join(by_place + by_name) or 'none'}"
    refuse("RMM713", f"the text reads {listed}; {trees}", "give one tree for each of its names")


def _names(node: Any) -> Iterator[str]:
    """The names that an expression reads, as they are written."""
    match node:
        case ast.Ref(name=name):
            yield name
        case ast.Call(function="iterate", arguments=(_, *others)):  # the first is a function
            yield from _names(others)
        case tuple() | list():
            for child in node:
                yield from _names(child)
        case _ if is_dataclass(node):
            for field in fields(node):
                yield from _names(getattr(node, field.name))
