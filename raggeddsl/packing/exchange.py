"""Arrays of other libraries in (torch tensors and the like), NumPy views of them out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from operator import attrgetter, methodcaller
from typing import Any

import jax.numpy as jnp
import numpy as np

_numpy = methodcaller("numpy")


def exports(kind: type) -> bool:
    """Whether values of this type export their elements by DLPack."""
    return hasattr(kind, "__dlpack__")


def views(values: Sequence[Any]) -> list[np.ndarray] | None:
    """A NumPy view of each, all of one type that exports them; None if one cannot be had this way.

    With torch no Python is run a value.  Its `numpy` method refuses what a view does not show:
    gradients, and the conjugate and negative bits, the last of which DLPack passes over.
    """
    try:
        arrays = list(map(_numpy, values))
    except (AttributeError, RuntimeError):
        return None
    except TypeError:
        return _bfloat16(values)
    return arrays if set(map(type, arrays)) == {np.ndarray} else None


def _bfloat16(values: Sequence[Any]) -> list[np.ndarray] | None:
    """torch tensors of bf16, which torch shows NumPy by their bits alone."""
    torch = sys.modules.get("torch")
    if torch is None or not all(issubclass(kind, torch.Tensor) for kind in set(map(type, values))):
        return None
    if set(map(attrgetter("dtype"), values)) != {torch.bfloat16} or any(
        map(attrgetter("requires_grad"), values)
    ):
        return None
    try:
        bits = list(map(_numpy, map(methodcaller("view", torch.int16), values)))
    except (RuntimeError, TypeError):  # not on the CPU, or not dense
        return None
    return list(map(methodcaller("view", np.dtype(jnp.bfloat16)), bits))


def view(value: Any) -> Any:
    """One value as a NumPy view, or a `jax.Array` where it is not on the CPU.  Raises `TypeError`."""
    arrays = views([value])
    if arrays is not None:
        return arrays[0]
    try:
        _numpy(value)  # for what it says
    except RuntimeError as error:
        raise TypeError(f"cannot read this {type(value).__name__}: {error}") from error
    except (AttributeError, TypeError):
        pass
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError):
        pass
    try:
        return jnp.from_dlpack(value)
    except Exception as error:
        raise TypeError(f"cannot read this {type(value).__name__} through DLPack: {error}") from error
