"""What a program takes or gives: names, element types and shapes, by the buffers that they lie in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from raggeddsl.diagnostics.source import Span
from raggeddsl.dtypes import DTYPES
from raggeddsl.packing.layout import Layout, some_shapes

CUT = 16
"""Up to so many single matrices of one buffer are cut inside the program, so that no call waits for them."""


@dataclass(frozen=True, eq=False)
class Group:
    """What lies in one buffer: a family under one name, or a single matrix (or scalar) a name."""

    names: tuple[str, ...]
    family: bool
    layout: Layout
    short: str
    """The element type as specs write it."""
    span: Span | None = None

    @property
    def stays_packed(self) -> bool:
        """Whether a program returns the buffer as it is, not cut into arrays."""
        return self.family or len(self.names) > CUT

    @property
    def dtype(self) -> np.dtype:
        return DTYPES[self.short].numpy

    def called(self, member: int) -> str:
        """`A[3]` for a member of a family, else the single matrix's own name."""
        return f"{self.names[0]}[{member}]" if self.family else self.names[member]

    def written(self, member: int) -> str:
        """`f32[128, 64]`, the type that a member must have."""
        return f"{self.short}{list(self.layout.shape(member))}"


@dataclass(frozen=True, eq=False)
class Value:
    """One input or output of a program.

    `dtype` is the NumPy dtype, `shapes` int64[N, 2] (read-only; 1, 1 for scalars), `family` says
    whether it is a family, which is given and returned as a `Ragged`, or one array.
    """

    name: str
    dtype: np.dtype
    shapes: np.ndarray
    family: bool
    scalar: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a single matrix, `()` for a scalar; raises `AttributeError` for a family."""
        if self.family:
            raise AttributeError(f"the members of `{self.name}` have shapes of their own: see .shapes")
        return () if self.scalar else tuple(self.shapes[0].tolist())

    def __len__(self) -> int:
        return len(self.shapes)

    def __repr__(self) -> str:
        if not self.family:
            return f"{self.name}: {self.dtype}{list(self.shape)}"
        return f"{self.name}[{len(self)}]: {self.dtype} {some_shapes(self.shapes, self.scalar)}"


class Signature(Mapping[str, Value]):
    """Name → `Value`, in the spec's order; values are made when they are asked for."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = tuple(groups)

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        return {name: (g, k) for g, group in enumerate(self.groups) for k, name in enumerate(group.names)}

    @cached_property
    def families(self) -> tuple[tuple[str, Layout, np.dtype, tuple[int]], ...] | None:
        """Name, layout, dtype and buffer shape of each group, or None if some are no families."""
        if not all(group.family for group in self.groups):
            return None
        return tuple((g.names[0], g.layout, g.dtype, (g.layout.size,)) for g in self.groups)

    def __getitem__(self, name: str) -> Value:
        number, member = self._places[name]
        group = self.groups[number]
        chosen = slice(None) if group.family else slice(member, member + 1)
        return Value(name, group.dtype, group.layout.shapes[chosen], group.family, group.layout.scalar)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __repr__(self) -> str:
        names = list(self)
        shown = [repr(self[name]) for name in names[:8]]
        if len(names) > len(shown):
            shown.append(f"… and {len(names) - len(shown)} more")
        return "{" + ", ".join(shown) + "}"
