"""What a caller gives for a group in, its value out, or what is amiss with it: a `Misfit`, without words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from raggeddsl.packing.arrays import Deleted, NotAnArray, as_array, as_arrays, concrete_type, dtypes, shapes
from raggeddsl.packing.element_types import accepted
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.pack import pack
from raggeddsl.packing.signature import Group, Signature
from raggeddsl.packing.values import Value


class Held:
    """The members of a family in a layout, packed or one by one; what users have of it is `Ragged`."""

    __slots__ = ()
    layout: Layout

    @property
    def value(self) -> Value:
        """The packed elements, or the members if they are not packed."""
        raise NotImplementedError

    @property
    def data(self) -> Any:
        """The packed elements; members are packed now, for good."""
        raise NotImplementedError

    @property
    def dtype(self) -> Any:
        """The element type."""
        raise NotImplementedError

    @property
    def ordered(self) -> Held:
        """The same members, each row-major: itself, or a copy."""
        raise NotImplementedError


# ---------------------------------------------------------------- what may be amiss


@dataclass(frozen=True)
class Missing:
    """Names that are not there, in the group's order."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Unreadable:
    """Member `place` (None: the whole) is no array, as `said`; `gone`: its memory is another's now."""

    place: int | None
    said: str
    gone: bool


@dataclass(frozen=True)
class WrongCount:
    """As many members as were given."""

    given: int


@dataclass(frozen=True)
class WrongShapes:
    """Members and their shapes, a few of the `count` that differ from what is declared."""

    wrong: tuple[tuple[int, tuple[int, ...]], ...]
    count: int


@dataclass(frozen=True)
class WrongTypes:
    """Members and their dtypes, a few of the `count` that cannot be taken for what is declared."""

    wrong: tuple[tuple[int, Any], ...]
    count: int


@dataclass(frozen=True)
class NotFilled:
    """The shape of packed elements that are not as many as their layout's `size`, or have an axis more."""

    shape: tuple[int, ...]
    size: int


Misfit: TypeAlias = Missing | Unreadable | WrongCount | WrongShapes | WrongTypes | NotFilled
MISFITS = (Missing, Unreadable, WrongCount, WrongShapes, WrongTypes, NotFilled)


# ---------------------------------------------------------------- reading


def packed_buffers(inputs: Any, signature: Signature) -> list[Any] | None:
    """The buffers of a call whose inputs are concrete, packed families of just the right layouts, or None.

    Such a call, as a training loop makes, has nothing to pack and nothing to complain about.
    """
    expected = signature.families
    if expected is None or type(inputs) is not dict or len(inputs) != len(expected):
        return None
    buffers = []
    for name, layout, dtype, shape in expected:
        value = inputs.get(name)
        if not isinstance(value, Held) or value.layout is not layout:
            return None
        data = value.value
        kind: type = type(data)
        if not concrete_type(kind) or data.is_deleted():
            return None
        type_of = data.aval
        if type_of.dtype != dtype or type_of.shape != shape:
            return None
        buffers.append(data)
    return buffers


def read(inputs: Mapping[str, Any], group: Group, members: bool) -> Value | Misfit:
    """The value of `group` among `inputs`, checked; with `members`, families that are not packed stay so."""
    missing = tuple(name for name in group.names if name not in inputs)
    if missing:
        return Missing(missing)
    try:
        # Reading may fail too: an opened .npz refuses what is pickled only when it is asked for it.
        if group.family:
            return _family(inputs[group.names[0]], group, members)
        return _listed([inputs[name] for name in group.names], group)
    except (TypeError, ValueError) as error:
        gone = isinstance(error, Deleted) or isinstance(error.__cause__, Deleted)
        if isinstance(error, NotAnArray):
            return Unreadable(error.place, error.said, gone)
        return Unreadable(None, str(error), gone)


def _family(value: Any, group: Group, members: bool) -> Value | Misfit:
    """A family that is held already, or given as one array with an axis of members, or as a list."""
    if isinstance(value, Held):
        return _held(value, group, members)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _stacked(as_array(value), group)
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        raise TypeError(f"{described(value)} is not a list of {len(group.layout)} members")
    return _listed(list(value), group)


def _held(held: Held, group: Group, members: bool) -> Value | Misfit:
    layout = group.layout
    if (misfit := _unfilled(held, one_axis=True)) is not None:
        return misfit
    if held.layout is not layout:
        if len(held.layout) != len(layout):
            return WrongCount(len(held.layout))
        differ = (held.layout.shapes != layout.shapes).any(axis=1)
        wrong = np.flatnonzero(differ | (held.layout.scalar != layout.scalar))
        if len(wrong):
            member = int(wrong[0])
            return WrongShapes(((member, held.layout.shape(member)),), len(wrong))
        held = held.ordered
    if (misfit := _unfilled(held, one_axis=False)) is not None:
        return misfit
    if held.dtype == group.dtype:
        return held.value if members else held.data
    if not accepted(held.data, held.data, group.dtype):
        return WrongTypes(((0, held.dtype),), len(held.layout))
    return held.data.astype(group.dtype)


def _unfilled(held: Held, *, one_axis: bool) -> NotFilled | None:
    """Whether packed elements have `one_axis` at least, or are just as many as the layout says."""
    elements = held.value
    if isinstance(elements, tuple | list):
        return None
    shape = tuple(as_array(elements).shape if one_axis else elements.shape)
    fills = len(shape) == 1 if one_axis else shape == (held.layout.size,)
    return None if fills else NotFilled(shape, held.layout.size)


def _stacked(array: Any, group: Group) -> Value | Misfit:
    """Members of one shape along the first axis of one array: in memory they are packed already."""
    layout = group.layout
    if array.ndim == 0:
        raise TypeError(f"a single number is not a list of {len(layout)} members")
    if len(array) != len(layout):
        return WrongCount(len(array))
    shape = tuple(array.shape[1:])
    wrong = _differing(shape, layout)
    if len(wrong):
        return WrongShapes(((int(wrong[0]), shape),), len(wrong))
    if len(layout) and not accepted(array, array, group.dtype):
        return WrongTypes(((0, array.dtype),), len(layout))
    return pack([array], group.dtype, layout.size)


def _differing(shape: tuple[int, ...], layout: Layout) -> np.ndarray:
    """The members whose shape is not this one."""
    if len(shape) != (0 if layout.scalar else 2):
        return np.arange(len(layout))
    return np.zeros(0, int) if layout.scalar else np.flatnonzero((layout.shapes != shape).any(axis=1))


def _listed(values: Sequence[Any], group: Group) -> Value | Misfit:
    """Members one by one; for single matrices, one a name."""
    layout = group.layout
    if len(values) != len(layout):
        return WrongCount(len(values))
    arrays = as_arrays(values)
    shape_list = shapes(arrays)
    if shape_list != layout.shape_list:
        pairs = zip(shape_list, layout.shape_list, strict=True)
        wrong = [member for member, (shape, wanted) in enumerate(pairs) if shape != wanted]
        return WrongShapes(tuple((member, shape_list[member]) for member in wrong), len(wrong))
    if dtypes(arrays) - {group.dtype}:
        both = enumerate(zip(values, arrays, strict=True))
        wrong = [member for member, (value, array) in both if not accepted(value, array, group.dtype)]
        if wrong:
            return WrongTypes(tuple((member, arrays[member].dtype) for member in wrong), len(wrong))
    return arrays


def described(value: Any) -> str:
    """What is no array of ours, in a few words."""
    return f"a value of type `{type(value).__name__}`"
