"""Packed output buffers, or members one by one, in; the dict of results that a caller gets out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raggeddsl.lowering.signature import Group, Signature
from raggeddsl.ragged import Ragged

INSIDE = 16
"""Up to so many single matrices of one buffer are cut inside the program, so that no call waits for them."""


def cut(buffers: Sequence[Any], signature: Signature) -> tuple[Any, ...]:
    """Traceable: each buffer as a program returns it, few single matrices as arrays of their own."""
    return tuple(_cut(buffer, group) for buffer, group in zip(buffers, signature.groups, strict=True))


def _cut(buffer: Any, group: Group) -> Any:
    if group.family or len(group.names) > INSIDE:
        return buffer
    layout = group.layout
    starts = layout.offsets.tolist()
    sizes = layout.sizes.tolist()
    return tuple(
        buffer[start : start + size].reshape(layout.shape(member))
        for member, (start, size) in enumerate(zip(starts, sizes, strict=True))
    )


def deliver(values: Sequence[Any], signature: Signature) -> dict[str, Any]:
    """Name → `Ragged` for a family, `jax.Array` for a single matrix; `values` as `cut` returns them."""
    out: dict[str, Any] = {}
    for value, group in zip(values, signature.groups, strict=True):
        if group.family:
            out[group.names[0]] = Ragged(value, group.layout)
        elif isinstance(value, tuple):
            out.update(zip(group.names, value, strict=True))
        else:
            out.update(zip(group.names, Ragged(value, group.layout).to_list(), strict=True))
    return out


def deliver_members(values: Sequence[Sequence[Any]], signature: Signature) -> dict[str, Any]:
    """The same from members that are arrays of their own; a family is packed only if its `.data` is read."""
    out: dict[str, Any] = {}
    for members, group in zip(values, signature.groups, strict=True):
        if group.family:
            out[group.names[0]] = Ragged._of_members(members, group.layout, group.dtype)
        else:
            out.update(zip(group.names, members, strict=True))
    return out
