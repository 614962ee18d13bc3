"""Padding by classes as a way: sizes rounded up to powers of two, members of equal sizes batched.

What JAX's users do where shapes are too many to compile and too different to pad to the largest.
Inputs are padded before the clock starts and results are left padded: both in favour of padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.peers.padded import NOTE, NOTHING_TO_PAD_TO, over_limit, padded
from raggeddsl.bench.peers.way import Limits, Skip, Way
from raggeddsl.bench.workload import Workload


def pad_buckets(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """Every size padded to a power of two, one `jax.vmap` a class of equal sizes, all in one `jax.jit`."""
    import jax
    import jax.numpy as jnp

    member = workload.member
    if member is None:
        return Skip(NOTHING_TO_PAD_TO)
    names = list(workload.families)
    sizes = np.column_stack([powers_of_two(workload.families[name]) for name in names])
    if (skip := over_limit(_bytes(workload, sizes), limits)) is not None:
        return skip
    classes, which = np.unique(sizes, axis=0, return_inverse=True)
    buckets = [np.flatnonzero(which.reshape(-1) == number) for number in range(len(classes))]
    stacks = [
        {
            name: jnp.array(padded([inputs[name][i] for i in bucket.tolist()], tuple(shape)))
            for name, shape in zip(names, shapes.reshape(-1, 2).tolist(), strict=True)
        }
        for bucket, shapes in zip(buckets, classes, strict=True)
    ]
    alone = {name: jnp.array(inputs[name]) for name in workload.shared}
    jax.block_until_ready((stacks, alone))

    @jax.jit
    def program(stacks: Any, alone: Any) -> Any:
        return [jax.vmap(lambda row: member({**row, **alone}))(stack) for stack in stacks]

    def call() -> Any:
        return jax.block_until_ready(program(stacks, alone))

    def results(value: Any) -> list[np.ndarray]:
        matrices: list[np.ndarray] = [np.empty(0)] * workload.members
        for bucket, stack in zip(buckets, map(np.asarray, value), strict=True):
            for place, i in enumerate(bucket.tolist()):
                m, n = workload.results[i]
                matrices[i] = stack[place, :m, :n]
        return matrices

    return Way(call, call, results, note=f"{len(classes)} classes, {NOTE}")


def powers_of_two(sizes: np.ndarray) -> np.ndarray:
    """The least powers of two that are not less; 0 stays 0."""
    return np.where(sizes > 0, 2 ** np.ceil(np.log2(np.maximum(sizes, 1))), 0).astype(np.int64)


def _bytes(workload: Workload, sizes: np.ndarray) -> int:
    """Bytes of all inputs and results, each size rounded up."""
    inputs = sizes.reshape(len(sizes), -1, 2).prod(axis=2).sum()
    return 4 * int(inputs + powers_of_two(workload.results).prod(axis=1).sum())
