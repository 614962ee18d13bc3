"""Element types: what a caller names one by, and whether a given array may stand where one is declared."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES

_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "V": 2, "c": 3}
"""Kinds of number, each convertible to those after it; bf16 is of kind V."""


def named(dtype: Any) -> Any:
    """The dtype of one of the language's names, such as `bf16`; anything else as it is.

    The language's names come first, also where NumPy means another type by them: `i8` is int8 and
    `f16` is float16, each number counting bits.  Raises RMM709 for what names no type.
    """
    if isinstance(dtype, str) and dtype in DTYPES:
        return DTYPES[dtype].numpy
    try:
        np.dtype(dtype)
    except TypeError:
        known = ", ".join(f"`{name}`" for name in DTYPES)
        refuse("RMM709", f"{dtype!r} is no element type", f"give one of {known}, or what `np.dtype` takes")
    return dtype


def explicit(dtype: Any, function: str) -> np.dtype:
    """`named(dtype)` as jax has it: 64 bits become 32 without x64, with the warning of `jax.numpy`."""
    asked = named(dtype)
    canonical = np.dtype(jax.dtypes.canonicalize_dtype(asked))
    python = isinstance(asked, type) and asked in (int, float, complex)  # no number of bits is meant
    if canonical != np.dtype(asked) and not python:
        warnings.warn(
            f"Explicitly requested dtype {np.dtype(asked).name} requested in {function} is not available, "
            f"and will be truncated to dtype {canonical.name}. To enable more dtypes, set the jax_enable_x64 "
            "configuration option or the JAX_ENABLE_X64 shell environment variable.",
            stacklevel=3,
        )
    return canonical


def accepted(value: Any, array: Any, wanted: np.dtype) -> bool:
    """Whether `value` (as an array: `array`) may be given where `wanted` is declared.

    Its type must be `wanted` itself, or what `jnp.asarray` makes `wanted` of (f64 for f32 without
    x64).  Numbers of Python, nested lists of them and weakly typed `jax.Array`s have no type of
    their own and take any that can hold their kind: an int becomes a float, never the reverse.
    Any other scalar is taken where it would give way to `wanted`, as `np.int64(3)` to f32.
    Integers must be in the range of `wanted` wherever that can be seen.
    """
    dtype = np.dtype(array.dtype)
    if dtype == wanted:
        return True
    if jax.dtypes.canonicalize_dtype(dtype) == wanted:
        return wanted.kind != "i" or _in_range(array, wanted)
    if weak(value):
        gives_way = _RANK.get(dtype.kind, 9) <= _RANK.get(wanted.kind, -1)
    else:
        gives_way = array.ndim == 0 and jnp.promote_types(dtype, wanted) == wanted
    return gives_way and (wanted.kind != "i" or _in_range(array, wanted))


def weak(value: Any) -> bool:
    """Whether `value` is a Python number, a nested list of them, or weakly typed as JAX has it."""
    if isinstance(value, jax.Array):
        return bool(value.weak_type)
    return isinstance(value, int | float | complex | list | tuple) and not isinstance(value, np.generic)


def _in_range(array: Any, wanted: np.dtype) -> bool:
    if isinstance(array, jax.core.Tracer) or array.size == 0:
        return True
    limits = np.iinfo(wanted)
    return bool(limits.min <= np.min(array) and np.max(array) <= limits.max)
