"""The values of a program's outputs in, the dict of results that a caller gets out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raggeddsl.packing.signature import Signature
from raggeddsl.packing.unpack import unpacked
from raggeddsl.packing.values import APART, Value
from raggeddsl.ragged import Ragged


def named(values: Sequence[Value], signature: Signature) -> dict[str, Any]:
    """Name → `Ragged` for a family, `jax.Array` for a single matrix."""
    results: dict[str, Any] = {}
    for value, group in zip(values, signature.groups, strict=True):
        apart = isinstance(value, APART)
        if not group.family:
            members = value if apart else unpacked(value, group.layout)
            results.update(zip(group.names, members, strict=True))
        elif apart:
            results[group.names[0]] = Ragged.of_value(value, group.layout, group.dtype)
        else:
            results[group.names[0]] = Ragged(value, group.layout)
    return results
