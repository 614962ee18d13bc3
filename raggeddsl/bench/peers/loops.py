"""Natural code as ways: the NumPy loop, the JAX list comprehension, and jit over the loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.peers.way import Limits, Skip, Way, as_list
from raggeddsl.bench.workload import Workload


def numpy_loop(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """`[a @ b for a, b in zip(As, Bs)]`, each product on NumPy's BLAS threads."""

    def call() -> Any:
        return workload.natural(inputs)

    return Way(call, call, as_list, settle=0.05)


def jax_list(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """The same comprehension over JAX arrays: operations are dispatched asynchronously, one by one."""
    import jax

    if (skip := _too_many(workload, limits)) is not None:
        return skip
    resident = _resident(inputs)

    def call() -> Any:
        return jax.block_until_ready(workload.natural(resident))

    return Way(call, call, as_list)


def jit_loop(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """`jax.jit` over the comprehension: every array is an argument, compile time is quadratic in those."""
    import jax

    arrays = sum(map(len, workload.families.values()))
    if arrays > 2 * limits.shapes and not limits.force:
        what = f"{arrays:,} arrays across the jit boundary: quadratic compile time"
        return Skip(f"{what} (--shape-limit {-(-arrays // 2)} tries)")
    resident = _resident(inputs)
    program = jax.jit(workload.natural)

    def call() -> Any:
        return jax.block_until_ready(program(resident))

    return Way(call, call, as_list)


def _too_many(workload: Workload, limits: Limits) -> Skip | None:
    """A reason not to compile shape by shape: there are more than allowed."""
    shapes = workload.distinct_shapes
    if shapes <= limits.shapes or limits.force:
        return None
    what = f"{shapes:,} distinct shapes, compiled one by one at about 20 ms each"
    return Skip(f"{what} (--shape-limit {shapes} tries)")


def _resident(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """JAX arrays of the same values, on the device; copied, since jax would alias NumPy's memory."""
    import jax
    import jax.numpy as jnp

    resident = {
        name: [jnp.array(np.asarray(x)) for x in value] if isinstance(value, list) else jnp.array(value)
        for name, value in inputs.items()
    }
    return jax.block_until_ready(resident)
