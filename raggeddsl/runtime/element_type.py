"""What a caller names an element type by in, a NumPy dtype out."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.language.refuse import refuse


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
    found = np.dtype(jax.dtypes.canonicalize_dtype(asked))
    python = isinstance(asked, type) and asked in (int, float, complex)  # no number of bits is meant
    if found != np.dtype(asked) and not python:
        warnings.warn(
            f"Explicitly requested dtype {np.dtype(asked).name} requested in {function} is not available, "
            f"and will be truncated to dtype {found.name}. To enable more dtypes, set the jax_enable_x64 "
            "configuration option or the JAX_ENABLE_X64 shell environment variable.",
            stacklevel=3,
        )
    return found
