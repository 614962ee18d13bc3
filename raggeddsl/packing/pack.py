"""Members in, one 1-D array out: on the host in one pass, or traced when any member is a tracer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.native.copy_members import Packing
from raggeddsl.packing.arrays import Deleted, NotAnArray, concrete_type, deleted, dtypes, there

_ALIGNMENT = 64
"""Bytes; XLA's CPU client takes a host buffer as it is when it starts at such an address."""


def traced(values: Sequence[Any]) -> bool:
    """Whether any of `values` is a tracer."""
    return any(issubclass(kind, jax.core.Tracer) for kind in set(map(type, values)))


def fresh(size: int, dtype: np.dtype) -> np.ndarray:
    """An uninitialised `dtype[size]` whose address is a multiple of 64, so that jax need not copy it."""
    room = np.empty(size * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + size * dtype.itemsize].view(dtype)


def host(values: Sequence[Any]) -> list[np.ndarray]:
    """Each value as a NumPy array, without a copy where jax allows; device arrays travel together.

    Raises `NotAnArray` for a `jax.Array` that has been deleted.
    """
    if jax.default_backend() != "cpu":
        for value in values:
            if isinstance(value, jax.Array) and not deleted(value):
                value.copy_to_host_async()
    try:
        return list(map(np.asarray, values))
    except RuntimeError:
        return [np.asarray(_there(place, value)) for place, value in enumerate(values)]


def _there(place: int, value: Any) -> Any:
    """Member number `place`.  Raises `NotAnArray` if it has been deleted."""
    try:
        return there(value)
    except Deleted as error:
        raise NotAnArray(place, str(error)) from error


def _shown(members: list[Any], dtype: np.dtype) -> list[Any]:
    """`members`, or NumPy views of them: of `jax.Array`s which Python's buffer protocol does not show.

    Those are of a type that has no name there, as bf16, or on another device than the CPU.
    """
    if jax.default_backend() != "cpu":
        return list(host(members))
    if dtype.kind != "V" or _VIEW is None or not all(map(concrete_type, set(map(type, members)))):
        return members
    try:
        if set(map(type, map(_sharding, members))) != {jax.sharding.SingleDeviceSharding}:
            return members
        return list(map(_first, map(_VIEW, members)))
    except AttributeError:
        return members
    except RuntimeError:
        return host(members)  # which says which of them has been deleted


def _copied(members: Sequence[Any], buffer: np.ndarray) -> bool:
    """Whether the native library could copy `members`, all of the type of `buffer`."""
    arrays = _shown(list(members), buffer.dtype)
    packing = Packing(arrays, buffer)
    while not packing.run():
        place = packing.done
        if isinstance(arrays[place], np.ndarray):
            return False
        arrays[place] = np.asarray(_there(place, arrays[place]))  # it lies in pieces, or on another device
    return True


def pack(members: Sequence[Any], dtype: np.dtype, size: int) -> jax.Array:
    """`members` row-major, end to end, as `dtype[size]`; `size` is the sum of their sizes.

    Concrete members are copied into one fresh host buffer: no XLA operation is compiled or run,
    and NumPy memory of the caller is never aliased.  Traced ones are concatenated by XLA.  One
    `jax.Array` of `dtype` on the CPU is not copied: it never changes.  Raises `NotAnArray` for
    one that has been deleted.
    """
    if traced(members):
        pieces = [jnp.ravel(member).astype(dtype) for member in members]
        # Or XLA copies element by element, as part of whatever reads the result.
        return jax.lax.optimization_barrier(jnp.concatenate(pieces))
    if len(members) == 1 and isinstance(members[0], jax.Array) and members[0].dtype == dtype:
        single = _there(0, members[0])
        if all(device.platform == "cpu" for device in single.devices()):
            return jax.device_put(np.asarray(single).reshape(-1))
    buffer = fresh(size, dtype)
    if members and not (dtypes(members) == {dtype} and _copied(members, buffer)):
        np.concatenate([array.reshape(-1) for array in host(members)], out=buffer, casting="unsafe")
    return jax.device_put(buffer)


_first = itemgetter(0)
_sharding = attrgetter("_sharding")
_VIEW: Callable[[Any], tuple[np.ndarray, bool]] | None
try:  # what `numpy.asarray` calls, and where an array lies, without Python for each array
    from jax._src.array import ArrayImpl

    _VIEW = ArrayImpl._single_device_array_to_np_array_did_copy
except (ImportError, AttributeError):
    _VIEW = None
