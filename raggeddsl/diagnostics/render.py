"""Diagnostics in, text out: for people, for editors (`json`), for scripts (`short`), for `github`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Literal, assert_never

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.frame import clean, frame
from raggeddsl.diagnostics.source import Source, Span

Style = Literal["human", "short", "json", "github"]
MAX_SHOWN = 20
"""The human form shows this many in full; more would hide the first ones, which matter most."""


def render(
    diagnostics: Iterable[Diagnostic], *, source: Source | None, style: Style = "human", color: bool = False
) -> str:
    """`diagnostics` as text, without a newline at its end.

    `source` is what spans point into where a diagnostic does not say so itself.  `human` shows the
    lines with carets, `short` is `file:line:column: severity[code]: message`, `json` an array with
    ranges as the Language Server Protocol has them, `github` workflow commands.
    """
    found = list(diagnostics)
    match style:
        case "human":
            return _human(found, source, color)
        case "short":
            return "\n".join(_short(one, one.source or source) for one in found)
        case "json":
            return json.dumps([_json(one, source) for one in found], indent=2)
        case "github":
            return "\n".join(_github(one, one.source or source) for one in found)
        case _:
            assert_never(style)


# ---------------------------------------------------------------- human


def _human(found: Sequence[Diagnostic], source: Source | None, color: bool) -> str:
    parts = [frame(one, source, color) for one in found[:MAX_SHOWN]]
    if len(found) > MAX_SHOWN:
        parts.append(_rest(found[MAX_SHOWN:]))
    if len(found) > 1:
        parts.append(summary(found))
    return "\n\n".join(parts)


def _rest(found: Sequence[Diagnostic]) -> str:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.code] = counts.get(one.code, 0) + 1
    codes = ", ".join(f"{count} of {code}" for code, count in sorted(counts.items()))
    return f"... and {len(found)} more that are not shown: {codes}\n  (`--diagnostic-format short` shows all)"


def summary(found: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(one.severity == "error" for one in found)
    warnings = len(found) - errors
    parts = [_count(errors, "error")] if errors else []
    parts += [_count(warnings, "warning")] if warnings else []
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# ---------------------------------------------------------------- for machines


def _short(one: Diagnostic, source: Source | None) -> str:
    place = ""
    if source is not None and one.span is not None:
        line, column = source.position(one.span.start)
        place = f"{clean(source.name)}:{line}:{column}: "
    elif source is not None:
        place = f"{clean(source.name)}: "
    return f"{place}{one.severity}[{one.code}]: {clean(one.message)}"


def _range(span: Span, source: Source) -> dict[str, dict[str, int]]:
    """The span with lines from 0 and characters from 0 in UTF-16 units."""
    ends = {}
    for key, offset in (("start", span.start), ("end", span.end)):
        line, column = source.position(offset)
        before = source.text[offset - column + 1 : offset]
        ends[key] = {"line": line - 1, "character": len(before.encode("utf-16-le")) // 2}
    return ends


def _json(one: Diagnostic, spec: Source | None) -> dict[str, object]:
    source = one.source or spec
    whole: dict[str, object] = {
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        "file": None if source is None else source.name,
        "range": None if source is None or one.span is None else _range(one.span, source),
        "help": one.help,
        "labels": [],
        "fixes": [],
    }
    if source is None:
        return whole
    whole["labels"] = [
        {
            "message": label.message,
            "file": (label.source or spec or source).name,
            "range": _range(label.span, label.source or spec or source),
        }
        for label in one.labels
    ]
    whole["fixes"] = [
        {"range": _range(fix.span, source), "replacement": fix.replacement} for fix in one.fixes
    ]
    return whole


def _github(one: Diagnostic, source: Source | None) -> str:
    """A workflow command; escapes as in actions/toolkit, packages/core/src/command.ts."""
    properties = []
    if source is not None:
        properties.append(f"file={_escape(source.name, property=True)}")
    if source is not None and one.span is not None:
        line, column = source.position(one.span.start)
        properties.append(f"line={line},col={column}")
        end_line, end_column = source.position(one.span.end)
        if end_line == line and end_column > column:
            properties.append(f"endColumn={end_column}")
    properties.append(f"title={_escape(one.code, property=True)}")
    message = one.message if one.help is None else f"{one.message}\nhelp: {one.help}"
    return f"::{one.severity} {','.join(properties)}::{_escape(message)}"


def _escape(text: str, *, property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property else text
