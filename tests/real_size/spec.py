"""A random spec as data that renders to text, and that can be made smaller and still fit."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Index:
    """`members` of a family; where `named`, they are written one by one, as `A_0`, `A_1` …"""

    name: str
    members: int
    named: bool = False


@dataclass(frozen=True, eq=False)
class Dim:
    """Sizes i64[members] over an index, or one size where there is none."""

    name: str
    index: str | None
    sizes: np.ndarray


@dataclass(frozen=True, eq=False)
class Map:
    """Which member of `into` belongs to each of `index`."""

    name: str
    index: str
    into: str
    members: np.ndarray


@dataclass(frozen=True)
class Line:
    """An input, a function or a definition over `index`; its text names members as `A[index]`."""

    name: str
    text: str
    index: str | None = None
    output: bool = False
    """Shown to the caller; else `text` is computed on the way, or given."""

    @property
    def words(self) -> frozenset[str]:
        return frozenset(re.findall(r"[A-Za-z_]\w*", self.text))


@dataclass(frozen=True, eq=False)
class Spec:
    """What a random program is made of; `render` is its text."""

    indexes: tuple[Index, ...]
    dims: tuple[Dim, ...]
    maps: tuple[Map, ...]
    lines: tuple[Line, ...]
    features: frozenset[str] = frozenset()

    def render(self) -> str:
        """The text of the spec, without what nothing reads."""
        lines = self.used()
        words = frozenset().union(*(line.words for line in lines))
        maps = [m for m in self.maps if m.name in words]
        dims = [d for d in self.dims if d.name in words]
        over = words.union(*({m.index, m.into} for m in maps), (d.index for d in dims if d.index))
        written = [f"index {i.name} in {i.members}" for i in self.indexes if i.name in over and not i.named]
        named = {i.name for i in self.indexes if i.named}
        written += [_dim(dim) for dim in dims if dim.index not in named]
        written += [
            f"map {m.name}[{m.index}] in {m.into} = {_list(m.members)}" for m in maps if m.index not in named
        ]
        for line in lines:
            written += self._named(line) if line.index in named else [_shown(line)]
        return "\n".join(written) + "\n"

    def used(self) -> list[Line]:
        """The lines that an output needs, in order."""
        needed: set[str] = set()
        kept = []
        for line in reversed(self.lines):
            if line.output or line.name in needed:
                needed |= line.words
                kept.append(line)
        return kept[::-1]

    def _named(self, line: Line) -> list[str]:
        """The line once for each member of its named index."""
        index = next(index for index in self.indexes if index.name == line.index)
        columns = {dim.name: dim.sizes for dim in self.dims} | {m.name: m.members for m in self.maps}

        def text(member: int) -> str:
            def reference(found: re.Match) -> str:
                name = found[1]
                return str(columns[name][member]) if name in columns else f"{name}_{member}"

            def size(found: re.Match) -> str:
                name, of = found[1], int(found[2])
                return str(columns[name][of]) if name in columns else found[0]

            return re.sub(r"(\w+)\[(\d+)\]", size, re.sub(rf"(\w+)\[{line.index}\]", reference, _shown(line)))

        return [text(member) for member in range(index.members)]

    # ------------------------------------------------------------ other specs like it

    def in_dtype(self, dtype: str) -> Spec:
        """The same program with all its values of one type."""

        def changed(line: Line) -> Line:
            text = re.sub(r": (?:f32|f64|bf16|f16|c64|c128|i8|i32)\[", f": {dtype}[", line.text)
            return replace(line, text=re.sub(r", accum=\w+| with accum=\w+", "", text))

        return replace(self, lines=tuple(changed(line) for line in self.lines))

    def capped(self, most: int) -> Spec:
        """The same program with no size above `most`: what was equal stays equal."""
        return replace(self, dims=tuple(replace(d, sizes=np.minimum(d.sizes, most)) for d in self.dims))

    def restricted(self, name: str, keep: np.ndarray) -> Spec:
        """The program of those members of index `name` only, and of those that belong to them."""
        spec = self
        for place in range(len(self.maps)):
            m = spec.maps[place]
            if m.into == name and m.index != name and not keep[m.members].all():
                spec = spec.restricted(m.index, keep[m.members])
        number = np.maximum(np.cumsum(keep) - 1, 0)

        def fewer(m: Map) -> Map:
            members = m.members[keep] if m.index == name else m.members
            return replace(m, members=number[members] if m.into == name else members)

        return replace(
            spec,
            indexes=tuple(replace(i, members=int(keep.sum())) if i.name == name else i for i in spec.indexes),
            dims=tuple(replace(d, sizes=d.sizes[keep]) if d.index == name else d for d in spec.dims),
            maps=tuple(fewer(m) for m in spec.maps),
        )


def _shown(line: Line) -> str:
    return f"output {line.text}" if line.output else line.text


def _dim(dim: Dim) -> str:
    if dim.index is None:
        return f"dim {dim.name} = {dim.sizes[0]}"
    return f"dim {dim.name}[{dim.index}] = {_list(dim.sizes)}"


def _list(column: np.ndarray) -> str:
    return "[" + ", ".join(map(str, column.tolist())) + "]"
