"""A scalar of Python, NumPy or JAX in, a plain number of Python out; knows nothing of jax."""

from __future__ import annotations

import operator
from typing import Any


def plain(value: Any) -> Any:
    """The number that a concrete scalar holds, or that an object is by its `__index__`; else `value` itself.

    Scalars are those of NumPy and of JAX, and arrays without axes.  A tracer is no number yet.
    """
    if isinstance(value, bool | int | float | complex | str):
        return value.item() if hasattr(value, "item") else value  # np.float64 is a float
    try:
        if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
            return value.item()
        return operator.index(value)
    except TypeError:
        return value
