"""A plan and its kernel in, one jitted program over packed buffers out: traced, lowered and compiled once."""

from __future__ import annotations

import re
import time
from collections.abc import Hashable, Sequence
from threading import RLock
from typing import Any

import jax

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.graph.graph import Graph
from raggeddsl.kernels.kernel import LoweredPlan, StageTime
from raggeddsl.lowering.choose import Choice, require
from raggeddsl.lowering.executable import Progress
from raggeddsl.lowering.jit_cache import everything_cached, shared_jit
from raggeddsl.lowering.primitive import GraphFunction
from raggeddsl.lowering.signature import input_signature, output_signature
from raggeddsl.options import Options
from raggeddsl.packing.pack import traced
from raggeddsl.packing.signature import Group, Signature
from raggeddsl.packing.values import Value, packed
from raggeddsl.plan import plan_graph
from raggeddsl.plan.plan import Plan


class Fused:
    """The plan as one jitted program; an `Executable`.

    `timings` receives the seconds of "tables", "trace", "lower" and "compile".
    """

    def __init__(self, plan: Plan, options: Options, choice: Choice, timings: dict[str, float]) -> None:
        self.plan = plan
        self.options = options
        self.choice = choice
        self.inputs: Signature = input_signature(plan)
        self.outputs: Signature = output_signature(plan)
        self.timings = timings
        self._once = RLock()
        self._graph_function: GraphFunction | None = None
        self._function: Any = None
        self._tables: tuple[jax.Array, ...] = ()
        self._donating: Any = None
        self._traced: Any = None
        self._lowered: Any = None
        self._compiled: Any = None

    # ------------------------------------------------------------ running it

    takes_members = False

    def run(self, buffers: Sequence[Any], donated: tuple[Any, ...] = ()) -> tuple[Value, ...]:
        """The results for concrete buffers: a call of few lines."""
        if self._compiled is None:
            if not self.lowered.traceable:
                return _cut(self.graph_function(buffers), self.outputs)
            self.compile()  # once, even if several threads call at once
        function = self._donate() if donated else self._function
        more = (donated,) if donated else ()
        results: tuple[Value, ...] = function(tuple(buffers), self._tables, *more)
        return results

    def ready(self, values: Sequence[Value]) -> list[Value]:
        """The buffers: members are packed."""
        return [packed(value, group) for value, group in zip(values, self.inputs.groups, strict=True)]

    def __call__(self, values: Sequence[Value], donated: tuple[Any, ...] = ()) -> tuple[Value, ...]:
        """The results for buffers, traced or not; of single matrices, few are arrays of their own.

        The new outputs take over the memory of `donated`, arrays of an earlier call, where XLA can.
        """
        if traced(values):
            # Tracers need the primitive, which knows its derivatives.
            return _cut(self.graph_function(values), self.outputs)
        return self.run(values, donated)

    # ------------------------------------------------------------ making it

    @property
    def graph_function(self) -> GraphFunction:
        """The graph as a JAX function of buffers, with all that is derived from it."""
        if self._graph_function is None:
            with self._once:
                if self._graph_function is None:
                    start = time.perf_counter()
                    prepared = self.plan, self.choice.implementation.lower(self.plan)
                    self.timings["tables"] = time.perf_counter() - start
                    tuning = self.options.tuning.graph
                    self._graph_function = GraphFunction(self.plan.graph, self._prepared, prepared, tuning)
        return self._graph_function

    def _prepared(self, graph: Graph) -> tuple[Plan, LoweredPlan]:
        """A graph derived from this program's, planned with its options for its kernel."""
        plan = plan_graph(graph, self.options)
        kernel = self.choice.implementation
        # Gradients and batches have larger buffers: the kernel may be unable to run them.
        require(kernel, kernel.name, plan, jax.default_backend(), Diagnostics())
        return plan, kernel.lower(plan)

    @property
    def lowered(self) -> LoweredPlan:
        """What the kernel made of the plan."""
        return self.graph_function.lowered

    def trace(self) -> Any:
        """The `jax.stages.Traced` of the program."""
        with self._once:
            if self._traced is None:
                function, tables = self._ready()
                buffers = tuple(
                    jax.ShapeDtypeStruct((group.layout.size,), group.dtype) for group in self.inputs.groups
                )
                self._traced = self._timed("trace", function.trace, buffers, tables)
            return self._traced

    def lower(self) -> Any:
        """The `jax.stages.Lowered` of the program."""
        with self._once:
            if self._lowered is None:
                traced_program = self.trace()
                self._lowered = self._timed("lower", traced_program.lower)
            return self._lowered

    def compile(self, progress: Progress | None = None) -> None:
        """Have XLA compile the program; there is no progress to tell of."""
        if not self.lowered.traceable:
            return
        with self._once:
            if self._compiled is None:
                lowered = self.lower()
                with everything_cached():
                    self._compiled = self._timed("compile", lowered.compile)

    def _ready(self) -> tuple[Any, tuple[jax.Array, ...]]:
        with self._once:
            if self._function is None:
                self._tables = self.graph_function.tables
                self._function = shared_jit(self._key(), _program(self.lowered, self.outputs))
            return self._function, self._tables

    def _donate(self) -> Any:
        """The program with old outputs as further arguments, which XLA gives to the new outputs."""
        with self._once:
            if self._donating is None:
                run = _program(self.lowered, self.outputs)
                # The old values are not read: only their memory counts, so jax must not drop them.
                self._donating = jax.jit(
                    lambda buffers, tables, _old: run(buffers, tables), donate_argnums=2, keep_unused=True
                )
            return self._donating

    def _key(self) -> Hashable | None:
        if self.lowered.key is None:
            return None
        shown = tuple(None if group.stays_packed else group.layout for group in self.outputs.groups)
        return self.lowered.kernel, self.lowered.key, shown

    def _timed(self, part: str, function: Any, *arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        self.timings[part] = self.timings.get(part, 0.0) + time.perf_counter() - start
        return result

    # ------------------------------------------------------------ looking at it

    def jaxpr(self) -> Any:
        """What JAX traces the program to."""
        return self.trace().jaxpr

    @property
    def why(self) -> str:
        """Why its kernel computes."""
        return self.choice.kernel_why

    @property
    def ran(self) -> str:
        """What computes, as in "the results by …"."""
        return f"the {self.choice.kernel} kernel"

    def operations(self) -> int:
        """How many XLA operations the program has."""
        return len(re.findall(r"\bstablehlo\.\w+", self.lower().as_text("stablehlo")))

    def measure(self, values: Sequence[Value]) -> Sequence[StageTime]:
        """Where the time of a call on these buffers goes, if the kernel can say."""
        return () if self.lowered.measure is None else self.lowered.measure(values)

    def prove(self) -> str:
        """Prove what the kernel made of the plan; nothing for `reference`, which reads the plan itself."""
        return "" if self.lowered.prove is None else self.lowered.prove()


def _program(lowered: LoweredPlan, outputs: Signature) -> Any:
    def raggeddsl_program(buffers: Sequence[Any], tables: Sequence[Any]) -> tuple[Any, ...]:
        return _cut(lowered.run(buffers, tables), outputs)

    return raggeddsl_program


def _cut(buffers: Sequence[Any], signature: Signature) -> tuple[Value, ...]:
    """Traceable: each buffer as a program returns it, few single matrices as arrays of their own."""
    return tuple(_members(buffer, group) for buffer, group in zip(buffers, signature.groups, strict=True))


def _members(buffer: Any, group: Group) -> Value:
    if group.stays_packed:
        return buffer
    layout = group.layout
    starts = layout.offsets.tolist()
    sizes = layout.sizes.tolist()
    return tuple(
        buffer[start : start + size].reshape(layout.shape(member))
        for member, (start, size) in enumerate(zip(starts, sizes, strict=True))
    )
