"""Anything a caller may call an array in, something with `.shape`, `.dtype` and `.ndim` out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from operator import attrgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def as_array(value: Any) -> Any:
    """`value` as a NumPy array, `jax.Array` or tracer, without a copy where there can be none.

    Takes DLPack objects (torch tensors and the like) and nested lists of numbers too.  Raises
    `TypeError` for object arrays, text, and whatever else holds no numbers, `Deleted` for an array
    whose memory is gone.
    """
    if isinstance(value, jax.Array):
        if deleted(value):
            raise Deleted("it has been deleted, or donated to an earlier call")
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
    if array.ndim == 0 and array.dtype.hasobject:
        raise TypeError(f"a value of type `{type(value).__name__}` holds no numbers")
    return _numeric(array)


_dtype = attrgetter("dtype")
_shape = attrgetter("shape")
_ARRAY: type = type(np.empty(0))


def as_arrays(values: Iterable[Any]) -> list[Any]:
    """`as_array` of each, which costs next to nothing where all are arrays already.

    Raises `NotAnArray` for the first value that is none.
    """
    found = list(values)
    if set(map(type, found)) <= {_ARRAY} and {dtype.kind for dtype in dtypes(found)} <= _NUMBERS:
        return found
    for place, value in enumerate(found):
        if not isinstance(value, jax.Array) or deleted(value):
            try:
                found[place] = as_array(value)
            except TypeError as error:
                raise NotAnArray(place, str(error)) from error
    return found


def deleted(array: jax.Array) -> bool:
    """Whether the memory of `array` has been given away."""
    return not isinstance(array, jax.core.Tracer) and array.is_deleted()


class Deleted(TypeError):
    """A `jax.Array` whose memory has been given away."""


class NotAnArray(TypeError):
    """Value number `place` of a list holds no numbers, or not as a matrix does."""

    def __init__(self, place: int, said: str) -> None:
        self.place = place
        super().__init__(said)


def dtypes(arrays: Iterable[Any]) -> set[Any]:
    """The element types of all."""
    return set(map(_dtype, arrays))


def shapes(arrays: Iterable[Any]) -> list[tuple[int, ...]]:
    """The shape of each."""
    return list(map(_shape, arrays))


def types(arrays: Iterable[Any]) -> set[tuple[Any, bool]]:
    """The element types of all, each with whether it is weak as JAX has it."""
    found = list(arrays)
    if set(map(type, found)) <= {_ARRAY}:
        return {(dtype, False) for dtype in dtypes(found)}
    return {(array.dtype, getattr(array, "weak_type", False)) for array in found}


def promoted(types: Collection[tuple[Any, bool]]) -> Any:
    """What `jnp.result_type` gives for arrays of these types, weak or not."""
    own = jax.dtypes.canonicalize_dtype
    like = [_WEAK.get(dtype.kind, dtype) if weak else own(dtype) for dtype, weak in types]
    return own(jnp.result_type(*like))


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
    # Those of ml_dtypes, such as bfloat16, are of kind V too.
    kind = array.dtype.kind
    if (
        array.dtype.hasobject
        or kind in "SUMm"
        or (kind == "V" and not jnp.issubdtype(array.dtype, jnp.number))
    ):
        raise TypeError(f"an array of {array.dtype} holds no numbers that a matrix can")
    return array


_WEAK: dict[str, Any] = {"i": 0, "f": 0.0, "c": 0j}
"""A weak type is that of a number of Python."""

_NUMBERS = frozenset("biufc")
