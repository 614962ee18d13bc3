"""One finding, and what goes with it: labels at other places, edits that mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from raggeddsl.diagnostics.source import Source, Span

Severity = Literal["error", "warning"]


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
