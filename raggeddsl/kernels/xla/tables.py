"""Index columns in, int32 operands out: what a lowered program looks up at run time."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

LARGEST = 2**31 - 4096
"""No buffer may be longer: an index, or one a strip past the end of a buffer, must fit int32."""


@dataclass
class Tables:
    """Collects the arrays of a program; each is known by its number from then on."""

    arrays: list[np.ndarray] = field(default_factory=list)
    _numbers: dict[tuple[object, ...], int] = field(default_factory=dict)

    def add(self, array: np.ndarray) -> int:
        """Keep `array` (whole numbers as int32) and return its number; equal arrays have one number.

        Equal numbers let XLA see that two operands are one: both factors of `X[i] @ X[i].T`.
        """
        if array.dtype.kind != "f":
            fits = not array.size or (array.min() >= 0 and array.max() <= LARGEST)
            assert fits, "an index does not fit int32"
            array = array.astype(np.int32)
        array = np.ascontiguousarray(array)
        name = (array.dtype.str, array.shape, hashlib.blake2b(array.data, digest_size=16).digest())
        if name not in self._numbers:
            self._numbers[name] = len(self.arrays)
            self.arrays.append(array)
        return self._numbers[name]


def in_chunks(column: np.ndarray, chunks: int, fill: int = 0) -> np.ndarray:
    """`column[T, …]` as `[chunks, ceil(T / chunks), …]`, the last places filled with `fill`."""
    each = -(-len(column) // chunks)
    missing = each * chunks - len(column)
    if missing:
        column = np.concatenate([column, np.full((missing, *column.shape[1:]), fill, column.dtype)])
    return column.reshape(chunks, each, *column.shape[1:])
