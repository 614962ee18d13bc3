"""What a caller gives in, the value of each group out, checked; every fault of a call is found at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source
from raggeddsl.diagnostics.suggest import did_you_mean
from raggeddsl.dtypes import from_numpy
from raggeddsl.lowering.signature import Group, Signature
from raggeddsl.lowering.values import STILL_THERE, Value
from raggeddsl.packing.arrays import (
    Deleted,
    NotAnArray,
    as_array,
    as_arrays,
    concrete_type,
    dtypes,
    shapes,
)
from raggeddsl.packing.element_types import accepted
from raggeddsl.packing.pack import pack
from raggeddsl.ragged import Ragged

_MOST = 20
"""How many faults of one call are listed."""


def packed_buffers(inputs: Any, signature: Signature) -> list[Any] | None:
    """The buffers of a call whose inputs are concrete `Ragged`s of just the right layouts, or None.

    Such a call, as a training loop makes, has nothing to pack and nothing to complain about.
    """
    expected = signature.families
    if expected is None or type(inputs) is not dict or len(inputs) != len(expected):
        return None
    buffers = []
    for name, layout, dtype, shape in expected:
        value = inputs.get(name)
        if type(value) is not Ragged or value.layout is not layout or not value.packed:
            return None
        data = value.data
        kind: type = type(data)
        if not concrete_type(kind) or data.is_deleted():
            return None
        type_of = data.aval
        if type_of.dtype != dtype or type_of.shape != shape:
            return None
        buffers.append(data)
    return buffers


def checked(
    inputs: Any, signature: Signature, source: Source | None = None, *, members: bool = False
) -> list[Value]:
    """The value of each group of `signature`, in order, its shapes and element types checked.

    A `Ragged` that is not packed yet is packed, for good, unless its `members` are wanted.

    `inputs` maps each name to a `Ragged`, a list or tuple of arrays, one array with a leading axis
    of members (uniform families), or, for a single matrix, an array.  Raises one `RmmError` with
    RMM701 (missing name), RMM702 (unknown name), RMM703 (number of members), RMM704 (shape),
    RMM705 (element type), RMM706 (not an array) and RMM707 (`inputs` is no dict), at most 20.
    """
    diagnostics = Diagnostics(source)
    if not isinstance(inputs, Mapping):
        diagnostics.error(
            "RMM707",
            f"a program takes one dict of inputs by name, not {described(inputs)}",
            help="call it as program({" + ", ".join(f'"{name}": …' for name in list(signature)[:3]) + "})",
        )
        diagnostics.raise_if_failed()
    _refuse_unknown(inputs, signature, diagnostics)
    values = [_group(inputs, group, members, diagnostics) for group in signature.groups]
    if len(diagnostics.found) > _MOST:
        last, more = diagnostics.found[_MOST - 1], len(diagnostics.found) - _MOST
        del diagnostics.found[_MOST - 1 :]
        message = f"{last.message}; and {more} more faults of this call"
        diagnostics.error(last.code, message, last.span, help=last.help)
    diagnostics.raise_if_failed()
    return values


def _refuse_unknown(inputs: Mapping[Any, Any], signature: Signature, diagnostics: Diagnostics) -> None:
    unknown = [name for name in inputs if name not in signature]
    missing = {name for name in signature if name not in inputs} if unknown else set()
    for name in unknown:
        help = (
            did_you_mean(str(name), missing)
            or did_you_mean(str(name), signature)
            or f"its inputs are {listed(signature)}"
        )
        diagnostics.error("RMM702", f"the program has no input `{name}`", help=help)


def _group(inputs: Mapping[str, Any], group: Group, members: bool, diagnostics: Diagnostics) -> Value | None:
    missing = [name for name in group.names if name not in inputs]
    if missing:
        more = f" (and {len(missing) - 1} more of its form)" if len(missing) > 1 else ""
        first = group.names.index(missing[0])
        what = group.written(first)
        if group.family:
            kind = "scalar" if group.layout.scalar else "matrix"
            count = len(group.layout)
            what = f"{count} {kind if count == 1 else {'scalar': 'scalars', 'matrix': 'matrices'}[kind]}"
        message = f"input `{missing[0]}` is missing{more}"
        diagnostics.error("RMM701", message, group.span, help=f"give {what} under this name")
        return None
    try:
        # Reading may fail too: an opened .npz refuses what is pickled only when it is asked for it.
        values = inputs[group.names[0]] if group.family else [inputs[name] for name in group.names]
        return (
            _family(values, group, members, diagnostics)
            if group.family
            else _listed(values, group, diagnostics)
        )
    except (TypeError, ValueError) as error:
        which, said = group.names[0], str(error)
        if isinstance(error, NotAnArray):
            which, said = group.called(error.place), error.said
        diagnostics.error(
            "RMM706",
            f"input `{which}` cannot be read as {'arrays' if group.family else 'an array'}: {said}",
            group.span,
            help=_help_to_read(error),
        )
        return None


def _help_to_read(error: Exception) -> str:
    if isinstance(error, Deleted) or isinstance(error.__cause__, Deleted):
        return STILL_THERE
    return "give NumPy or JAX arrays of numbers"


def _family(value: Any, group: Group, members: bool, diagnostics: Diagnostics) -> Value | None:
    """A family given as a `Ragged`, as one array with an axis of members, or as a list."""
    if isinstance(value, Ragged):
        return _ragged(value, group, members, diagnostics)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return _stacked(as_array(value), group, diagnostics)
    if isinstance(value, str | bytes | Mapping) or not hasattr(value, "__iter__"):
        raise TypeError(f"{described(value)} is not a list of {len(group.layout)} members")
    return _listed(list(value), group, diagnostics)


def _ragged(value: Ragged, group: Group, members: bool, diagnostics: Diagnostics) -> Value | None:
    layout = group.layout
    if value.packed and len(as_array(value.data).shape) != 1:
        _not_filled(value, group, diagnostics)
        return None
    if value.layout is not layout:
        if not _right_count(len(value), group, diagnostics):
            return None
        differ = (value.shapes != layout.shapes).any(axis=1)
        wrong = np.flatnonzero(differ | (value.layout.scalar != layout.scalar))
        if len(wrong):
            member = int(wrong[0])
            _wrong_shape(member, value.layout.shape(member), value.dtype, len(wrong), group, diagnostics)
            return None
        value = value.row_major()
    if value.packed and value.data.shape != (layout.size,):
        _not_filled(value, group, diagnostics)
        return None
    if value.dtype == group.dtype:
        return value.value if members else value.data
    if not accepted(value.data, value.data, group.dtype):
        _wrong_dtype(0, value.dtype, len(value), group, diagnostics)
        return None
    return value.data.astype(group.dtype)


def _not_filled(value: Ragged, group: Group, diagnostics: Diagnostics) -> None:
    """The packed elements are not as many as those of the members, or have an axis more."""
    name, shape = group.names[0], tuple(value.data.shape)
    batch = "a batch, stacked for `jax.vmap`, is computed inside of it: `jax.vmap(program)(…)`"
    diagnostics.error(
        "RMM704",
        f"the elements of input `{name}` have shape {shape}, and its members take ({value.layout.size},)",
        group.span,
        help=batch if len(shape) > 1 else "the elements of a Ragged are one axis, as many as its shapes say",
    )


def _stacked(array: Any, group: Group, diagnostics: Diagnostics) -> Value | None:
    """Members of one shape along the first axis of one array: in memory they are packed already."""
    layout = group.layout
    if array.ndim == 0:
        raise TypeError(f"a single number is not a list of {len(layout)} members")
    if not _right_count(len(array), group, diagnostics):
        return None
    shape = array.shape[1:]
    wrong = _differing(shape, group)
    if len(wrong):
        _wrong_shape(int(wrong[0]), shape, array.dtype, len(wrong), group, diagnostics)
        return None
    if len(layout) and not accepted(array, array, group.dtype):
        _wrong_dtype(0, array.dtype, len(layout), group, diagnostics)
        return None
    return pack([array], group.dtype, layout.size)


def _differing(shape: tuple[int, ...], group: Group) -> np.ndarray:
    """The members whose shape is not this one."""
    layout = group.layout
    if len(shape) != (0 if layout.scalar else 2):
        return np.arange(len(layout))
    return np.zeros(0, int) if layout.scalar else np.flatnonzero((layout.shapes != shape).any(axis=1))


def _listed(values: list[Any], group: Group, diagnostics: Diagnostics) -> Value | None:
    """Members one by one; for single matrices, one a name."""
    if not _right_count(len(values), group, diagnostics):
        return None
    arrays = as_arrays(values)
    layout = group.layout
    given_shapes = shapes(arrays)
    if given_shapes != layout.shape_list:
        both = zip(given_shapes, layout.shape_list, strict=True)
        wrong = [i for i, (given, wanted) in enumerate(both) if given != wanted]
        for one in wrong[:1] if group.family else wrong[:_MOST]:
            _wrong_shape(
                one,
                given_shapes[one],
                arrays[one].dtype,
                len(wrong) if group.family else 1,
                group,
                diagnostics,
            )
        return None
    if dtypes(arrays) - {group.dtype}:
        pairs = zip(values, arrays, strict=True)
        wrong = [i for i, (value, array) in enumerate(pairs) if not accepted(value, array, group.dtype)]
        for one in wrong[:1] if group.family else wrong[:_MOST]:
            _wrong_dtype(one, arrays[one].dtype, len(wrong) if group.family else 1, group, diagnostics)
        if wrong:
            return None
    return arrays


def _right_count(given: int, group: Group, diagnostics: Diagnostics) -> bool:
    wanted = len(group.layout)
    if given == wanted:
        return True
    members = f"{wanted} member{'s' * (wanted != 1)}"
    diagnostics.error(
        "RMM703",
        f"input `{group.names[0]}` has {members}, and {given} {'was' if given == 1 else 'were'} given",
        group.span,
        help=f"give a list or a Ragged of {members}, in the order of the spec's index",
    )
    return False


def _wrong_shape(
    member: int, given: Sequence[int], dtype: Any, count: int, group: Group, diagnostics: Diagnostics
) -> None:
    wanted = group.layout.shape(member)
    order = "give members in the spec's order" if group.family else "give one of this shape"
    help = f"{order}, or change the sizes that the spec declares"
    if tuple(given) == wanted[::-1]:
        help = "it is the transpose of what is declared: give its `.T`"
    elif len(given) != len(wanted):
        help = f"give an array with {len(wanted)} axes: reshape it to {wanted}"
    diagnostics.error(
        "RMM704",
        f"`{group.called(member)}` has shape {tuple(given)}, and {wanted} ({group.written(member)}) "
        f"is declared{_others(count)}",
        group.span,
        help=help,
    )


def _wrong_dtype(member: int, given: Any, count: int, group: Group, diagnostics: Diagnostics) -> None:
    short = from_numpy(given)
    called = f"{given}" if short is None or short == str(given) else f"{given} ({short})"
    x64 = group.short in ("f64", "c128") or short in ("f64", "c128")
    diagnostics.error(
        "RMM705",
        f"`{group.called(member)}` has element type {called}, and {group.dtype} ({group.short}) is declared"
        + _others(count),
        group.span,
        help=f'convert it where that is meant: `.astype("{group.dtype}")`'
        + (", or declare the input with the type that it has" if short is not None and not x64 else ""),
    )


def _others(count: int) -> str:
    return f" (and {count - 1} more member{'s' * (count != 2)} like it)" if count > 1 else ""


def listed(signature: Signature) -> str:
    """The first names of a signature, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in islice(signature, 5)) or "none at all"
    return shown + (f" and {len(signature) - 5} more" if len(signature) > 5 else "")


def described(value: Any) -> str:
    """What is no array of ours, in a few words."""
    return f"a value of type `{type(value).__name__}`"
