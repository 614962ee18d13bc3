"""What XLA's CPU backend must not fuse, and what must not share memory: said so that it cannot undo it.

It expands `optimization_barrier` before it fuses and before it assigns memory, so barriers do neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

T = TypeVar("T")


def apart(compute: Callable[[], T], indices: jax.Array) -> T:
    """`compute()`, arrays of one dtype, not fused with what uses them.

    As part of a gather XLA would compute a row's start again for each element of the row.  `indices`
    are some of an index table.
    """
    leaves, tree = jax.tree.flatten(jax.eval_shape(compute))
    stops = np.cumsum([leaf.size for leaf in leaves])

    def joined() -> jax.Array:
        return jnp.concatenate([x.reshape(-1) for x in jax.tree.leaves(compute())])

    flat = lax.cond(_never(indices), lambda: jnp.zeros(stops[-1], leaves[0].dtype), joined)
    parts = jnp.split(flat, stops[:-1])
    return jax.tree.unflatten(tree, [x.reshape(leaf.shape) for x, leaf in zip(parts, leaves, strict=True)])


def last_use(used: jax.Array, values: Sequence[jax.Array], indices: jax.Array) -> jax.Array:
    """The scalar `used`; until it is known, `values` are kept, each in memory of its own."""

    def use() -> jax.Array:
        return used + sum(x.reshape(-1)[0].astype(used.dtype) for x in values)

    return lax.cond(_never(indices), use, lambda: used)


def after(out: jax.Array, used: jax.Array, indices: jax.Array) -> jax.Array:
    """`out` (1-D), once `used`, a scalar of its dtype, is known."""
    first = jnp.where(_never(indices), used, out[0])
    return lax.dynamic_update_slice(out, first[None], (0,))


def _never(indices: jax.Array) -> jax.Array:
    """False, as no index is negative; XLA does not know that."""
    return indices.reshape(-1)[0] < 0
