"""What a caller gives in, the value of each group out; every fault of a call is found at once, and worded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, assert_never

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source
from raggeddsl.diagnostics.suggest import did_you_mean
from raggeddsl.dtypes import from_numpy
from raggeddsl.packing.given import (
    MISFITS,
    Misfit,
    Missing,
    NotFilled,
    Unreadable,
    WrongCount,
    WrongShapes,
    WrongTypes,
    described,
    read,
)
from raggeddsl.packing.signature import Group, Signature
from raggeddsl.packing.values import STILL_THERE, Value

_MOST = 20
"""How many faults of one call are listed."""


def checked(
    inputs: Any, signature: Signature, source: Source | None = None, *, members: bool = False
) -> list[Value]:
    """The value of each group of `signature`, in order, its shapes and element types checked.

    `inputs` maps each name to a `Ragged`, a list or tuple of arrays, one array with a leading axis
    of members (uniform families), or, for a single matrix, an array.  A `Ragged` that is not packed
    yet is packed, for good, unless its `members` are wanted.

    Raises one `RmmError` with RMM701 (missing name), RMM702 (unknown name), RMM703 (number of
    members), RMM704 (shape), RMM705 (element type), RMM706 (not an array) and RMM707 (`inputs` is no
    dict), at most 20.
    """
    if not isinstance(inputs, Mapping):
        names = ", ".join(f'"{name}": …' for name in list(signature)[:3])
        message = f"a program takes one dict of inputs by name, not {described(inputs)}"
        diagnostics = Diagnostics(source)
        diagnostics.error("RMM707", message, help="call it as program({" + names + "})")
        diagnostics.raise_if_failed()
    values = [read(inputs, group, members) for group in signature.groups]
    unknown = [name for name in inputs if name not in signature]
    if unknown or any(isinstance(value, MISFITS) for value in values):
        _refuse(inputs, unknown, values, signature, Diagnostics(source))
    return values


def _refuse(
    inputs: Mapping[Any, Any],
    unknown: Sequence[Any],
    values: Sequence[Value | Misfit],
    signature: Signature,
    diagnostics: Diagnostics,
) -> None:
    """Raise what is amiss: with the groups, in their order, and unknown names."""
    for group, value in zip(signature.groups, values, strict=True):
        if isinstance(value, MISFITS):
            _word(value, group, diagnostics)
    missing = {name for name in signature if name not in inputs} if unknown else set()
    for name in unknown:
        help = (
            did_you_mean(str(name), missing)
            or did_you_mean(str(name), signature)
            or f"its inputs are {listed(signature)}"
        )
        diagnostics.error("RMM702", f"the program has no input `{name}`", help=help)
    if len(diagnostics.found) > _MOST:
        last, more = diagnostics.found[_MOST - 1], len(diagnostics.found) - _MOST
        del diagnostics.found[_MOST - 1 :]
        message = f"{last.message}; and {more} more faults of this call"
        diagnostics.error(last.code, message, last.span, help=last.help)
    diagnostics.raise_if_failed()


def _word(misfit: Misfit, group: Group, diagnostics: Diagnostics) -> None:
    match misfit:
        case Missing(names):
            _missing(names, group, diagnostics)
        case Unreadable():
            _unreadable(misfit, group, diagnostics)
        case WrongCount(count):
            _wrong_count(count, group, diagnostics)
        case WrongShapes(wrong, count):
            for member, shape in wrong[:1] if group.family else wrong[:_MOST]:
                _wrong_shape(member, shape, count if group.family else 1, group, diagnostics)
        case WrongTypes(wrong, count):
            for member, dtype in wrong[:1] if group.family else wrong[:_MOST]:
                _wrong_type(member, dtype, count if group.family else 1, group, diagnostics)
        case NotFilled(shape, size):
            _not_filled(shape, size, group, diagnostics)
        case _:
            assert_never(misfit)


def _missing(names: Sequence[str], group: Group, diagnostics: Diagnostics) -> None:
    more = f" (and {len(names) - 1} more of its form)" if len(names) > 1 else ""
    what = group.written(group.names.index(names[0]))
    if group.family:
        kind = "scalar" if group.layout.scalar else "matrix"
        count = len(group.layout)
        what = f"{count} {kind if count == 1 else {'scalar': 'scalars', 'matrix': 'matrices'}[kind]}"
    message = f"input `{names[0]}` is missing{more}"
    diagnostics.error("RMM701", message, group.span, help=f"give {what} under this name")


def _unreadable(misfit: Unreadable, group: Group, diagnostics: Diagnostics) -> None:
    which = group.names[0] if misfit.place is None else group.called(misfit.place)
    what = "arrays" if group.family else "an array"
    diagnostics.error(
        "RMM706",
        f"input `{which}` cannot be read as {what}: {misfit.said}",
        group.span,
        help=STILL_THERE if misfit.gone else "give NumPy or JAX arrays of numbers",
    )


def _wrong_count(count: int, group: Group, diagnostics: Diagnostics) -> None:
    wanted = len(group.layout)
    members = f"{wanted} member{'s' * (wanted != 1)}"
    diagnostics.error(
        "RMM703",
        f"input `{group.names[0]}` has {members}, and {count} {'was' if count == 1 else 'were'} given",
        group.span,
        help=f"give a list or a Ragged of {members}, in the order of the spec's index",
    )


def _wrong_shape(
    member: int, shape: Sequence[int], count: int, group: Group, diagnostics: Diagnostics
) -> None:
    wanted = group.layout.shape(member)
    order = "give members in the spec's order" if group.family else "give one of this shape"
    help = f"{order}, or change the sizes that the spec declares"
    if tuple(shape) == wanted[::-1]:
        help = "it is the transpose of what is declared: give its `.T`"
    elif len(shape) != len(wanted):
        help = f"give an array with {len(wanted)} axes: reshape it to {wanted}"
    diagnostics.error(
        "RMM704",
        f"`{group.called(member)}` has shape {tuple(shape)}, and {wanted} ({group.written(member)}) "
        f"is declared{_others(count)}",
        group.span,
        help=help,
    )


def _wrong_type(member: int, dtype: Any, count: int, group: Group, diagnostics: Diagnostics) -> None:
    short = from_numpy(dtype)
    called = f"{dtype}" if short is None or short == str(dtype) else f"{dtype} ({short})"
    x64 = group.short in ("f64", "c128") or short in ("f64", "c128")
    diagnostics.error(
        "RMM705",
        f"`{group.called(member)}` has element type {called}, and {group.dtype} ({group.short}) is declared"
        + _others(count),
        group.span,
        help=f'convert it where that is meant: `.astype("{group.dtype}")`'
        + (", or declare the input with the type that it has" if short is not None and not x64 else ""),
    )


def _not_filled(shape: tuple[int, ...], size: int, group: Group, diagnostics: Diagnostics) -> None:
    batch = "a batch, stacked for `jax.vmap`, is computed inside of it: `jax.vmap(program)(…)`"
    diagnostics.error(
        "RMM704",
        f"the elements of input `{group.names[0]}` have shape {shape}, and its members take ({size},)",
        group.span,
        help=batch if len(shape) > 1 else "the elements of a Ragged are one axis, as many as its shapes say",
    )


def _others(count: int) -> str:
    return f" (and {count - 1} more member{'s' * (count != 2)} like it)" if count > 1 else ""


def listed(signature: Signature) -> str:
    """The first names of a signature, and how many more there are."""
    shown = ", ".join(f"`{name}`" for name in islice(signature, 5)) or "none at all"
    return shown + (f" and {len(signature) - 5} more" if len(signature) > 5 else "")
