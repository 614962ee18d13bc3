"""A planned graph in, a JAX function of packed buffers out, and with it all that is derived from it.

The derivative of a product graph is a product graph, and so are its transpose and many copies of
it: each is a `GraphFunction` again, planned, packed and lowered by the same code, made when a
transformation first asks for it and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any, TypeVar

import jax

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.derive import Batched, Linearised, Transposed, batch, linearise, transpose
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.base import LoweredPlan
from raggeddsl.plan.plan import Plan
from raggeddsl.runtime.primitive import product_graph_p
from raggeddsl.runtime.shared import shared_jit

Prepare = Callable[[Graph], tuple[Plan, LoweredPlan]]
"""Plans a graph in normal form and has a kernel make it ready."""

_Derived = TypeVar("_Derived")


@dataclass(frozen=True, eq=False)
class Derivative:
    """`found.primal` and `found.tangent` as functions; see `raggeddsl.graph.derive.Linearised`."""

    found: Linearised
    primal: GraphFunction
    tangent: GraphFunction


class GraphFunction:
    """`plan`, as `lowered` runs it, as a function of 1-D input buffers in `plan.inputs` order.

    `prepare` plans and lowers derived graphs with the same options and the same kernel.  Two
    functions are equal only if they are one.  Works under every transformation of JAX; thread-safe.
    """

    def __init__(self, plan: Plan, lowered: LoweredPlan, prepare: Prepare) -> None:
        self.plan = plan
        self.lowered = lowered
        self.prepare = prepare
        self.results = tuple(
            jax.ShapeDtypeStruct((plan.buffers[place].size,), DTYPES[plan.buffers[place].dtype].numpy)
            for place in plan.outputs
        )
        self._tables: tuple[jax.Array, ...] | None = None
        self._jitted: Any = None
        self._derived: dict[Hashable, Any] = {}
        self._lock = RLock()

    def __call__(self, buffers: Sequence[Any]) -> list[Any]:
        """The output buffers in `plan.outputs` order."""
        return product_graph_p.bind(*self.tables, *buffers, function=self)

    @property
    def tables(self) -> tuple[jax.Array, ...]:
        """The kernel's tables on the device: operands of the program, whatever is being traced."""
        if self._tables is not None:
            return self._tables
        with self._lock:
            if self._tables is None:
                with jax.ensure_compile_time_eval():
                    # The first call may come from inside another program: keep the tables concrete.
                    self._tables = tuple(jax.device_put(table) for table in self.lowered.tables)
            return self._tables

    def trace(self, *operands: Any) -> list[Any]:
        """The output buffers, traced into the program at hand; `operands` are tables, then buffers."""
        count = len(self.lowered.tables)
        # In a program of the user's own tables are constants, on which XLA must not start to compute.
        tables = jax.lax.optimization_barrier(operands[:count])
        return list(self.lowered.run(operands[count:], tables))

    def execute(self, *operands: Any) -> list[Any]:
        """The output buffers, now; `operands` are tables, then buffers, all concrete."""
        tables = len(self.lowered.tables)
        if not self.lowered.traceable:
            return [jax.device_put(out) for out in self.lowered.run(operands[tables:], ())]
        with self._lock:
            if self._jitted is None:
                key = None if self.lowered.key is None else (self.lowered.kernel, self.lowered.key)
                self._jitted = shared_jit(key, _runner(self.lowered))
        return list(self._jitted(operands[tables:], operands[:tables]))

    # ------------------------------------------------------------ what is derived from it

    def derivative(self, varies: tuple[bool, ...]) -> Derivative | None:
        """The derivative by the inputs that vary; None if no output changes with them."""

        def make() -> Derivative | None:
            found = linearise(self.plan.graph, varies)
            if found is None:
                return None
            primal = self if found.primal is self.plan.graph else self._of(found.primal)
            return Derivative(found, primal, self._of(normalise(found.tangent)))

        return self._once(("derivative", varies), make)

    def transposed(
        self, linear: tuple[bool, ...], cotangents: tuple[bool, ...]
    ) -> tuple[Transposed, GraphFunction]:
        """The transpose by the `linear` inputs, for outputs whose cotangents are not zero.

        Raises `NotLinear` if the function is not linear in them together.
        """

        def make() -> tuple[Transposed, GraphFunction]:
            found = transpose(self.plan.graph, linear, cotangents)
            return found, self._of(normalise(found.graph))

        return self._once(("transposed", linear, cotangents), make)

    def batched(self, which: tuple[bool, ...], size: int) -> tuple[Batched, GraphFunction]:
        """`size` copies of the function, the inputs `which` having one buffer for each."""

        def make() -> tuple[Batched, GraphFunction]:
            found = batch(self.plan.graph, which, size)
            return found, self._of(found.graph)

        return self._once(("batched", which, size), make)

    def _of(self, graph: Graph) -> GraphFunction:
        plan, lowered = self.prepare(graph)
        return GraphFunction(plan, lowered, self.prepare)

    def _once(self, key: Hashable, make: Callable[[], _Derived]) -> _Derived:
        with self._lock:
            if key not in self._derived:
                self._derived[key] = make()
            found: _Derived = self._derived[key]
            return found

    def __repr__(self) -> str:
        return f"{len(self.plan.tasks)} tasks by {self.lowered.kernel}"


def _runner(lowered: LoweredPlan) -> Callable[[Sequence[Any], Sequence[Any]], tuple[Any, ...]]:
    def raggeddsl_program(buffers: Sequence[Any], tables: Sequence[Any]) -> tuple[Any, ...]:
        return lowered.run(buffers, tables)

    return raggeddsl_program
