"""A `Ragged` in, one of the same shapes out that holds zeros, ones or one number.

A `dtype` is given as to `Ragged.astype`.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from raggeddsl.packing.element_types import named
from raggeddsl.ragged.ragged import Ragged


def zeros_like(ragged: Ragged, dtype: Any = None) -> Ragged:
    """Equivalent to `[jnp.zeros_like(member, dtype) for member in ragged]`, as a `Ragged`."""
    return Ragged(jnp.zeros_like(_data(ragged), _named(dtype)), ragged.layout)


def ones_like(ragged: Ragged, dtype: Any = None) -> Ragged:
    """Equivalent to `[jnp.ones_like(member, dtype) for member in ragged]`, as a `Ragged`."""
    return Ragged(jnp.ones_like(_data(ragged), _named(dtype)), ragged.layout)


def full_like(ragged: Ragged, value: Any, dtype: Any = None) -> Ragged:
    """Equivalent to `[jnp.full_like(member, value, dtype) for member in ragged]`, as a `Ragged`."""
    return Ragged(jnp.full_like(_data(ragged), value, _named(dtype)), ragged.layout)


def _named(dtype: Any) -> Any:
    return None if dtype is None else named(dtype)


def _data(ragged: object) -> Any:
    if not isinstance(ragged, Ragged):
        raise TypeError(
            f"a Ragged is wanted, whose shapes to take, not a value of type `{type(ragged).__name__}`"
        )
    return ragged.data
