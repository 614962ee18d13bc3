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
    listed = list(diagnostics)
    match style:
        case "human":
            return _human(listed, source, color)
        case "short":
            return "\n".join(_short(diagnostic, diagnostic.source or source) for diagnostic in listed)
        case "json":
            return json.dumps([_json(diagnostic, source) for diagnostic in listed], indent=2)
        case "github":
            return "\n".join(_github(diagnostic, diagnostic.source or source) for diagnostic in listed)
        case _:
            assert_never(style)


# ---------------------------------------------------------------- human


def _human(diagnostics: Sequence[Diagnostic], source: Source | None, color: bool) -> str:
    parts = [frame(diagnostic, source, color) for diagnostic in diagnostics[:MAX_SHOWN]]
    if len(diagnostics) > MAX_SHOWN:
        parts.append(_rest(diagnostics[MAX_SHOWN:]))
    if len(diagnostics) > 1:
        parts.append(summary(diagnostics))
    return "\n\n".join(parts)


def _rest(hidden: Sequence[Diagnostic]) -> str:
    counts: dict[str, int] = {}
    for diagnostic in hidden:
        counts[diagnostic.code] = counts.get(diagnostic.code, 0) + 1
    codes = ", ".join(f"{count} of {code}" for code, count in sorted(counts.items()))
    return (
        f"... and {len(hidden)} more that are not shown: {codes}\n  (`--diagnostic-format short` shows all)"
    )


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """`2 errors, 1 warning`."""
    errors = sum(diagnostic.severity == "error" for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [_count(errors, "error")] if errors else []
    parts += [_count(warnings, "warning")] if warnings else []
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# ---------------------------------------------------------------- for machines


def _short(diagnostic: Diagnostic, source: Source | None) -> str:
    place = ""
    if source is not None and diagnostic.span is not None:
        line, column = source.position(diagnostic.span.start)
        place = f"{clean(source.name)}:{line}:{column}: "
    elif source is not None:
        place = f"{clean(source.name)}: "
    return f"{place}{diagnostic.severity}[{diagnostic.code}]: {clean(diagnostic.message)}"


def _range(span: Span, source: Source) -> dict[str, dict[str, int]]:
    """The span with lines from 0 and characters from 0 in UTF-16 units."""
    ends = {}
    for key, offset in (("start", span.start), ("end", span.end)):
        line, column = source.position(offset)
        before = source.text[offset - column + 1 : offset]
        ends[key] = {"line": line - 1, "character": len(before.encode("utf-16-le")) // 2}
    return ends


def _json(diagnostic: Diagnostic, spec: Source | None) -> dict[str, object]:
    source = diagnostic.source or spec
    whole: dict[str, object] = {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "file": None if source is None else source.name,
        "range": None if source is None or diagnostic.span is None else _range(diagnostic.span, source),
        "help": diagnostic.help,
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
        for label in diagnostic.labels
    ]
    whole["fixes"] = [
        {"range": _range(fix.span, source), "replacement": fix.replacement} for fix in diagnostic.fixes
    ]
    return whole


def _github(diagnostic: Diagnostic, source: Source | None) -> str:
    """A workflow command; escapes as in actions/toolkit, packages/core/src/command.ts."""
    properties = []
    if source is not None:
        properties.append(f"file={_escape(source.name, property=True)}")
    if source is not None and diagnostic.span is not None:
        line, column = source.position(diagnostic.span.start)
        properties.append(f"line={line},col={column}")
        end_line, end_column = source.position(diagnostic.span.end)
        if end_line == line and end_column > column:
            properties.append(f"endColumn={end_column}")
    properties.append(f"title={_escape(diagnostic.code, property=True)}")
    message = (
        diagnostic.message if diagnostic.help is None else f"{diagnostic.message}\nhelp: {diagnostic.help}"
    )
    return f"::{diagnostic.severity} {','.join(properties)}::{_escape(message)}"


def _escape(text: str, *, property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property else text
