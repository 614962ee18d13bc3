"""Names in, `RmmError` out for those that a spec could not have; and fresh names that nobody uses."""

from __future__ import annotations

import re
from collections.abc import Container
from functools import cache

from raggeddsl.diagnostics.errors import refuse
from raggeddsl.language.parser import parser

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@cache
def reserved() -> frozenset[str]:
    """Every word that the grammar keeps for itself."""
    words: set[str] = set()
    for terminal in parser().terminals:
        if terminal.name == "RESERVED":
            words.update(re.findall(r"[a-z]+", terminal.pattern.value.split(")")[0]))
        elif terminal.pattern.type == "str" and terminal.pattern.value.isalpha():
            words.add(terminal.pattern.value)
    return frozenset(words)


def check_name(name: object, taken: Container[str]) -> str:
    """`name`, if it can be given to something new.

    Raises `RmmError`: RMM102 for what is no name, RMM103 for a word of the language, RMM203 for a
    name that is taken.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        help = "names are ASCII letters, digits and `_`, and do not begin with a digit"
        refuse("RMM102", f"{name!r} is not a name", help)
    if name in reserved():
        help = f"give it another name, such as `{name}_`"
        refuse("RMM103", f"`{name}` is a word of the language, so it cannot be a name", help)
    if name in taken:
        help = "a name has one value; give the new one another name"
        refuse("RMM203", f"`{name}` is defined already", help)
    return name


def fresh(wanted: str, taken: Container[str]) -> str:
    """`wanted`, or the first of `wanted1`, `wanted2`, … that is free."""
    if wanted not in taken and wanted not in reserved():
        return wanted
    number = 1
    while f"{wanted}{number}" in taken:
        number += 1
    return f"{wanted}{number}"
