"""Which single inputs get a buffer of their own: sizes in, positions out."""

from __future__ import annotations

import numpy as np

from raggeddsl.tuning import GraphTuning


def of_their_own(sizes: np.ndarray, itemsize: int, tuning: GraphTuning) -> np.ndarray:
    """Positions, ascending, of those of inputs of one dtype; `sizes` int64[N] are in elements, not bytes."""
    large = np.flatnonzero(sizes * itemsize >= tuning.own_buffer_bytes)
    largest = large[np.argsort(-sizes[large], kind="stable")[: tuning.most_own_buffers]]
    return np.sort(largest)
