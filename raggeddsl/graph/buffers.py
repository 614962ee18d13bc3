"""Which single inputs get a buffer of their own: sizes in, positions out."""

from __future__ import annotations

import numpy as np

LARGE = 4 << 20
"""Bytes from which an input is worth an argument of its own: to pack it would copy it at each call."""

MOST = 16
"""How many inputs at most get one: every argument of a jitted call costs time."""


def of_their_own(sizes: np.ndarray, itemsize: int) -> np.ndarray:
    """Positions, ascending, of those of inputs of one dtype; `sizes` int64[N] are in elements, not bytes."""
    large = np.flatnonzero(sizes * itemsize >= LARGE)
    largest = large[np.argsort(-sizes[large], kind="stable")[:MOST]]
    return np.sort(largest)
