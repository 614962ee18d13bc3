"""The value of a group of inputs: its elements packed, or its members one by one; each made of the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from raggeddsl.diagnostics.errors import refuse
from raggeddsl.packing.arrays import Deleted, NotAnArray, concrete_type, there
from raggeddsl.packing.pack import pack, traced
from raggeddsl.packing.signature import Group
from raggeddsl.packing.unpack import unpacked

STILL_THERE = "give an array that is still there: a result that was donated lives on in the newer one"

Value = Any
"""A 1-D array of all elements, or a list or tuple of members, each of its own shape."""

APART = (list, tuple)
"""What members one by one are in."""


def is_traced(values: Sequence[Value]) -> bool:
    """Whether there is a tracer in any of them."""
    return any(traced(value if isinstance(value, APART) else (value,)) for value in values)


def at_hand(values: Sequence[Value]) -> bool:
    """Whether all of them are buffers that can be run on as they are: packed, concrete and still there."""
    for value in values:
        kind: type = type(value)
        if not concrete_type(kind) or value.is_deleted():
            return False
    return True


def packed(value: Value, group: Group) -> Any:
    """`dtype[size]`: members are packed now, a buffer is taken as it is.

    Raises RMM706 where its memory, or that of a member, is gone.
    """
    try:
        if isinstance(value, APART):
            return pack(value, group.dtype, group.layout.size)
        return there(value)
    except Deleted as error:
        refuse("RMM706", f"input `{group.names[0]}` cannot be read: {error}", STILL_THERE)
    except NotAnArray as error:
        called = group.called(error.place)
        refuse("RMM706", f"input `{called}` cannot be read: {error.said}", STILL_THERE)


def members(value: Value, group: Group) -> list[jax.Array]:
    """The members as `jax.Array`s of their own; those that are NumPy's are copied, never aliased."""
    dtype = group.dtype
    if isinstance(value, APART) and all(isinstance(member, jax.Array) for member in value):
        return [member if member.dtype == dtype else member.astype(dtype) for member in value]
    return unpacked(packed(value, group), group.layout)
