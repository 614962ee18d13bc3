"""An earlier result in, the arrays whose memory the next one takes over out; all faults are found at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from operator import methodcaller
from typing import Any

import jax
import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source
from raggeddsl.diagnostics.suggest import did_you_mean
from raggeddsl.dtypes import from_numpy
from raggeddsl.packing.given import described, packed_buffers
from raggeddsl.packing.inputs import listed
from raggeddsl.packing.signature import Group, Signature
from raggeddsl.ragged import Ragged

_pointer = methodcaller("unsafe_buffer_pointer")


def donated(
    old: Any, outputs: Signature, inputs: Mapping[str, Any], source: Source | None = None
) -> tuple[jax.Array, ...]:
    """The concrete arrays of `old`, results of a program by name; `inputs` are the buffers of this call.

    Empty where there is a tracer among them, which has no memory to give.  Left out are single
    matrices that were cut on the host, and families that are not packed: no output is their size.
    Raises one `RmmError` with every RMM714: no dict, no output of this name, another shape, element
    type or kind of value, and memory that is read by this call, given twice, or given already.
    """
    packed = packed_buffers(old, outputs)
    if packed is not None and _apart([*inputs.values(), *packed]):
        return tuple(packed)  # as in a training loop: there is nothing to complain about
    return _checked(old, outputs, inputs, Diagnostics(source))


def _checked(
    old: Any, outputs: Signature, inputs: Mapping[str, Any], diagnostics: Diagnostics
) -> tuple[jax.Array, ...]:
    if not isinstance(old, Mapping):
        some = ", ".join(f'"{name}": old["{name}"]' for name in islice(outputs, 2))
        message = f"`donate` is {_described(old)}, not an earlier result: a dict of outputs by name"
        diagnostics.error(
            "RMM714", message, help=f"give all that a call returned, or a part: donate={{{some}}}"
        )
        diagnostics.raise_if_failed()
    for name in old:
        if name not in outputs:
            help = did_you_mean(str(name), outputs) or f"its outputs are {listed(outputs)}"
            diagnostics.error(
                "RMM714", f"`donate` names `{name}`, and the program has no such output", help=help
            )
    arrays: dict[str, Any] = {}
    for group in outputs.groups:
        if group.family or not group.stays_packed:
            for member, name in enumerate(group.names):
                array = _array(old[name], name, group, member, diagnostics) if name in old else None
                if array is not None:
                    arrays[name] = array
    concrete = all(map(_in_memory, arrays.values()))
    if concrete:
        _refuse_shared(arrays, inputs, diagnostics)
    diagnostics.raise_if_failed()
    return tuple(arrays.values()) if concrete else ()


def _array(value: Any, name: str, group: Group, member: int, diagnostics: Diagnostics) -> Any:
    """The array that holds the donated value of one output; None if there is none, or a fault of it."""
    layout = group.layout
    wanted = f"a Ragged of {len(layout)} members" if group.family else f"an array {group.written(member)}"
    help = "donate what this program returned under this name"

    def wrong(message: str, help: str = help) -> None:
        diagnostics.error("RMM714", message, group.span, help=help)

    if not isinstance(value, Ragged if group.family else jax.Array):
        return wrong(f"output `{name}` is {wanted}, and {_described(value)} is donated for it")
    if isinstance(value, Ragged) and value.layout is not layout:
        shapes = value.layout.shape_list
        differ = [i for i, (a, b) in enumerate(zip(shapes, layout.shape_list, strict=False)) if a != b]
        if len(shapes) != len(layout):
            return wrong(f"output `{name}` is {wanted}, and {_described(value)} is donated for it")
        if not differ:
            return wrong(f"the members donated for output `{name}` lie transposed", "donate it without `.T`")
        return wrong(_differs(f"{name}[{differ[0]}]", shapes[differ[0]], group.written(differ[0])))
    if value.dtype != group.dtype:
        dtype = from_numpy(value.dtype) or value.dtype
        return wrong(
            f"output `{name}` has element type {group.dtype} ({group.short}), and {dtype} is donated for it"
        )
    array = value.data if isinstance(value, Ragged) and value.packed else value
    if isinstance(array, Ragged):
        return None
    shape = (layout.size,) if group.family else layout.shape(member)
    if np.shape(array) != shape:
        called = f"{name}.data" if group.family else name
        return wrong(_differs(called, np.shape(array), f"{group.short}{list(shape)}"))
    if _in_memory(array) and array.is_deleted():
        help = "donate each result once, the newest: `old = program(inputs, donate=old)`"
        return wrong(f"what is donated for output `{name}` has been deleted or donated already", help)
    return array


def _differs(called: str, shape: Sequence[int], wanted: str) -> str:
    return f"`{called}` is {wanted}, and one of shape {tuple(shape)} is donated for it"


def _refuse_shared(arrays: Mapping[str, Any], inputs: Mapping[str, Any], diagnostics: Diagnostics) -> None:
    """What is written over must not be read by the call, nor be written over by two outputs."""
    owners = {_memory(buffer): f"as input `{name}`" for name, buffer in inputs.items() if _in_memory(buffer)}
    for name, array in arrays.items():
        memory = _memory(array)
        if memory in owners and array.size:
            message = f"what is donated for output `{name}` is also given {owners[memory]}"
            help = "each output takes over memory of its own, which the call does not read: leave this out"
            diagnostics.error("RMM714", message, help=help)
        owners.setdefault(memory, f"for output `{name}`")


def _apart(arrays: Sequence[Any]) -> bool:
    """Whether each lies in a place of its own; False where some are tracers, or on several devices."""
    try:
        return len(set(map(_pointer, arrays))) == len(arrays)
    except Exception:
        return False


def _in_memory(value: Any) -> bool:
    """Whether it is an array that lies somewhere: no tracer, and no list of members."""
    return isinstance(value, jax.Array) and not isinstance(value, jax.core.Tracer)


def _memory(array: jax.Array) -> tuple[int, int]:
    """Where an array lies, and its size; two arrays that share all of their memory have one."""
    try:
        return array.unsafe_buffer_pointer(), array.nbytes
    except Exception:  # several devices
        return id(array), array.nbytes


def _described(value: Any) -> str:
    if isinstance(value, Ragged):
        return f"a Ragged of {len(value)} member{'s' * (len(value) != 1)}"
    if isinstance(value, jax.Array):
        return f"an array {from_numpy(value.dtype) or value.dtype}{list(value.shape)}"
    return described(value)
