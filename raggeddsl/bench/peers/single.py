"""One product as a way: what a call costs at the least, to measure the call of many small products by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.peers.way import Limits, Skip, Way, Work
from raggeddsl.bench.workload import Workload


def jit_one(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """One call of `jax.jit(lambda a, b: a @ b)` on the first pair, where all pairs have one shape."""
    import jax
    import jax.numpy as jnp

    factors = workload.plain_product
    if factors is None or workload.distinct_shapes != 1:
        return Skip("one call does one product, and these are not pairs of one shape")
    a, b = (jnp.array(inputs[name][0]) for name in factors)
    product = jax.jit(lambda a, b: a @ b)
    m, k, n = workload.triples[0].tolist()

    def call() -> Any:
        return product(a, b).block_until_ready()

    def work() -> Work:
        return Work(2.0 * m * k * n, 4 * (m * k + k * n + m * n))

    return Way(call, call, lambda value: [np.asarray(value)], work=work, members=1)
