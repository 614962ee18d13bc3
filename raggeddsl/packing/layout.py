"""Shapes of N members in, one interned `Layout` out: offsets in a packed buffer, compared in O(1)."""

from __future__ import annotations

from functools import cached_property
from hashlib import blake2b
from itertools import chain
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from raggeddsl.extent import check_elements, pairs

_PIECE = 4096
"""Elements of a member that are summed one after another: more, and rounding errors would show."""

_interned: WeakValueDictionary[bytes, Layout] = WeakValueDictionary()


class Layout:
    """How N members lie end to end in one 1-D array; get one by `Layout.of`.

    `rows`, `cols`, `sizes`, `offsets` are read-only int64[N] columns in elements; `size` is the
    sum of the sizes.  Members lie row-major, or all of them `column_major`: the transposes of a
    row-major family, where they are.  With `scalar`, members have shape `()` (rows = cols = 1).
    Layouts are interned by a digest of their columns that is computed once, so two equal layouts
    are one object, and a jit cache look-up costs the same for ten members and for a million.
    """

    def __init__(
        self, rows: np.ndarray, cols: np.ndarray, scalar: bool, column_major: bool, digest: bytes
    ) -> None:
        self.rows, self.cols, self.scalar, self.column_major = rows, cols, scalar, column_major
        check_elements(rows, cols)
        self.sizes = rows * cols
        ends = np.cumsum(self.sizes)
        self.offsets = ends - self.sizes
        self.size = int(ends[-1]) if len(ends) else 0
        self._digest = digest
        self._hash = int.from_bytes(digest[:8], "little", signed=True)
        for column in (rows, cols, self.sizes, self.offsets):
            column.flags.writeable = False

    @staticmethod
    def of(rows: np.ndarray, cols: np.ndarray, scalar: bool = False, column_major: bool = False) -> Layout:
        """The one layout of members `[rows[i], cols[i]]` (`[]` each, if `scalar`).

        Where every member is a row, a column or empty, the two orders are one: row-major.  Raises
        `ValueError` for negative sizes, and for more than 2**62 elements, of which no offset wraps.
        """
        rows = np.array(rows, dtype=np.int64)
        cols = np.array(cols, dtype=np.int64)
        assert rows.ndim == 1 and rows.shape == cols.shape, "one row count and one column count a member"
        column_major = column_major and bool((np.minimum(rows, cols) > 1).any())
        form = b"scalar" if scalar else b"columns" if column_major else b"matrix"
        digest = blake2b(rows.tobytes(), digest_size=32, salt=form)
        digest.update(cols.tobytes())
        key = digest.digest()
        layout = _interned.get(key)
        if layout is not None:
            return layout
        return _interned.setdefault(key, Layout(rows, cols, scalar, column_major, key))

    @staticmethod
    def of_shapes(shapes: Any) -> Layout:
        """The layout of an `(N, 2)` array or a sequence of `(rows, cols)` pairs; of `()`s: scalars.

        Raises `ValueError` for anything else, for sizes that are negative or not whole, and for more
        elements than 2**62; it names the member and its shape.
        """
        as_pairs = _pairs(shapes) if isinstance(shapes, list) else shapes
        if _of_scalars(as_pairs):
            ones = np.ones(len(as_pairs), np.int64)
            return Layout.of(ones, ones, scalar=True)
        return Layout.of(*pairs(as_pairs))

    @cached_property
    def shapes(self) -> np.ndarray:
        """int64[N, 2], read-only: rows and columns of each member (1, 1 for scalars)."""
        shapes = np.stack([self.rows, self.cols], axis=1)
        shapes.flags.writeable = False
        return shapes

    @cached_property
    def shape_list(self) -> list[tuple[int, ...]]:
        """The shape of every member, as tuples of plain numbers."""
        if self.scalar:
            return [()] * len(self)
        return list(zip(self.rows.tolist(), self.cols.tolist(), strict=True))

    def shape(self, member: int) -> tuple[int, ...]:
        """The shape of one member: `(rows, cols)`, or `()` in a scalar layout."""
        return () if self.scalar else (int(self.rows[member]), int(self.cols[member]))

    def take(self, members: np.ndarray | slice) -> Layout:
        """The layout of the chosen members packed anew."""
        return Layout.of(self.rows[members], self.cols[members], self.scalar, self.column_major)

    @cached_property
    def transposed(self) -> Layout:
        """The layout in which the same elements are the members' transposes."""
        return Layout.of(self.cols, self.rows, self.scalar, not self.column_major)

    @cached_property
    def row_major(self) -> Layout:
        """The layout of members of the same shapes that lie row-major."""
        return Layout.of(self.rows, self.cols, self.scalar)

    @cached_property
    def pieces(self) -> tuple[np.ndarray, np.ndarray]:
        """Every member cut into runs of at most 4,096 elements: their sizes and their members, int64[M].

        A member without elements has one run of none, so that each member has at least one.
        """
        counts = np.maximum(-(-self.sizes // _PIECE), 1)
        owners = np.repeat(np.arange(len(self)), counts)
        starts = (np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)) * _PIECE
        return np.minimum(self.sizes[owners] - starts, _PIECE), owners

    def elements(self, members: np.ndarray) -> np.ndarray:
        """int64: where every element of the chosen members lies, member after member."""
        sizes = self.sizes[members]
        starts = np.repeat(self.offsets[members] - (np.cumsum(sizes) - sizes), sizes)
        return starts + np.arange(len(starts))

    def __len__(self) -> int:
        return len(self.rows)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Layout) and self._digest == other._digest

    def __reduce__(self) -> tuple[Any, ...]:
        return Layout.of, (self.rows, self.cols, self.scalar, self.column_major)

    def __repr__(self) -> str:
        return "Layout" + some_shapes(self.shapes, self.scalar, ", column-major" * self.column_major)


def some_shapes(shapes: np.ndarray, scalar: bool, order: str = "") -> str:
    """`(9 members: (2, 3), (4, 5), (1, 1), …, (3, 3))` of int64[N, 2], the `order` after the number."""
    count = len(shapes)
    members = f"{count} member{'s' * (count != 1)}{order}"
    some = [*range(min(3, count)), *range(max(3, count - 1), count)]
    shown = ["()" if scalar else str(tuple(shapes[member].tolist())) for member in some]
    if count > 4:
        shown.insert(3, "…")
    return f"({members}: {', '.join(shown)})" if shown else f"({members})"


def _of_scalars(shapes: Any) -> bool:
    """Whether there are members, and the shape of each is `()`."""
    if isinstance(shapes, np.ndarray):
        return shapes.ndim == 2 and len(shapes) > 0 and shapes.shape[1] == 0
    if not isinstance(shapes, list | tuple):
        return False
    return len(shapes) > 0 and all(isinstance(shape, tuple | list) and not shape for shape in shapes)


def _pairs(shapes: list[Any]) -> Any:
    """Pairs of plain numbers as a table, three times as fast as NumPy makes one; others as they are."""
    if set(map(type, shapes)) != {tuple} or set(map(len, shapes)) != {2}:
        return shapes
    numbers = list(chain.from_iterable(shapes))
    return np.array(numbers).reshape(-1, 2) if set(map(type, numbers)) == {int} else shapes
