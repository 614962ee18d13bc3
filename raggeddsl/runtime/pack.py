"""Members in, one 1-D array out: on the host in one pass, or traced when any member is a tracer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.kernels.native.members import copy_members
from raggeddsl.runtime.members import dtypes

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
    """Each value as a NumPy array, without a copy where jax allows; device arrays travel together."""
    if jax.default_backend() != "cpu":
        for value in values:
            if isinstance(value, jax.Array):
                value.copy_to_host_async()
    return list(map(np.asarray, values))


def _on_host(value: Any) -> bool:
    """Whether `value` is a `jax.Array` on the CPU alone, which NumPy sees without a copy."""
    return isinstance(value, jax.Array) and all(device.platform == "cpu" for device in value.devices())


def pack(members: Sequence[Any], dtype: np.dtype, size: int) -> jax.Array:
    """`members` row-major, end to end, as `dtype[size]`; `size` is the sum of their sizes.

    Concrete members are copied into one fresh host buffer: no XLA operation is compiled or run,
    and NumPy memory of the caller is never aliased.  Traced ones are concatenated by XLA.  One
    `jax.Array` of `dtype` on the CPU is not copied: it never changes.
    """
    if traced(members):
        pieces = [jnp.ravel(member).astype(dtype) for member in members]
        # Or XLA copies element by element, as part of whatever reads the result.
        return jax.lax.optimization_barrier(jnp.concatenate(pieces))
    if len(members) == 1 and _on_host(members[0]) and members[0].dtype == dtype:
        return jax.device_put(np.asarray(members[0]).reshape(-1))
    buffer = fresh(size, dtype)
    arrays = host(members)
    if arrays and not (dtypes(arrays) == {dtype} and copy_members(arrays, buffer)):
        np.concatenate([array.reshape(-1) for array in arrays], out=buffer, casting="unsafe")
    return jax.device_put(buffer)
