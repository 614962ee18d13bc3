"""Small families of matrices for tests of `Ragged`, and their comparison with lists of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from raggeddsl.ragged import Ragged

SHAPES = [(3, 5), (4, 2), (1, 7), (0, 3), (6, 6), (1, 1)]


def arrays(shapes: Sequence[tuple[int, int]] = tuple(SHAPES), seed: int = 0, dtype: Any = "float32") -> list:
    """Normally distributed matrices; whole numbers for integers."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind in "iu":
        return [rng.integers(-4, 5, shape).astype(dtype) for shape in shapes]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def ragged(
    shapes: Sequence[tuple[int, int]] = tuple(SHAPES), seed: int = 0, dtype: Any = "float32"
) -> Ragged:
    return Ragged.from_list(arrays(shapes, seed, dtype))


def same(given: Iterable[Any], expected: Iterable[Any], rtol: float = 1e-5, atol: float = 1e-5) -> None:
    """Members have the same shapes, types and, nearly, values."""
    pairs = zip(list(given), list(expected), strict=True)
    for one, other in pairs:
        one, other = np.asarray(one), np.asarray(other)
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(one.astype("complex128"), other.astype("complex128"), rtol, atol)
