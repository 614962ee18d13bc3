"""A spec in the making: its indexes, sizes and maps, what is defined, and what is left of its budget."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from raggeddsl.dtypes import DTYPES
from tests.real_size.sizes import LARGEST, column, members, owners, single
from tests.real_size.spec import Dim, Index, Line, Map, Spec
from tests.real_size.values import Axis, Value

_PALETTES = (
    (0.38, ("f32",)),
    (0.15, ("f64",)),
    (0.08, ("bf16",)),
    (0.04, ("bf16", "f32")),
    (0.07, ("f16",)),
    (0.03, ("f16", "f32")),
    (0.07, ("c64",)),
    (0.03, ("c128",)),
    (0.03, ("c64", "f32")),
    (0.04, ("i32",)),
    (0.03, ("i8",)),
    (0.02, ("i8", "f32")),
    (0.03, ("f32", "f64")),
)
_INDEXES, _MAPS = "gite", "lrop"


@dataclass
class Growing:
    """What a spec is grown from; every number comes from `rng`."""

    rng: np.random.Generator
    palette: tuple[str, ...] = ("f32",)
    flop: float = 1e9
    elements: float = 4e6
    indexes: dict[str, Index] = field(default_factory=dict)
    axes: list[Axis] = field(default_factory=list)
    dims: list[Dim] = field(default_factory=list)
    maps: list[Map] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    pool: list[Value] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    features: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Draw types, budgets, indexes, sizes and maps."""
        weights = np.array([share for share, _ in _PALETTES])
        self.palette = _PALETTES[int(self.rng.choice(len(_PALETTES), p=weights / weights.sum()))][1]
        whole = any(DTYPES[dtype].kind == "integer" for dtype in self.palette)
        widest = max(DTYPES[dtype].itemsize for dtype in self.palette)
        self.flop = float(np.exp(self.rng.uniform(np.log(2e7), np.log(2e8 if whole else 2e9))))
        self.elements = float(np.exp(self.rng.uniform(np.log(2e6), np.log(4e7 / widest))))
        for name in _INDEXES[: int(self.rng.integers(1, 4))]:
            self.index(name)
        if self.maybe(0.12):
            self.index("k", named=True)
        for _ in range(int(self.rng.integers(2, 5))):
            self.dim(None, np.array([single(self.rng)]))

    def index(self, name: str, named: bool = False) -> None:
        count = members(self.rng, 60 if named else 5000)
        others = [index for index in self.indexes.values() if index.members and not index.named]
        if others and self.maybe(0.3) and not named:
            count = self.pick([index.members for index in others])
        self.indexes[name] = Index(name, count, named)
        if named:
            self.features.add("named one by one")
        # A square matrix of this size for each member is a quarter of what all may take.
        most = int(np.clip(np.sqrt(self.elements / 4 / max(count, 1)), 1, LARGEST))
        for _ in range(int(self.rng.integers(2, 5))):
            self.dim(name, column(self.rng, count, most))
        for other in others:
            for _ in range(int(self.rng.integers(0, 3))):
                self.map(name, other)
        if self.maybe(0.15) and count and not named:
            self.map(name, self.indexes[name])

    def dim(self, index: str | None, sizes: np.ndarray) -> None:
        name = self.name("n" if index is None else "m")
        self.dims.append(Dim(name, index, sizes))
        self.axes.append(Axis(name if index is None else f"{name}[{index}]", index, sizes))

    def map(self, index: str, into: Index) -> None:
        name = self.name(self.pick(_MAPS))
        count = self.indexes[index].members
        self.maps.append(Map(name, index, into.name, owners(self.rng, count, into.members)))

    def spec(self) -> Spec:
        """What has been grown, its definitions in any order that has each name before its uses."""
        return Spec(
            tuple(self.indexes.values()),
            tuple(self.dims),
            tuple(self.maps),
            tuple(self._shuffled()),
            frozenset(self.features),
        )

    def _shuffled(self) -> list[Line]:
        names = {line.name for line in self.lines}
        waiting, placed, order = list(self.lines), set(), []
        while waiting:
            ready = [line for line in waiting if not (line.words & names) - placed - {line.name}]
            line = ready[int(self.rng.integers(len(ready)))]
            waiting.remove(line)
            placed.add(line.name)
            order.append(line)
        return order

    # ------------------------------------------------------------ drawing

    def pick(self, choices: Any) -> Any:
        return choices[int(self.rng.integers(len(choices)))]

    def maybe(self, chance: float) -> bool:
        return bool(self.rng.random() < chance)

    def name(self, base: str) -> str:
        self.names[base] += 1
        return f"{base}{self.names[base]}"

    # ------------------------------------------------------------ contexts: an index, or None for one matrix

    def count(self, over: str | None) -> int:
        return 1 if over is None else self.indexes[over].members

    def mapped(self, over: str | None) -> list[Map]:
        """The maps that lead from `over` elsewhere."""
        return [m for m in self.maps if m.index == over]

    def axes_over(self, over: str | None) -> list[Axis]:
        """Every size that may be written over `over`."""
        found = [axis for axis in self.axes if axis.index in (None, over)]
        found += [axis.lifted(m) for m in self.mapped(over) for axis in self.axes if axis.index == m.into]
        return found

    def afford(self, over: str | None, *sizes: Axis) -> bool:
        """Spend the FLOP of a product of two sizes' matrices over a third, if they are there."""
        count = self.count(over)
        cost = 2.0 * float(np.prod([size.over(count).astype(float) for size in sizes], axis=0).sum())
        if cost > self.flop:
            return False
        self.flop -= cost
        return True

    def room(self, over: str | None, rows: Axis, cols: Axis) -> bool:
        """Spend the elements of a matrix for each member, if they are there."""
        count = self.count(over)
        size = float((rows.over(count).astype(float) * cols.over(count)).sum())
        if size > self.elements:
            return False
        self.elements -= size
        return True

    # ------------------------------------------------------------ inputs and leaves

    def fresh(self, over: str | None, rows: Axis, cols: Axis, *, scalar: bool = False) -> Value:
        """A new input of `rows` by `cols` over `over`: one each, one for all, or another index's."""
        lifted = None
        if over is not None and rows.index is None and cols.index is None and self.maybe(0.5):
            over = None
            self.features.add("shared")
        elif over is not None and self.maybe(0.5):
            lifted = self._common(rows, cols)
        if lifted is not None:
            rows, cols = (axis.base or axis for axis in (rows, cols))
            over = lifted.into
        name = self.name("s" if scalar else "A")
        dtype = self.pick(self.palette)
        place = "" if over is None else f"[{over}]"
        sizes = "" if scalar else f"{rows.text}, {cols.text}"
        self.lines.append(Line(name, f"input {name}{place} : {dtype}[{sizes}]", over))
        self.room(over, rows, cols)
        log = 0.7 + np.log10(1.0 + _largest(rows)) if DTYPES[dtype].kind == "integer" else 0.3
        value = Value(name + place, over, rows, cols, dtype, log, scalar)
        self.pool.append(value)
        return value if lifted is None else value.lifted(lifted)

    def _common(self, rows: Axis, cols: Axis) -> Map | None:
        """The map that both sizes come through, if one of them does and neither is the member's own."""
        through = {id(axis.through): axis.through for axis in (rows, cols) if axis.index is not None}
        return next(iter(through.values())) if len(through) == 1 else None

    def visible(self, over: str | None) -> list[Value]:
        """All that may be named over `over`: its own, what is single, other families' through maps."""
        found = [value for value in self.pool if value.index in (None, over)]
        for m in self.mapped(over):
            found += [value.lifted(m) for value in self.pool if value.index == m.into]
        return found

    def constants(self) -> list[Value]:
        """Single members of families, as `A[3]`."""
        found = []
        for value in self.pool:
            index = None if value.index is None else self.indexes[value.index]
            if index is None or index.named or not index.members or value.scalar:
                continue
            at = int(self.rng.integers(index.members))
            rows, cols = (self._constant(axis, at) for axis in (value.rows, value.cols))
            text = value.text.replace(f"[{value.index}]", f"[{at}]")
            found.append(replace(value, text=text, index=None, rows=rows, cols=cols))
        return found

    def _constant(self, axis: Axis, at: int) -> Axis:
        sizes = axis.sizes if axis.index is None else axis.sizes[at : at + 1]
        return Axis(str(sizes[0]), None, sizes)

    def fitting(self, over: str | None, rows: Axis, cols: Axis) -> list[tuple[Value, bool]]:
        """What is there and has these sizes as it is, or (True) transposed."""
        known = self.visible(over) + (self.constants() if self.maybe(0.1) else [])
        found = []
        for value in known:
            for transposed in (False, True):
                own = (value.cols, value.rows) if transposed else (value.rows, value.cols)
                if not value.scalar and self.same(over, own[0], rows) and self.same(over, own[1], cols):
                    found.append((value, transposed))
        return found

    def same(self, over: str | None, one: Axis, other: Axis) -> bool:
        """Whether two sizes are equal for each member; single ones are compared even for no members."""
        if one.index is None and other.index is None:
            return bool(one.sizes[0] == other.sizes[0])
        count = self.count(over)
        return one.text == other.text or (count > 0 and np.array_equal(one.over(count), other.over(count)))


def _largest(axis: Axis) -> int:
    return int(axis.sizes.max(initial=0))
