"""Graphs as JAX functions of their packed inputs, on every kernel that this installation has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.passes import normalise
from raggeddsl.kernels import registry
from raggeddsl.lowering.primitive import GraphFunction
from raggeddsl.native.library import register
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from tests.graph.derive.deriving import random_numbers

NATIVE = pytest.param(
    "native", marks=pytest.mark.skipif(register() is not None, reason="there is no native library")
)
KERNELS = ("xla", NATIVE, "reference")
kernels = pytest.mark.parametrize("kernel", KERNELS)
compiled_kernels = pytest.mark.parametrize("kernel", KERNELS[:2])


def function_of(graph: Graph, kernel: str) -> GraphFunction:
    """`graph` as a function of packed buffers, which are in the order of `plan.inputs`."""

    def prepared(graph: Graph) -> Any:
        plan = plan_graph(graph, Options(memory_limit=1 << 40))
        found = registry.kernel(kernel)
        assert found is not None
        return plan, found.lower(plan)

    return GraphFunction(normalise(graph), prepared)


def buffers_for(function: GraphFunction, seed: int = 0) -> list[Any]:
    """Random inputs of `function`, in their dtypes."""
    rng = np.random.default_rng(seed)
    buffers = [function.plan.buffers[place] for place in function.plan.inputs]
    return [jnp.asarray(random_numbers(rng, b.size, b.dtype), DTYPES[b.dtype].numpy) for b in buffers]


def of_inexact(function: GraphFunction, buffers: Sequence[Any]) -> tuple[Callable[..., Any], list[Any]]:
    """`function` of those buffers that can vary, giving those results that can, and these buffers."""
    varies = [jnp.issubdtype(buffer.dtype, jnp.inexact) for buffer in buffers]

    def of_varying(*given: Any) -> list[Any]:
        left = iter(given)
        results = function([next(left) if v else b for v, b in zip(varies, buffers, strict=True)])
        return [result for result in results if jnp.issubdtype(result.dtype, jnp.inexact)]

    return of_varying, [buffer for buffer, v in zip(buffers, varies, strict=True) if v]


def assert_close(given: Any, wanted: Any, tolerance: float) -> None:
    """Both pytrees of one form, equal up to `tolerance` of each array's largest element."""
    given_leaves, form = jax.tree.flatten(given)
    wanted_leaves, wanted_form = jax.tree.flatten(wanted)
    assert form == wanted_form
    for one, other in zip(given_leaves, wanted_leaves, strict=True):
        assert one.shape == other.shape and one.dtype == other.dtype
        size = float(np.abs(np.asarray(other).astype(np.complex128)).max(initial=0.0))
        np.testing.assert_allclose(
            np.asarray(one).astype(np.complex128),
            np.asarray(other).astype(np.complex128),
            rtol=tolerance,
            atol=tolerance * (1.0 + size),
        )
