"""The findings of a run: collected in `Diagnostics`, raised once as an `RmmError`.

They serve every error of the project, from a syntax error to a wrong array at call time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NoReturn

from raggeddsl.diagnostics.diagnostic import Diagnostic, Fix, Label
from raggeddsl.diagnostics.render import render
from raggeddsl.diagnostics.source import Source, Span


class RmmError(Exception):
    """Raised once a run, with every diagnostic found, sorted by position.

    `str(error)` is the human text form of all of them.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic], source: Source | None = None) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=lambda d: (d.start, d.code)))
        self.source = source
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
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


def refuse(code: str, message: str, help: str | None = None) -> NoReturn:
    """Raise `RmmError` with this one error, about what a caller gave, which has no place in a text."""
    raise RmmError([Diagnostic(code, "error", message, help=help)])
