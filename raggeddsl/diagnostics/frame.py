"""One diagnostic in, its caret frame out: the faulty line, the lines that caused it, the help.

error[RMM301]: inner sizes differ
  --> model.rmm:14:8
   |
 6 | dim k[i] = [64, 64, 96, 32]
   |                     -- A[2] has 96 columns
14 | H[i] = A[i] @ B[i]
   |        ^^^^^^^^^^^ A[2] is f32[32,96]
   = help: ...
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.source import Source, Span

WIDTH = 100
"""Columns of a source line that are shown; a longer line is clipped around its marks."""
TAB = 4
CLIP = "..."
COLORS = {"error": "1;31", "warning": "1;33", "note": "1;34", "help": "1;36", "bold": "1"}


@dataclass(frozen=True)
class Mark:
    """A stretch of one line to underline, and what is said about it."""

    source: Source
    span: Span
    message: str
    primary: bool

    @property
    def line(self) -> int:
        return self.source.position(self.span.start)[0]


def paint(text: str, style: str, color: bool) -> str:
    return f"\x1b[{COLORS[style]}m{text}\x1b[0m" if color and text else text


def clean(text: str) -> str:
    """`text` with control characters made visible, so that a spec cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() or sign == "\n" else _visible(sign) for sign in text)


def _visible(sign: str) -> str:
    if sign.isspace():
        return " "
    return chr(0x2400 + ord(sign)) if ord(sign) < 32 else "\N{REPLACEMENT CHARACTER}"


def frame(diagnostic: Diagnostic, spec: Source | None, color: bool) -> str:
    """The human form of one diagnostic; `spec` is what places point into that name no source."""
    source = diagnostic.source or spec
    head = paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity, color)
    lines = [f"{head}{paint(f': {clean(diagnostic.message)}', 'bold', color)}"]
    marks = _marks(diagnostic, source, spec or source)
    width = max((len(str(mark.line)) for mark in marks), default=1)
    margin = " " * (width + 1)
    if source is not None:
        arrow = paint("-->", "note", color)
        if diagnostic.span is not None:
            line, column = source.position(diagnostic.span.start)
            lines.append(f"{' ' * width}{arrow} {clean(source.name)}:{line}:{column}")
        else:
            lines.append(f"{' ' * width}{arrow} {clean(source.name)}")
    previous: Source | None = source
    if marks:
        lines.append(f"{margin}{paint('|', 'note', color)}")
    for group in _by_line(marks, source):
        mark = group[0]
        if mark.source != previous:
            line, column = mark.source.position(mark.span.start)
            arrow = paint(":::", "note", color)
            lines.append(f"{' ' * width}{arrow} {clean(mark.source.name)}:{line}:{column}")
            lines.append(f"{margin}{paint('|', 'note', color)}")
        previous = mark.source
        lines += _excerpt(group, width, diagnostic.severity, color)
    if diagnostic.help is not None:
        gap = margin if marks else "  "
        text = clean(diagnostic.help).replace("\n", f"\n{gap}        ")
        lines.append(f"{gap}{paint('=', 'note', color)} {paint('help', 'help', color)}: {text}")
    return "\n".join(line.rstrip() for line in lines)


def _marks(diagnostic: Diagnostic, source: Source | None, spec: Source | None) -> list[Mark]:
    """What to underline; a label at the very place of the fault is said at its carets."""
    marks, said = [], ""
    for label in diagnostic.labels:
        place = label.source or spec
        if place is source and label.span == diagnostic.span:
            said = label.message
        elif place is not None and place.text:
            marks.append(Mark(place, label.span, label.message, False))
    if diagnostic.span is not None and source is not None and source.text:
        marks.append(Mark(source, diagnostic.span, said, True))
    return marks


def _by_line(marks: list[Mark], main: Source | None) -> list[list[Mark]]:
    """Marks grouped by the line they stand on: those in `main` first, lines ascending."""
    order = sorted(marks, key=lambda mark: (mark.source != main, mark.source.name, mark.span.start))
    groups: list[list[Mark]] = []
    for mark in order:
        if groups and groups[-1][0].source == mark.source and groups[-1][0].line == mark.line:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return groups


def _excerpt(marks: list[Mark], width: int, severity: str, color: bool) -> list[str]:
    """A source line and, below it, one line for each of its marks."""
    source, number = marks[0].source, marks[0].line
    text = source.line(number)
    begin = source.line_starts[number - 1]
    stretches = [
        (mark.span.start - begin, max(mark.span.start + 1, min(mark.span.end, begin + len(text))) - begin)
        for mark in marks
    ]
    first, last = _window(text, stretches)
    shown = (CLIP if first > 0 else "") + _spread(text[first:last]) + (CLIP if last < len(text) else "")
    bar = paint("|", "note", color)
    lines = [f"{paint(f'{number:>{width}}', 'note', color)} {bar} {shown}"]
    lead = len(CLIP) if first > 0 else 0
    for mark, (start, end) in zip(marks, stretches, strict=True):
        gap = " " * (lead + columns(text[first : max(first, min(start, last))]))
        count = max(1, columns(text[max(start, first) : min(end, last)]) if end <= len(text) else 1)
        line = ("^" if mark.primary else "-") * count
        message = clean(mark.message).replace("\n", " ")
        said = paint(f"{line} {message}".rstrip(), severity if mark.primary else "note", color)
        lines.append(f"{' ' * width} {bar} {gap}{said}")
    return lines


def _window(text: str, stretches: list[tuple[int, int]]) -> tuple[int, int]:
    """The part `[first, last)` of a line that is shown: all of it, or WIDTH around the marks."""
    if columns(text) <= WIDTH:
        return 0, len(text)
    start = min(start for start, _ in stretches)
    end = max(end for _, end in stretches)
    spare = max(0, WIDTH - (end - start)) // 2
    first = max(0, min(start - spare, len(text) - WIDTH))
    if start - 20 < 0:
        first = 0
    return first, min(len(text), first + WIDTH)


def _spread(text: str) -> str:
    """`text` as it is printed: tabs as blanks, control characters visible."""
    return "".join(" " * TAB if sign == "\t" else clean(sign) for sign in text)


def columns(text: str) -> int:
    """How many terminal columns `_spread(text)` takes: East Asian wide signs two, combining none."""
    if text.isascii() and "\t" not in text:
        return len(text)
    return sum(_columns(sign) for sign in text)


def _columns(sign: str) -> int:
    if sign == "\t":
        return TAB
    if unicodedata.combining(sign) or unicodedata.category(sign) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in {"W", "F"} else 1
