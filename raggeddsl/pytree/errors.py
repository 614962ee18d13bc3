"""An error about the spec made for some trees in, the same about the caller's text and leaves out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from raggeddsl.diagnostics.diagnostic import Diagnostic, Label
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.pytree.leaves import Group

NAME = "tree_map"
"""What errors in the text call it."""

_MEMBER = re.compile(r" for tree_i(\d+) = (\d+)")
_INPUT = re.compile(r"tree_x(\d+)_(\d+)(?:\[(?:(\d+)|tree_i\d+)\])?")
_OUTPUT = re.compile(r"tree_y(\d+)(?:\[(?:\d+|tree_i\d+)\])?")


def in_text(error: RmmError, text: str, prefix: int) -> RmmError:
    """`error` about a spec in which `text` begins at the offset `prefix`, as one about `text` alone."""
    source = Source(NAME, text)
    return RmmError([_moved(diagnostic, source, prefix) for diagnostic in error.diagnostics], source)


@dataclass(frozen=True)
class Leaves:
    """The leaves as errors call them: by the trees' names and by the path of each leaf in its tree."""

    names: Sequence[str]
    groups: Sequence[Group]
    paths: Sequence[str]

    def renamed(self, error: RmmError) -> RmmError:
        """`error` with the leaves for the inputs that were made of them."""
        return RmmError([self._renamed(diagnostic, error.source) for diagnostic in error.diagnostics])

    def _renamed(self, diagnostic: Diagnostic, spec: Source | None) -> Diagnostic:
        message, place = diagnostic.message, _MEMBER.search(diagnostic.message)
        source = diagnostic.source or spec
        if place is not None:
            group, member = int(place[1]), int(place[2])
            message = message.replace(place[0], self._where(group, member), 1) + self._shapes(group, member)
        elif diagnostic.span is not None and source is not None:
            output = _OUTPUT.search(source.line(source.position(diagnostic.span.start)[0]))
            if output is not None:
                group = int(output[1])
                others = self.groups[group].count - 1
                more = f" (and {others} more)" if others else ""
                message += self._where(group, 0) + more + self._shapes(group, 0)
        labels = (replace(label, message=self._said(label.message)) for label in diagnostic.labels)
        help = diagnostic.help and self._said(diagnostic.help)
        return replace(diagnostic, message=self._said(message), labels=tuple(labels), help=help)

    def _where(self, group: int, member: int) -> str:
        leaf_group = self.groups[group]
        path = self.paths[leaf_group.places[0 if leaf_group.whole else member]]
        leaf = f" the leaf `{path}`" if path else ""
        if leaf_group.whole:
            return f" for member {member}" + (f" of{leaf}" if leaf else "")
        return f" for{leaf}" if leaf else ""

    def _shapes(self, group: int, member: int) -> str:
        shown = []
        for name, argument in zip(self.names, self.groups[group].inputs, strict=True):
            shape = argument.layout.shape(0 if argument.shared else member)
            shown.append(f"`{name}` is {argument.dtype}[{','.join(map(str, shape))}]")
        return f": {', '.join(shown)}"

    def _said(self, said: str) -> str:
        """`said` without the names of the spec's inputs and outputs, which the caller never wrote."""

        def called(match: re.Match[str]) -> str:
            group, name = self.groups[int(match[1])], self.names[int(match[2])]
            if match[3] is None or group.inputs[int(match[2])].shared:
                return name
            if group.whole:
                return f"{name}{self.paths[group.places[0]]}[{match[3]}]"
            return name + self.paths[group.places[int(match[3])]]

        return _OUTPUT.sub("the result", _INPUT.sub(called, said))


def _moved(diagnostic: Diagnostic, source: Source, prefix: int) -> Diagnostic:
    """Spans outside of the caller's text are left out; the place of the first label inside stands in."""

    def moved(span: Span | None) -> Span | None:
        if span is None or not prefix <= span.start <= prefix + len(source.text):
            return None
        return Span(span.start - prefix, min(span.end - prefix, len(source.text)))

    labels = [
        Label(span, label.message)
        for label in diagnostic.labels
        if label.source is None and (span := moved(label.span)) is not None
    ]
    fixes = [replace(fix, span=span) for fix in diagnostic.fixes if (span := moved(fix.span)) is not None]
    span = moved(diagnostic.span) or (labels[0].span if labels else None)
    return replace(diagnostic, span=span, labels=tuple(labels), fixes=tuple(fixes), source=source)
