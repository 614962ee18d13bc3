"""Splits a spec into its logical lines: a newline ends one unless a bracket is open.

Works on brackets, strings and comments alone, before any grammar, so that one broken line does
not hide the errors of the next.  A bracket that is never closed would swallow the rest of the
file: the split then resumes at the next line that looks like the beginning of a statement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from raggeddsl.diagnostics.source import Source

MARK = re.compile(r'"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[()\[\]]')
"""What matters when brackets are counted: a string (even an unclosed one), a comment, a bracket."""

STATEMENT_WORD = re.compile(r"[ \t]*(?:rmm|option|index|dim|map|input|output|def)\b")
ASSIGNMENT = re.compile(r"([ \t]*)[A-Za-z_]\w*(?:\[[^\]\n]*\])?[ \t]*[:=](?!=)")
MAX_UNCLOSED = 20
"""After this many unclosed brackets no line is continued any more, so that splitting stays linear."""


@dataclass(slots=True)
class LogicalLines:
    """Columns over the logical lines that are not blank: line k is `text[starts[k]:ends[k]]`.

    A comment at the end is left out.  `plain[k]` says that the line is one physical line without
    strings, and so without comments too.
    """

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    plain: list[bool] = field(default_factory=list)


def logical_lines(source: Source) -> LogicalLines:
    """The logical lines of `source`, in order.

    A line whose bracket is never closed comes as it is; parsing it says where the bracket opened.
    """
    physical = source.text.split("\n")
    offsets = source.line_starts
    lines = LogicalLines()
    starts, ends, plain = lines.starts, lines.ends, lines.plain
    number = unclosed = 0
    while number < len(physical):
        raw = physical[number]
        start = offsets[number]
        if _is_simple(raw):
            if raw and not raw.isspace():
                starts.append(start)
                ends.append(start + len(raw))
                plain.append(True)
            number += 1
            continue
        stop, depth, end = _extent(physical, number, patient=unclosed < MAX_UNCLOSED)
        if depth > 0:
            unclosed += 1
            stop = _resume(physical, number, stop)
            end = len(physical[stop - 1])
        if stop > number + 1 or raw[:end].strip():
            starts.append(start)
            ends.append(offsets[stop - 1] + end)
            plain.append(stop == number + 1 and '"' not in raw[:end])
        number = stop
    return lines


def _is_simple(raw: str) -> bool:
    """Whether a physical line is quickly seen to hold no string, no comment and no open bracket."""
    return (
        '"' not in raw
        and "#" not in raw
        and raw.count("[") == raw.count("]")
        and raw.count("(") == raw.count(")")
    )


def _measure(raw: str, depth: int) -> tuple[int, int]:
    """(depth of open brackets after a physical line, where its code ends)."""
    for mark in MARK.finditer(raw):
        match mark[0][0]:
            case "(" | "[":
                depth += 1
            case ")" | "]":
                depth = max(0, depth - 1)
            case "#":
                return depth, mark.start()
    return depth, len(raw)


def _extent(physical: list[str], number: int, *, patient: bool) -> tuple[int, int, int]:
    """(line after the last, depth left open, end of code in the last) of a logical line."""
    depth, end = _measure(physical[number], 0)
    stop = number + 1
    while patient and depth > 0 and stop < len(physical) and not STATEMENT_WORD.match(physical[stop]):
        depth, end = _measure(physical[stop], depth)
        stop += 1
    return stop, depth, end


def _resume(physical: list[str], number: int, stop: int) -> int:
    """The first line in (number, stop] that looks like a new statement, after an unclosed bracket."""
    indent = len(physical[number]) - len(physical[number].lstrip())
    for candidate in range(number + 1, stop):
        assignment = ASSIGNMENT.match(physical[candidate])
        if assignment and len(assignment[1]) <= indent:
            return candidate
    return stop
