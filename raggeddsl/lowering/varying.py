"""Buffers inside `jax.shard_map` in, the same buffers out, all said to vary over the same mesh axes.

JAX checks there which values may differ from device to device, and wants the operands of an
operation to agree.  Outside of `shard_map` nothing varies, and these do nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax


def varying_axes(aval: Any) -> frozenset[Any]:
    """The mesh axes over which a value of this type differs; the attribute's name changed in jax 0.10."""
    axes = getattr(aval, "vma", None)
    if axes is None:
        axes = getattr(getattr(aval, "mat", None), "varying", frozenset())
    return frozenset(axes or ())


def agreeing(buffers: Sequence[Any]) -> Sequence[Any]:
    """`buffers`, each varying over every axis that any of them varies over."""
    per_buffer = [varying_axes(jax.typeof(buffer)) for buffer in buffers]
    every = frozenset().union(*per_buffer)
    if not every:
        return buffers
    return [
        jax.lax.pcast(buffer, tuple(every - axes), to="varying") if axes != every else buffer
        for buffer, axes in zip(buffers, per_buffer, strict=True)
    ]


def result_type(avals: Sequence[Any], shape: tuple[int, ...], dtype: Any) -> Any:
    """The type of a result `dtype[shape]` of operands of the types `avals`, which agree."""
    for aval in avals:
        if varying_axes(aval):
            return aval.update(shape=shape, dtype=dtype, weak_type=False)
    return jax.core.ShapedArray(shape, dtype)
