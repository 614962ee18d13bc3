"""Packed data in, its members out, one by one: views on the host, slices on other devices."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from raggeddsl.runtime.layout import Layout


def concrete(data: Any) -> bool:
    """Whether `data` is a `jax.Array` and no tracer."""
    return isinstance(data, jax.Array) and not isinstance(data, jax.core.Tracer)


def on_host(data: Any) -> bool:
    """Whether `data` is a `jax.Array` that NumPy can see without a copy: all of it on one CPU device."""
    if not concrete(data):
        return False
    devices = data.devices()
    return len(devices) == 1 and next(iter(devices)).platform == "cpu"


def beside(pieces: list[np.ndarray], data: jax.Array) -> list[jax.Array]:
    """`pieces` as `jax.Array`s where `data` is; on CPU they may share its memory, which never changes.

    By `device_put`, since `jnp.asarray` compiles a program for each shape.
    """
    return jax.device_put(pieces, data.sharding if data.committed else None)


def cut(data: Any, layout: Layout, member: int) -> Any:
    """One member of packed `data`; leading axes, as `vmap` leaves them, are kept."""
    start, size = int(layout.offsets[member]), int(layout.sizes[member])
    piece, shape = data[..., start : start + size], layout.shape(member)
    if layout.column_major:
        return piece.reshape(data.shape[:-1] + shape[::-1]).swapaxes(-1, -2)
    return piece.reshape(data.shape[:-1] + shape)
