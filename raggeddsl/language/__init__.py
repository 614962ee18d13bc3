"""The language: text in, a syntax tree or diagnostics out; knows the grammar and nothing else.

What does the work is imported from its own module (`parse.parse`, `render.render`,
`format.format`, `codes.explanation`, `read.read_source`), so that a command loads only what it
needs.
"""

from raggeddsl.language.source import Diagnostic, Diagnostics, Fix, Label, RmmError, Source, Span

__all__ = ["Diagnostic", "Diagnostics", "Fix", "Label", "RmmError", "Source", "Span"]
