"""What of jax's configuration programs depend on, read when it is needed."""

from __future__ import annotations

import jax
import numpy as np


def x64_enabled() -> bool:
    """Whether f64 and c128 exist, in this thread."""
    return bool(jax.dtypes.canonicalize_dtype(np.float64) == np.float64)
