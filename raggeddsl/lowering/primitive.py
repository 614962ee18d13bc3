"""The JAX primitive `product_graph`: packed buffers in and out, closed under JAX's transformations.

Its parameter is the `GraphFunction` to run.  The derivative of a product graph is a product graph, and so
are its transpose and many copies of it: each is a `GraphFunction` again, planned, packed and lowered by
the same code, made when a transformation first asks for it and kept.  Each rule of the primitive binds
it again with such a function.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import compress
from threading import RLock
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.interpreters import partial_eval as pe

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.derive import Batched, Linearised, Transposed, batch, linearise, transpose
from raggeddsl.graph.derive.read import only_read
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.passes import normalise
from raggeddsl.graph.passes.rewrite import Rewrite
from raggeddsl.kernels.kernel import LoweredPlan, Resident
from raggeddsl.lowering.embedded import embedded, resident_in
from raggeddsl.lowering.jit_cache import everything_cached, shared_jit
from raggeddsl.lowering.varying import agreeing, result_type
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import DEFAULT, GraphTuning

product_graph_p = Primitive("product_graph")
product_graph_p.multiple_results = True

Prepare = Callable[[Graph], tuple[Plan, LoweredPlan]]
"""Plans a graph in normal form and has a kernel make it ready."""

_MOST_DERIVED = 64
"""How many functions derived from one are kept: batches of ever other sizes would fill the memory."""

_Derived = TypeVar("_Derived")


@dataclass(frozen=True, eq=False)
class Derivative:
    """`found.primal` and `found.tangent` as functions; see `raggeddsl.graph.derive.Linearised`."""

    found: Linearised
    primal: GraphFunction
    tangent: GraphFunction


class GraphFunction:
    """`graph`, in normal form, as a function of 1-D buffers, one for each of its inputs.

    `prepare` plans and lowers it and what is derived from it, with the same options and for the
    same kernel, when that is first needed; `prepared` is what it gives, if that is there already.  What is
    derived gets its normal form by the thresholds of `tuning`.
    Two functions are equal only if they are one.  Works under every transformation of JAX;
    thread-safe.
    """

    def __init__(
        self,
        graph: Graph,
        prepare: Prepare,
        prepared: tuple[Plan, LoweredPlan] | None = None,
        tuning: GraphTuning = DEFAULT.graph,
    ) -> None:
        self.graph = graph
        self.prepare = prepare
        self._tuning = tuning
        types = [graph.type(output.operand.node) for output in graph.outputs]
        self.results = tuple(
            jax.ShapeDtypeStruct((int(type.sizes.sum()),), DTYPES[type.dtype].numpy) for type in types
        )
        self._made = prepared
        self._tables: tuple[jax.Array, ...] | None = None
        self._jitted: Any = None
        self._derived: dict[Hashable, Any] = {}
        self._lock = RLock()

    def __call__(self, buffers: Sequence[Any]) -> list[Any]:
        """The output buffers, in the order of the graph's outputs."""
        return product_graph_p.bind(*agreeing(buffers), function=self)

    @property
    def plan(self) -> Plan:
        """How the graph is computed."""
        return self._prepared()[0]

    @property
    def lowered(self) -> LoweredPlan:
        """What the kernel made of the plan."""
        return self._prepared()[1]

    def _prepared(self) -> tuple[Plan, LoweredPlan]:
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self.prepare(self.graph)
        return self._made

    @property
    def tables(self) -> tuple[jax.Array, ...]:
        """The kernel's tables on the device: concrete, whatever is being traced."""
        if self._tables is not None:
            return self._tables
        with self._lock:
            if self._tables is None:
                with jax.ensure_compile_time_eval():
                    self._tables = tuple(jax.device_put(table) for table in self.lowered.tables)
            return self._tables

    def trace(self, resident: Resident | None, *buffers: Any) -> list[Any]:
        """The output buffers, traced into the program at hand.

        The tables are those that are `resident`, or else constants of that program.
        """
        if resident is not None:
            return list(resident.run(buffers))
        return list(self.lowered.run(buffers, embedded(self.lowered)))

    def execute(self, *buffers: Any) -> list[Any]:
        """The output buffers, now, by a program that has the tables as operands."""
        lowered = self.lowered
        if not lowered.traceable:
            return [jax.device_put(out) for out in lowered.run(buffers, ())]
        if self._jitted is None:
            key = None if lowered.key is None else (lowered.kernel, lowered.key)
            self._jitted = shared_jit(key, _runner(lowered))
            with everything_cached():  # the first call compiles
                return list(self._jitted(buffers, self.tables))
        return list(self._jitted(buffers, self.tables))

    # ------------------------------------------------------------ what is derived from it

    def derivative(self, varies: tuple[bool, ...]) -> Derivative | None:
        """The derivative by the inputs that vary; None if no output changes with them."""

        def make() -> Derivative | None:
            linearised = linearise(self.graph, varies)
            if linearised is None:
                return None
            primal = self if linearised.primal is self.graph else self._of(linearised.primal)
            return Derivative(linearised, primal, self._of(normalise(linearised.tangent, self._tuning)))

        return self._once(("derivative", varies), make)

    def transposed(
        self, linear: tuple[bool, ...], cotangents: tuple[bool, ...]
    ) -> tuple[Transposed, GraphFunction]:
        """The transpose by the `linear` inputs, for outputs whose cotangents are not zero.

        Raises `NotLinear` if the function is not linear in them together.
        """

        def make() -> tuple[Transposed, GraphFunction]:
            transposed = transpose(self.graph, linear, cotangents)
            return transposed, self._of(normalise(transposed.graph, self._tuning))

        return self._once(("transposed", linear, cotangents), make)

    def batched(self, which: tuple[bool, ...], size: int) -> tuple[Batched, GraphFunction]:
        """`size` copies of the function, the inputs `which` having one buffer for each."""

        def make() -> tuple[Batched, GraphFunction]:
            batched = batch(self.graph, which, size)
            return batched, self._of(batched.graph)

        return self._once(("batched", which, size), make)

    def restricted(self, outputs: tuple[bool, ...]) -> tuple[tuple[int, ...], GraphFunction]:
        """The function with these outputs only, and the inputs that it still needs, by position."""

        def make() -> tuple[tuple[int, ...], GraphFunction]:
            fewer = Rewrite(self.graph)
            for key in self.graph.order():
                fewer.keep(key)
            graph, left = only_read(fewer.graph(tuple(compress(self.graph.outputs, outputs))))
            return left, self._of(graph)

        return self._once(("restricted", outputs), make)

    def _of(self, graph: Graph) -> GraphFunction:
        return GraphFunction(graph, self.prepare, tuning=self._tuning)

    def _once(self, key: Hashable, make: Callable[[], _Derived]) -> _Derived:
        with self._lock:
            if key not in self._derived:
                self._derived[key] = make()
                if len(self._derived) > _MOST_DERIVED:
                    del self._derived[next(iter(self._derived))]
            derived: _Derived = self._derived[key]
            return derived

    def __repr__(self) -> str:
        return f"{len(self.graph.inputs)} families to {len(self.results)}"


