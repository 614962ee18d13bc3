"""`jax.lax.ragged_dot` as a way: groups of rows of one tall matrix, each by a matrix of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.peers.padded import over_limit
from raggeddsl.bench.peers.way import Limits, Skip, Way
from raggeddsl.bench.workload import Workload


def ragged_dot(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """`jax.lax.ragged_dot`: A's rows in groups, one k and one n for all; on the CPU dense with a mask."""
    import jax
    import jax.numpy as jnp

    factors = workload.plain_product
    if factors is None or len(np.unique(workload.triples[:, 1:], axis=0)) != 1:
        return Skip("it takes pairs that have one k and one n, groups of rows of one tall matrix")
    rows = workload.triples[:, 0]
    needed = 4 * len(rows) * int(rows.sum()) * int(workload.triples[0, 1])
    skip = over_limit(needed, limits, "on the CPU the masked copies of A take")
    if skip is not None and jax.default_backend() == "cpu":
        return skip
    tall = jnp.array(np.concatenate(inputs[factors[0]]))
    stack = jnp.array(np.stack(inputs[factors[1]]))
    sizes = jnp.array(rows, jnp.int32)
    product = jax.jit(jax.lax.ragged_dot)

    def call() -> Any:
        return jax.block_until_ready(product(tall, stack, sizes))

    def results(value: Any) -> list[np.ndarray]:
        return np.split(np.asarray(value), np.cumsum(rows)[:-1])

    return Way(call, call, results, note="A laid out as one matrix beforehand")
