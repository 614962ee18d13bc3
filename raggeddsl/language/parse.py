"""The text of a spec in, `ast.Program` out, with every syntax error of the text in one run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from raggeddsl.diagnostics.diagnostic import Fix
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.language import ast
from raggeddsl.language.lines import logical_lines

EDITION = 1
MAX_SYNTAX_ERRORS = 100
LARGEST_SOURCE = 64 * 1024**2
LONE_RETURN = re.compile(r"\r(?!\n)")


def parse(
    text: str, *, name: str = "<text>", diagnostics: Diagnostics | None = None, like_lines: bool = True
) -> ast.Program:
    """The syntax tree of `text`, which diagnostics call `name`.

    With `diagnostics`, errors are recorded there and the statements that did parse come back;
    without, one `RmmError` with all of them is raised.  `like_lines` merges lines of one form (see
    `ast.LineGroup`), which says the same and is faster: `statements()` does not depend on it.
    """
    source = Source(name, normalised(text))
    errors = Diagnostics(source)
    if diagnostics is not None and diagnostics.source is None:
        diagnostics.source = source
    program = parse_source(source, errors, like_lines=like_lines)
    if diagnostics is None:
        errors.raise_if_failed()
    else:
        diagnostics.found.extend(errors.found)
    return program


def normalised(text: str) -> str:
    """`text` without a byte order mark, and with newlines for the lone returns of old systems."""
    text = text.removeprefix("\ufeff")
    return LONE_RETURN.sub("\n", text) if "\r" in text else text


def parse_source(source: Source, diagnostics: Diagnostics, *, like_lines: bool = True) -> ast.Program:
    """`parse` for a text that is a `Source` already."""
    if len(source.text) > LARGEST_SOURCE:
        mebibytes = LARGEST_SOURCE // 1024**2
        help = "declare families (`input A[i] : ...`) and keep their sizes in a table"
        diagnostics.error("RMM125", f"the spec has more than {mebibytes} MiB", Span(0, 0), help=help)
        return ast.Program((), source)
    lines = logical_lines(source)
    if not lines.starts:
        help = "the smallest spec is one line: `output Y = ...`, with an `input` for each name in it"
        diagnostics.error("RMM126", "the spec is empty", Span(0, 0), help=help)
        return ast.Program((), source)
    from raggeddsl.language.parse_line import parse_line

    items: list[ast.Statement | ast.LineGroup] = []
    alone: Sequence[int] = range(len(lines.starts))
    if like_lines and len(lines.starts) > 1:
        from raggeddsl.language.line_groups import merge

        items, alone = merge(source, lines)
    cut_short = -2  # no line is the other half of another yet
    unread: list[Span] = []
    for line in alone:
        problems = Diagnostics(source)
        place = Span(lines.starts[line], lines.ends[line])
        statement = parse_line(source, place, problems)
        if statement is not None:
            items.append(statement)
            continue
        unread.append(place)
        if line == cut_short + 1 and source.text[lines.starts[line]] in " \t":
            continue  # the other half of the line before, which has its error already
        if problems.found[0].code == "RMM110":
            cut_short = line
        diagnostics.found.extend(problems.found)
        if len(diagnostics.found) >= MAX_SYNTAX_ERRORS:
            here = Span(lines.starts[line], lines.starts[line])
            help = "mend those above first"
            diagnostics.error("RMM112", "too many syntax errors; the rest is not read", here, help=help)
            return ast.Program((), source)
    items.sort(key=_first)
    _check_edition(items, lines.ends[0], diagnostics)
    return ast.Program(tuple(items), source, tuple(unread))


def _first(item: ast.Statement | ast.LineGroup) -> int:
    return int(item.starts[0]) if isinstance(item, ast.LineGroup) else item.span.start


def _check_edition(
    items: list[ast.Statement | ast.LineGroup], first_end: int, diagnostics: Diagnostics
) -> None:
    """RMM111 for an edition that this version does not know, or that is not said first."""
    for item in items:
        if not isinstance(item, ast.Edition):
            continue
        if item.span.start >= first_end:
            help = "move it to the first line"
            diagnostics.error("RMM111", "`rmm` is not the first statement", item.span, help=help)
        elif item.number != EDITION:
            message = f"this version of raggeddsl knows edition {EDITION}, not {item.number}"
            help = f"write `rmm {EDITION}`, or install a newer raggeddsl"
            diagnostics.error(
                "RMM111", message, item.span, help=help, fixes=[Fix(item.span, f"rmm {EDITION}")]
            )
