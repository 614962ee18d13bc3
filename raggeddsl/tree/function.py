"""The text of an expression or of `def`s in, a function with named parameters out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import lru_cache
from typing import Any

from raggeddsl.api import parse
from raggeddsl.language import ast
from raggeddsl.language.refuse import refuse

NAME = "tree_map"
"""What errors in the text call it."""


@dataclass(frozen=True, slots=True)
class Function:
    """`def`s, the name of the one to apply, its parameters, and the precision of its products."""

    text: str
    name: str
    parameters: tuple[str, ...]
    precision: str = "default"


@lru_cache
def function_of(text: str, given: int, named: tuple[str, ...]) -> Function:
    """What `text` defines, to be given `given` arguments by place and others by name.

    Raises `RmmError`: syntax errors, and RMM713 where arguments and parameters do not fit.
    """
    if re.search(r"^\s*def\b", text, re.MULTILINE):
        definition = parse(text, name=NAME).items[-1]
        if not isinstance(definition, ast.FunctionDef):
            help = "`raggeddsl.compile` takes whole specs"
            refuse("RMM713", "`tree_map` takes an expression, or `def`s and nothing else", help)
        found = Function(text, definition.name.name, tuple(one.name for one in definition.parameters))
    else:
        (line,) = parse(f"def tree_f(x) = ({text})", name=NAME).items
        names = tuple(dict.fromkeys(_names(line)))
        if given > 1 or (given and named):
            help = "give trees by name: " + ", ".join(f"{name}=…" for name in names)
            refuse("RMM713", f"the names of `{text.strip()}` have no order", help)
        found = Function(f"def tree_f({', '.join(names)}) = ({text})", "tree_f", names)
    _check_arguments(found, given, named)
    return found


def _check_arguments(function: Function, given: int, named: tuple[str, ...]) -> None:
    wanted = function.parameters[given:]
    if len(function.parameters) >= given and sorted(wanted) == sorted(named):
        return
    listed = ", ".join(f"`{name}`" for name in function.parameters) or "no name"
    by_name = f" and {', '.join(f'`{name}`' for name in named)} by name" if named else ""
    trees = f"{given} tree{'s' * (given != 1)} by place"
    refuse(
        "RMM713",
        f"the text reads {listed}; given are {trees}{by_name}",
        "give one tree for each of its names",
    )


def _names(node: Any) -> Iterator[str]:
    """The names that an expression reads, as they are written."""
    match node:
        case ast.Ref(name=name):
            yield name
        case ast.Call(function="iterate", arguments=(_, *others)):  # the first is a function
            yield from _names(others)
        case tuple() | list():
            for one in node:
                yield from _names(one)
        case _ if is_dataclass(node):
            for field in fields(node):
                yield from _names(getattr(node, field.name))
