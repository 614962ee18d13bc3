"""A syntax tree in, indented text out, for people who want to see what was parsed."""

from __future__ import annotations

import dataclasses
from typing import Any

from raggeddsl.diagnostics.source import Span
from raggeddsl.language import ast


def dump(program: ast.Program) -> str:
    """One line a statement, its parts indented below; places are left out."""
    lines: list[str] = []
    for statement in program.statements():
        _dump(statement, "", 0, lines)
    return "\n".join(lines) + "\n"


def _dump(node: Any, label: str, depth: int, lines: list[str]) -> None:
    head = "  " * depth + (f"{label}: " if label else "")
    if isinstance(node, tuple):
        for place, part in enumerate(node):
            _dump(part, f"{label}[{place}]", depth, lines)
        return
    if not dataclasses.is_dataclass(node):
        lines.append(f"{head}{node!r}")
        return
    values = {f.name: getattr(node, f.name) for f in dataclasses.fields(node)}
    values = {name: value for name, value in values.items() if not isinstance(value, Span)}
    plain = {name: value for name, value in values.items() if isinstance(value, str | int | float)}
    words = ", ".join(f"{name}={value!r}" for name, value in plain.items())
    lines.append(f"{head}{type(node).__name__}({words})")
    for name, value in values.items():
        if name not in plain and value is not None:
            _dump(value, name, depth + 1, lines)
