"""Index columns in, int32 operands out: what a lowered program looks up at run time."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

LARGEST = 2**31 - 4096
"""No buffer may be longer: an index, or one a strip past the end of a buffer, must fit int32."""


@dataclass
class Tables:
    """Collects the arrays of a program; each is known by its number from then on."""

    arrays: list[np.ndarray] = field(default_factory=list)

    def add(self, array: np.ndarray) -> int:
        """Keep `array` (whole numbers as int32) and return its number."""
        if array.dtype.kind == "f":
            self.arrays.append(np.ascontiguousarray(array))
            return len(self.arrays) - 1
        assert not array.size or (array.min() >= 0 and array.max() <= LARGEST), "an index does not fit int32"
        self.arrays.append(np.ascontiguousarray(array, np.int32))
        return len(self.arrays) - 1


def in_chunks(column: np.ndarray, chunks: int, fill: int = 0) -> np.ndarray:
    """`column[T, …]` as `[chunks, ceil(T / chunks), …]`, the last places filled with `fill`."""
    each = -(-len(column) // chunks)
    missing = each * chunks - len(column)
    if missing:
        column = np.concatenate([column, np.full((missing, *column.shape[1:]), fill, column.dtype)])
    return column.reshape(chunks, each, *column.shape[1:])
