"""Anything a caller may call an array in, something with `.shape`, `.dtype` and `.ndim` out."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def as_array(value: Any) -> Any:
    """`value` as a NumPy array, `jax.Array` or tracer, without a copy where there can be none.

    Takes DLPack objects (torch tensors and the like) and nested lists of numbers too.  Raises
    `TypeError` for object arrays, text, and whatever else holds no numbers.
    """
    if isinstance(value, jax.Array):
        return value
    if isinstance(value, np.ndarray):
        return _numeric(value)
    if hasattr(value, "__dlpack__"):
        return _from_dlpack(value)
    if hasattr(value, "__jax_array__"):
        return jnp.asarray(value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError("a nested list whose rows differ in length is not a matrix") from None
    return _numeric(array)


def _from_dlpack(value: Any) -> Any:
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError):
        pass
    try:
        return jnp.from_dlpack(value)
    except Exception as error:
        raise TypeError(f"cannot read this {type(value).__name__} through DLPack: {error}") from error


def _numeric(array: np.ndarray) -> np.ndarray:
    if array.dtype.hasobject or (array.dtype.kind in "SUMmV" and array.dtype.name not in _EXTENDED):
        raise TypeError(f"an array of {array.dtype} holds no numbers that a matrix can")
    return array


_EXTENDED = frozenset({"bfloat16", "int4", "uint4", "int2", "uint2"})
