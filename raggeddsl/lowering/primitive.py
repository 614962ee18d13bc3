"""The JAX primitive `product_graph`: packed buffers in and out, closed under JAX's transformations.

Its parameter is the `raggeddsl.lowering.graph_function.GraphFunction` to run.  Each rule binds the
primitive again with a function derived from that one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.interpreters import partial_eval as pe

from raggeddsl.lowering.embedded import resident
from raggeddsl.lowering.varying import result_type

if TYPE_CHECKING:
    from raggeddsl.lowering.graph_function import GraphFunction

product_graph_p = Primitive("product_graph")
product_graph_p.multiple_results = True


def _execute(*buffers: Any, function: GraphFunction) -> list[Any]:
    return function.execute(*buffers)


def _types(*buffers: Any, function: GraphFunction) -> list[Any]:
    assert len(buffers) == len(function.graph.inputs)
    return [result_type(buffers, result.shape, result.dtype) for result in function.results]


product_graph_p.def_impl(_execute)
product_graph_p.def_abstract_eval(_types)


def _lower(context: Any, *operands: Any, function: GraphFunction) -> Any:
    """The call, in a program that somebody else traces."""
    found = resident(function.lowered, context.module_context)
    return mlir.lower_fun(partial(function.trace, found), multiple_results=True)(context, *operands)


mlir.register_lowering(product_graph_p, _lower)


def _jvp(
    buffers: Sequence[Any], dots: Sequence[Any], *, function: GraphFunction
) -> tuple[list[Any], list[Any]]:
    """Run the function with what its derivative reads as further outputs, then the derivative."""
    derivative = function.derivative(tuple(not isinstance(dot, ad.Zero) for dot in dots))
    if derivative is None:
        outputs = function(buffers)
        return outputs, [_zero(output) for output in outputs]
    found = derivative.found
    outputs = derivative.primal(buffers)
    changes = derivative.tangent(
        [buffers[place] for place in found.given]
        + [outputs[place] for place in found.kept]
        + [dots[place] for place in found.varied]
    )
    own = outputs[: len(function.results)]
    by_place = dict(zip(found.outputs, changes, strict=True))
    return own, [by_place[place] if place in by_place else _zero(out) for place, out in enumerate(own)]


def _zero(primal: Any) -> Any:
    return ad.Zero(jax.typeof(primal).to_tangent_aval())


ad.primitive_jvps[product_graph_p] = _jvp


def _transpose(cotangents: Sequence[Any], *buffers: Any, function: GraphFunction) -> list[Any]:
    """The cotangents of the buffers that are linear; None for the others."""
    linear = tuple(ad.is_undefined_primal(buffer) for buffer in buffers)
    given = tuple(not isinstance(cotangent, ad.Zero) for cotangent in cotangents)
    found, run = function.transposed(linear, given)
    results = run([buffers[place] for place in found.given] + [cotangents[place] for place in found.outputs])
    by_place = dict(zip(found.reached, results, strict=True))

    def cotangent(place: int) -> Any:
        if not linear[place]:
            return None
        aval = buffers[place].aval
        return _as_type(by_place[place], aval.dtype) if place in by_place else ad.Zero(aval)

    return [cotangent(place) for place in range(len(buffers))]


def _as_type(value: Any, dtype: Any) -> Any:
    """The real part where `dtype` is real: the transpose of taking a real number for a complex one."""
    if value.dtype == dtype:
        return value
    return jax.lax.real(value).astype(dtype)


ad.primitive_transposes[product_graph_p] = _transpose


def _batch(
    buffers: Sequence[Any], axes: Sequence[int | None], *, function: GraphFunction
) -> tuple[list[Any], list[int | None]]:
    """All copies by one function: buffers of the copies end to end."""
    which = tuple(axis is not None for axis in axes)
    (size,) = {buffer.shape[axis] for buffer, axis in zip(buffers, axes, strict=True) if axis is not None}
    found, run = function.batched(which, size)
    results = run(
        [
            buffer if axis is None else jnp.moveaxis(buffer, axis, 0).reshape(-1)
            for buffer, axis in zip(buffers, axes, strict=True)
        ]
    )
    shapes = [result.shape for result in function.results]
    shown = [
        result.reshape(size, *shape) if many else result
        for result, shape, many in zip(results, shapes, found.outputs, strict=True)
    ]
    return shown, [0 if many else None for many in found.outputs]


batching.primitive_batchers[product_graph_p] = _batch


def _without_unused(used: Sequence[bool], equation: Any) -> tuple[list[bool], Any]:
    """The equation without outputs that nothing reads: a checkpoint recomputes only what it needs."""
    if not any(used):
        return [False] * len(equation.invars), None
    if all(used):
        return [True] * len(equation.invars), equation
    left, run = equation.params["function"].restricted(tuple(used))
    fewer = equation.replace(
        invars=[equation.invars[place] for place in left],
        outvars=list(compress(equation.outvars, used)),
        params={"function": run},
    )
    return [place in left for place in range(len(equation.invars))], fewer


pe.dce_rules[product_graph_p] = _without_unused