def _runner(lowered: LoweredPlan) -> Callable[[Sequence[Any], Sequence[Any]], tuple[Any, ...]]:
    def raggeddsl_program(buffers: Sequence[Any], tables: Sequence[Any]) -> tuple[Any, ...]:
        return lowered.run(buffers, tables)

    return raggeddsl_program


# ---------------------------------------------------------------- evaluation and types


def _execute(*buffers: Any, function: GraphFunction) -> list[Any]:
    return function.execute(*buffers)


def _types(*buffers: Any, function: GraphFunction) -> list[Any]:
    assert len(buffers) == len(function.graph.inputs)
    return [result_type(buffers, result.shape, result.dtype) for result in function.results]


product_graph_p.def_impl(_execute)
product_graph_p.def_abstract_eval(_types)


# ---------------------------------------------------------------- lowering


def _lower(context: Any, *operands: Any, function: GraphFunction) -> Any:
    """The call, in a program that somebody else traces."""
    resident = resident_in(function.lowered, context.module_context)
    return mlir.lower_fun(partial(function.trace, resident), multiple_results=True)(context, *operands)


mlir.register_lowering(product_graph_p, _lower)


# ---------------------------------------------------------------- jvp


def _jvp(
    buffers: Sequence[Any], dots: Sequence[Any], *, function: GraphFunction
) -> tuple[list[Any], list[Any]]:
    """Run the function with what its derivative reads as further outputs, then the derivative."""
    derivative = function.derivative(tuple(not isinstance(dot, ad.Zero) for dot in dots))
    if derivative is None:
        outputs = function(buffers)
        return outputs, [_zero(output) for output in outputs]
    linearised = derivative.found
    outputs = derivative.primal(buffers)
    changes = derivative.tangent(
        [buffers[place] for place in linearised.given]
        + [outputs[place] for place in linearised.kept]
        + [dots[place] for place in linearised.varied]
    )
    results = outputs[: len(function.results)]
    by_place = dict(zip(linearised.outputs, changes, strict=True))
    return results, [
        by_place[place] if place in by_place else _zero(out) for place, out in enumerate(results)
    ]


def _zero(primal: Any) -> Any:
    return ad.Zero(jax.typeof(primal).to_tangent_aval())


ad.primitive_jvps[product_graph_p] = _jvp


# ---------------------------------------------------------------- transpose


def _transpose(cotangents: Sequence[Any], *buffers: Any, function: GraphFunction) -> list[Any]:
    """The cotangents of the buffers that are linear; None for the others."""
    linear = tuple(ad.is_undefined_primal(buffer) for buffer in buffers)
    nonzero = tuple(not isinstance(cotangent, ad.Zero) for cotangent in cotangents)
    transposed, run = function.transposed(linear, nonzero)
    results = run(
        [buffers[place] for place in transposed.given] + [cotangents[place] for place in transposed.outputs]
    )
    by_place = dict(zip(transposed.reached, results, strict=True))

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


# ---------------------------------------------------------------- batching


def _batch(
    buffers: Sequence[Any], axes: Sequence[int | None], *, function: GraphFunction
) -> tuple[list[Any], list[int | None]]:
    """All copies by one function: buffers of the copies end to end."""
    which = tuple(axis is not None for axis in axes)
    (size,) = {buffer.shape[axis] for buffer, axis in zip(buffers, axes, strict=True) if axis is not None}
    batched, run = function.batched(which, size)
    results = run(
        [
            buffer if axis is None else jnp.moveaxis(buffer, axis, 0).reshape(-1)
            for buffer, axis in zip(buffers, axes, strict=True)
        ]
    )
    shapes = [result.shape for result in function.results]
    shown = [
        result.reshape(size, *shape) if many else result
        for result, shape, many in zip(results, shapes, batched.outputs, strict=True)
    ]
    return shown, [0 if many else None for many in batched.outputs]


batching.primitive_batchers[product_graph_p] = _batch


# ---------------------------------------------------------------- dead code


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
