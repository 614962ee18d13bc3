"""Packed data in, its members out, one by one: views on the host, slices on other devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any

import jax
import numpy as np

from raggeddsl.packing.arrays import concrete_type
from raggeddsl.packing.layout import Layout

_DEVICE_SLICES = 16
"""Reading more members than this from a device goes through the host: there, each shape is compiled."""

_shape = attrgetter("shape")

_batched_put: Callable[..., jax.Array] | None
try:  # what `jax.device_put` calls after a few microseconds of Python for each array
    from jax._src.lib import xla_client  # type: ignore[attr-defined]

    _batched_put = xla_client.batched_device_put
except (ImportError, AttributeError):
    _batched_put = None


def concrete(data: Any) -> bool:
    """Whether `data` is a `jax.Array` and no tracer."""
    kind: type = type(data)
    return concrete_type(kind)


def on_host(data: Any) -> bool:
    """Whether `data` is a `jax.Array` that NumPy can see without a copy: all of it on one CPU device."""
    if not concrete(data):
        return False
    devices = data.devices()
    return len(devices) == 1 and next(iter(devices)).platform == "cpu"


def beside(pieces: Sequence[np.ndarray], data: jax.Array) -> list[jax.Array]:
    """`pieces` as `jax.Array`s where `data` is, all of one element type; nothing is compiled.

    On a CPU one that begins at a multiple of 64 bytes shares the memory of `data`, which never
    changes, and keeps it alive; others are copied, as XLA wants its buffers aligned.
    """
    if _batched_put is None or not on_host(data):
        return jax.device_put(list(pieces), data.sharding if data.committed else None)
    put, sharding, committed = _batched_put, data.sharding, data.committed
    devices = list(data.devices())
    shapes = list(map(_shape, pieces))
    types = {shape: jax.core.ShapedArray(shape, data.dtype) for shape in set(shapes)}
    shards = map(list, zip(pieces, strict=True))
    each = map(types.__getitem__, shapes), repeat(sharding), shards, repeat(devices), repeat(committed)
    return list(map(put, *each))


def cut(data: Any, layout: Layout, member: int) -> Any:
    """One member of packed `data`; leading axes, as `vmap` leaves them, are kept."""
    start, size = int(layout.offsets[member]), int(layout.sizes[member])
    piece, shape = data[..., start : start + size], layout.shape(member)
    if layout.column_major:
        return piece.reshape(data.shape[:-1] + shape[::-1]).swapaxes(-1, -2)
    return piece.reshape(data.shape[:-1] + shape)


def cut_all(flat: np.ndarray, layout: Layout) -> list[np.ndarray]:
    """`cut` for every member, with no Python a member where `flat` is 1-D and members lie row-major."""
    if flat.ndim != 1 or layout.column_major:
        return [cut(flat, layout, member) for member in range(len(layout))]
    stops = (layout.offsets + layout.sizes).tolist()
    pieces = map(flat.__getitem__, map(slice, layout.offsets.tolist(), stops))
    return list(map(np.ndarray.reshape, pieces, layout.shape_list))


def unpacked(data: Any, layout: Layout, members: Sequence[int] | None = None) -> list[Any]:
    """The chosen members of packed `data` (None: all), each as an array of its own where `data` is."""
    chosen = range(len(layout)) if members is None else members
    if on_host(data) or (concrete(data) and len(chosen) > _DEVICE_SLICES):
        # A view of the host's copy: slicing by XLA would compile once for each distinct shape.
        flat = np.asarray(data)
        pieces = cut_all(flat, layout) if members is None else [cut(flat, layout, i) for i in chosen]
        return beside(pieces, data)
    return [cut(data, layout, i) for i in chosen]
