"""Anything a caller may call an array in, something with `.shape`, `.dtype` and `.ndim` out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from operator import attrgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.packing.exchange import exports, view, views


def as_array(value: Any) -> Any:
    """`value` as a NumPy array, `jax.Array` or tracer, without a copy where there can be none.

    Takes DLPack objects (torch tensors and the like) and nested lists of numbers too.  Raises
    `TypeError` for object arrays, text, masked arrays, and whatever else holds no numbers, `Deleted`
    for an array whose memory is gone.
    """
    if isinstance(value, jax.Array):
        if not isinstance(value.dtype, np.dtype):
            raise TypeError(f"an array of {value.dtype} holds no numbers that a matrix can")
        return there(value)
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("a masked array has no values where its mask is set; give it some with `.filled`")
    if isinstance(value, np.ndarray):
        return _numeric(value)
    if exports(type(value)):
        return _numeric(view(value))
    if hasattr(value, "__jax_array__"):
        return jnp.asarray(value)
    try:
        array = np.asarray(value)
    except ValueError:
        raise TypeError("a nested list whose rows differ in length is not a matrix") from None
    if array.ndim == 0 and array.dtype.hasobject and isinstance(value, int):
        raise TypeError("the number does not fit in 64 bits")
    if array.ndim == 0 and array.dtype.hasobject:
        raise TypeError(f"a value of type `{type(value).__name__}` holds no numbers")
    return _numeric(array)


_ARRAY: type = type(np.empty(0))


def as_arrays(values: Iterable[Any]) -> list[Any]:
    """`as_array` of each: no Python is run a value where all are of NumPy, of JAX or of torch.

    Raises `NotAnArray` for the first value that is none.
    """
    arrays = list(values)
    kinds = set(map(type, arrays))
    if len(kinds) == 1 and exports(*kinds) and not _known(*kinds):
        arrays = views(arrays) or arrays
        kinds = set(map(type, arrays))
    if all(map(_known, kinds)) and all(map(_of_numbers, dtypes(arrays))):
        return arrays
    for place, value in enumerate(arrays):
        try:
            arrays[place] = as_array(value)
        except TypeError as error:
            raise NotAnArray(place, str(error)) from error
    return arrays


def deleted(array: jax.Array) -> bool:
    """Whether the memory of `array` has been given away."""
    return not isinstance(array, jax.core.Tracer) and array.is_deleted()


def there(value: Any) -> Any:
    """`value`.  Raises `Deleted` for a `jax.Array` whose memory has been given away."""
    if isinstance(value, jax.Array) and deleted(value):
        raise Deleted
    return value


class Deleted(TypeError):
    """A `jax.Array` whose memory has been given away."""

    def __init__(self) -> None:
        super().__init__("the array has been deleted, or donated to an earlier call")


class NotAnArray(TypeError):
    """Member number `place` of a list cannot be read, for the reason `said`."""

    def __init__(self, place: int, said: str) -> None:
        self.place, self.said = place, said
        super().__init__(f"member {place}: {said}")


@cache
def concrete_type(kind: type) -> bool:
    """Whether values of this type are `jax.Array`s and no tracers."""
    return issubclass(kind, jax.Array) and not issubclass(kind, jax.core.Tracer)


def _known(kind: type) -> bool:
    return kind is _ARRAY or concrete_type(kind)


def _get(arrays: Collection[Any], *names: str) -> Iterator[Any]:
    """Attributes of each; the shape and type of a `jax.Array` are those of its abstract value."""
    kinds = set(map(type, arrays))
    if kinds and all(map(concrete_type, kinds)):
        names = tuple(f"aval.{name}" for name in names)
    return map(attrgetter(*names), arrays)


def dtypes(arrays: Collection[Any]) -> set[Any]:
    """The element types of all."""
    return set(_get(arrays, "dtype"))


def shapes(arrays: Collection[Any]) -> list[tuple[int, ...]]:
    """The shape of each."""
    return list(_get(arrays, "shape"))


def types(arrays: Collection[Any]) -> set[tuple[Any, bool]]:
    """The element types of all, each with whether it is weak as JAX has it."""
    kinds = set(map(type, arrays))
    if kinds <= {_ARRAY}:
        return {(dtype, False) for dtype in dtypes(arrays)}
    if all(map(concrete_type, kinds)):
        return set(_get(arrays, "dtype", "weak_type"))
    return {(array.dtype, getattr(array, "weak_type", False)) for array in arrays}


def promoted(types: Collection[tuple[Any, bool]]) -> Any:
    """What `jnp.result_type` gives for arrays of these types, weak or not."""
    canonical = jax.dtypes.canonicalize_dtype
    like = [_WEAK.get(dtype.kind, dtype) if weak else canonical(dtype) for dtype, weak in types]
    return canonical(jnp.result_type(*like))


def _numeric(array: np.ndarray) -> np.ndarray:
    if not _of_numbers(array.dtype):
        raise TypeError(f"an array of {array.dtype} holds no numbers that a matrix can")
    return array


def _of_numbers(dtype: Any) -> bool:
    # Those of ml_dtypes, such as bfloat16, are of kind V.
    return isinstance(dtype, np.dtype) and (
        dtype.kind in _NUMBERS or (dtype.kind == "V" and jnp.issubdtype(dtype, jnp.number))
    )


_WEAK: dict[str, Any] = {"i": 0, "f": 0.0, "c": 0j}
"""A weak type is that of a number of Python."""

_NUMBERS = frozenset("biufc")
