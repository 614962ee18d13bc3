"""Where text comes from and what is said about it: `Source`, `Span`, `Diagnostic`, `RmmError`.

These four serve every error of the project, from a syntax error to a wrong array at call time.
Nothing here imports lark, networkx or jax.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range `[start, end)` of character offsets into a `Source`'s text."""

    start: int
    end: int

    def to(self, other: Span) -> Span:
        """The smallest span that covers this one and `other`."""
        return Span(min(self.start, other.start), max(self.end, other.end))


@dataclass(frozen=True)
class Source:
    """A named text: a spec (`name` is its path or `<text>`) or a table that a spec reads."""

    name: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """The (line, column) of a character offset, both counted from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line ending."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Label:
    """A secondary remark at a place that helped to cause a diagnostic.

    `source` is None for the spec itself; a table has a `Source` of its own, whose span is the
    faulty cell, so that a table's fault names file, row and column.
    """

    span: Span
    message: str
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit that mends a diagnostic: replace `span` by `replacement`."""

    span: Span
    replacement: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `code` is stable (`RMM301`); `message` says what is wrong and names the thing; `span` is None
    only where there is no text (a wrong array at call time); `help` says how to mend it, and
    `fixes` is the same as data where an edit can be applied as it stands.  `source` is the text
    that `span` points into: None until the run that collected it knows, then the spec or a table.
    """

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    labels: tuple[Label, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()
    source: Source | None = None

    @property
    def start(self) -> int:
        return -1 if self.span is None else self.span.start


class RmmError(Exception):
    """Raised once a run, with every diagnostic found, sorted by position.

    `str(error)` is the human text form of all of them.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], source: Source | None = None) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda d: (d.start, d.code)))
        self.source = source
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        from raggeddsl.language.render import render

        return render(self.diagnostics, source=self.source, style="human", color=False)


@dataclass
class Diagnostics:
    """The findings of a run so far: a stage reports here and goes on."""

    source: Source | None = None
    found: list[Diagnostic] = field(default_factory=list)

    def error(
        self,
        code: str,
        message: str,
        span: Span | None = None,
        *,
        labels: Iterable[Label] = (),
        help: str | None = None,
        fixes: Iterable[Fix] = (),
        source: Source | None = None,
    ) -> None:
        """Record an error; the caller gives the failed thing an unknown type and goes on."""
        self.found.append(
            Diagnostic(code, "error", message, span, tuple(labels), help, tuple(fixes), source or self.source)
        )

    def warning(self, code: str, message: str, span: Span | None = None, *, help: str | None = None) -> None:
        """Record a warning: the spec is legal, but probably not what was meant."""
        self.found.append(Diagnostic(code, "warning", message, span, help=help, source=self.source))

    @property
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.found)

    def raise_if_failed(self) -> None:
        """Raise one `RmmError` with everything found, if anything found is an error."""
        if self.failed:
            raise RmmError(self.found, self.source)
