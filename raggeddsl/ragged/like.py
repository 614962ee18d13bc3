"""A `Ragged` in, one of the same shapes out that holds zeros, ones or one number."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from raggeddsl.ragged.ragged import Ragged


def zeros_like(ragged: Ragged, dtype: Any = None) -> Ragged:
    """Equivalent to `[jnp.zeros_like(member, dtype) for member in ragged]`, as a `Ragged`."""
    return Ragged(jnp.zeros_like(ragged.data, dtype), ragged.layout)


def ones_like(ragged: Ragged, dtype: Any = None) -> Ragged:
    """Equivalent to `[jnp.ones_like(member, dtype) for member in ragged]`, as a `Ragged`."""
    return Ragged(jnp.ones_like(ragged.data, dtype), ragged.layout)


def full_like(ragged: Ragged, value: Any, dtype: Any = None) -> Ragged:
    """Equivalent to `[jnp.full_like(member, value, dtype) for member in ragged]`, as a `Ragged`."""
    return Ragged(jnp.full_like(ragged.data, value, dtype), ragged.layout)
