"""Whole numbers in, the different ones in ascending order and the place of each among them out."""

from __future__ import annotations

import numpy as np

SPARSE = 8
"""Numbers that spread over more than this many times their count are sorted, not counted."""


def distinct(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`np.unique(values, return_inverse=True)` of int64[N], in linear time where they lie close together."""
    if not len(values):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    least = int(values.min())
    span = int(values.max()) - least + 1
    if span > SPARSE * len(values):
        unique, places = np.unique(values, return_inverse=True)
        return unique, places
    past = values - least
    present = np.zeros(span, np.bool_)
    present[past] = True
    return np.flatnonzero(present) + least, (np.cumsum(present) - 1)[past]
