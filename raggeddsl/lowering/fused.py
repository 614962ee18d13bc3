"""A lowered plan in, one jitted program over packed buffers out: traced, lowered and compiled once."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import jax

from raggeddsl.kernels.kernel import LoweredPlan
from raggeddsl.lowering.graph_function import GraphFunction
from raggeddsl.lowering.persistent import everything_cached
from raggeddsl.lowering.shared import shared_jit
from raggeddsl.lowering.signature import Signature
from raggeddsl.packing.pack import traced
from raggeddsl.program.outputs import INSIDE, cut


@dataclass(eq=False)
class Jitted:
    """`graph_function` jitted; `timings` receives the seconds of "trace", "lower" and "compile"."""

    graph_function: GraphFunction
    inputs: Signature
    outputs: Signature
    timings: dict[str, float]
    _function: Any = None
    _tables: tuple[jax.Array, ...] = ()
    _donating: Any = None
    _traced: Any = None
    _lowered: Any = None
    _compiled: Any = None
    _once: RLock = field(default_factory=RLock)

    @property
    def lowered(self) -> LoweredPlan:
        """What the kernel made of the plan."""
        return self.graph_function.lowered

    def __call__(self, buffers: Sequence[Any], donated: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        """The outputs as `deliver.cut` gives them, from the plan's input buffers; traceable.

        `donated` are arrays of an earlier call, as `raggeddsl.program.donation` finds them, whose
        memory the outputs of the same type and shape take over where XLA can.
        """
        if traced(buffers):
            # Tracers need the primitive, which knows its derivatives.
            return cut(self.graph_function(buffers), self.outputs)
        return self.run(buffers, donated)

    def run(self, buffers: Sequence[Any], donated: tuple[Any, ...] = ()) -> tuple[Any, ...]:
        """The same for buffers that are known to be concrete: a call of few lines."""
        if self._compiled is None:
            if not self.lowered.traceable:
                return cut(self.graph_function(buffers), self.outputs)
            self.compile()  # once, even if several threads call at once
        function = self._donate() if donated else self._function
        more = (donated,) if donated else ()
        found: tuple[Any, ...] = function(tuple(buffers), self._tables, *more)
        return found

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
                traced = self.trace()
                self._lowered = self._timed("lower", traced.lower)
            return self._lowered

    def compile(self) -> None:
        """Have XLA compile the program, so that the first call need not."""
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
        shown = tuple(
            None if group.family or len(group.names) > INSIDE else group.layout
            for group in self.outputs.groups
        )
        return self.lowered.kernel, self.lowered.key, shown

    def _timed(self, part: str, function: Any, *arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        self.timings[part] = self.timings.get(part, 0.0) + time.perf_counter() - start
        return result


def _program(lowered: LoweredPlan, outputs: Signature) -> Any:
    def raggeddsl_program(buffers: Sequence[Any], tables: Sequence[Any]) -> tuple[Any, ...]:
        return cut(lowered.run(buffers, tables), outputs)

    return raggeddsl_program
