"""The element types of the language: JAX's short names, their sizes and how they promote.

Knows nothing of jax, so that `raggeddsl check` starts quickly; a test holds `promote` against
`jnp.promote_types`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

Kind = Literal["integer", "float", "complex"]


@dataclass(frozen=True, slots=True)
class DType:
    """One element type: `name` as in specs, `itemsize` in bytes, `eps` the spacing at 1."""

    name: str
    itemsize: int
    kind: Kind
    eps: float
    needs_x64: bool
    accumulate: str
    """The type that products of this one accumulate in unless a definition says otherwise."""

    @property
    def numpy(self) -> np.dtype:
        """The NumPy dtype (bf16 by ml_dtypes, which jax brings)."""
        return _numpy_dtype(self.name)


DTYPES: dict[str, DType] = {
    d.name: d
    for d in (
        DType("f32", 4, "float", 2.0**-23, False, "f32"),
        DType("f64", 8, "float", 2.0**-52, True, "f64"),
        DType("bf16", 2, "float", 2.0**-7, False, "f32"),
        DType("f16", 2, "float", 2.0**-10, False, "f32"),
        DType("c64", 8, "complex", 2.0**-23, False, "c64"),
        DType("c128", 16, "complex", 2.0**-52, True, "c128"),
        DType("i8", 1, "integer", 0.0, False, "i8"),
        DType("i32", 4, "integer", 0.0, False, "i32"),
    )
}

_NUMPY_NAMES = {
    "f32": "float32",
    "f64": "float64",
    "f16": "float16",
    "c64": "complex64",
    "c128": "complex128",
    "i8": "int8",
    "i32": "int32",
}
_FLOATS = {"f16": 0, "bf16": 0, "f32": 1, "f64": 2}


@cache
def _numpy_dtype(name: str) -> np.dtype:
    if name == "bf16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return np.dtype(_NUMPY_NAMES[name])


def smallest(dtype: str) -> float:
    """The smallest number of a float type that counts: backends may flush what is not normal to zero.

    f16, which is scaled and summed in f32, has all of its own.
    """
    match dtype:
        case "f16":
            return 2.0**-24
        case "f64" | "c128":
            return 2.0**-1022
        case _:
            return 2.0**-126


def kept_in(dtype: str, accum: str | None) -> str:
    """The type that sums of `dtype` are kept in until they are stored, where `accum` asks for one or not.

    Integers wrap wherever they are kept.
    """
    return dtype if DTYPES[dtype].kind == "integer" else accum or DTYPES[dtype].accumulate


def from_numpy(dtype: np.dtype | type | str) -> str | None:
    """The short name of a NumPy or JAX dtype, or None if the language has no such type."""
    return _short_name(np.dtype(dtype))


@cache
def _short_name(wanted: np.dtype) -> str | None:
    if wanted.name == "bfloat16":
        return "bf16"
    for short, long in _NUMPY_NAMES.items():
        if wanted == np.dtype(long):
            return short
    return None


def promote(a: str, b: str) -> str:
    """The type of an operation on `a` and `b`, equivalent to `jnp.promote_types`."""
    if a == b:
        return a
    kinds = {DTYPES[a].kind, DTYPES[b].kind}
    if kinds == {"integer"}:
        return "i32"
    if "integer" in kinds:
        return b if DTYPES[a].kind == "integer" else a
    if "complex" in kinds:
        return "c128" if {"c128", "f64"} & {a, b} else "c64"
    if _FLOATS[a] == _FLOATS[b]:
        return "f32"
    return a if _FLOATS[a] > _FLOATS[b] else b
