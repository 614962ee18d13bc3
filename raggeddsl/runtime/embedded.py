"""A lowered plan in, its tables as constants of the program that is being traced out."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from raggeddsl.kernels.base import LoweredPlan


def embedded(lowered: LoweredPlan) -> tuple[Any, ...]:
    """The tables, behind a barrier: XLA must not start to compute on them.

    XLA copies a constant element by element, the slower the more axes it has.  So it gets half as
    many elements of twice the size, on one axis, where the kernel takes them; `jax_enable_x64`,
    which would cut them off, is on meanwhile.
    """
    if not lowered.tables:
        return ()
    if not lowered.wide:
        return tuple(jax.lax.optimization_barrier(lowered.tables))
    with jax.enable_x64(True):
        return tuple(jax.lax.optimization_barrier([_words(table) for table in lowered.tables]))


def _words(table: np.ndarray) -> np.ndarray:
    """The bytes of a table as int64[words], or as int64[1, words] where they could be evenly spaced.

    Of a vector that is, XLA makes arithmetic, and then compiles a kernel for it.
    """
    words: np.ndarray = np.ascontiguousarray(table).reshape(-1).view(np.int64)
    return words if np.diff(words[:3], 2).any() else words.reshape(1, -1)
