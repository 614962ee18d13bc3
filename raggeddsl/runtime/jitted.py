"""A lowered plan in, one jitted program over packed buffers out: traced, lowered and compiled once."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import jax

from raggeddsl.kernels.base import LoweredPlan
from raggeddsl.plan.plan import Plan
from raggeddsl.runtime.deliver import INSIDE, cut
from raggeddsl.runtime.pack import traced
from raggeddsl.runtime.signature import Signature

_LARGEST_CACHE = 256

_lock = RLock()
_cache: OrderedDict[Hashable, Any] = OrderedDict()


def clear_programs() -> None:
    """Forget the jitted functions that programs share."""
    with _lock:
        _cache.clear()


@dataclass(eq=False)
class Jitted:
    """`lowered` as a jitted function; `timings` receives the seconds of "trace", "lower" and "compile"."""

    plan: Plan
    lowered: LoweredPlan
    inputs: Signature
    outputs: Signature
    timings: dict[str, float]
    _tables: tuple[jax.Array, ...] | None = None
    _function: Any = None
    _traced: Any = None
    _lowered: Any = None
    _compiled: Any = None
    _once: RLock = field(default_factory=RLock)

    def __call__(self, buffers: Sequence[Any]) -> tuple[Any, ...]:
        """The outputs as `deliver.cut` gives them, from the plan's input buffers; traceable."""
        if not self.lowered.traceable and not traced(buffers):
            return cut([jax.device_put(out) for out in self.lowered.run(buffers, ())], self.outputs)
        if self._compiled is None and not traced(buffers):
            self.compile()  # once, even if several threads call at once
        function, tables = self._ready()
        return function(tuple(buffers), tables)

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
                self._compiled = self._timed("compile", lowered.compile)

    def _ready(self) -> tuple[Any, tuple[jax.Array, ...]]:
        with self._once:
            if self._function is None:
                with jax.ensure_compile_time_eval():
                    # The first call may come from inside another program: keep the tables concrete.
                    self._tables = tuple(jax.device_put(table) for table in self.lowered.tables)
                self._function = _shared(self._key(), self.lowered, self.outputs)
            assert self._tables is not None
            return self._function, self._tables

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


def _shared(key: Hashable | None, lowered: LoweredPlan, outputs: Signature) -> Any:
    """The jitted function of `lowered`, one for all programs of equal key, which so compile only once."""

    def raggeddsl_program(buffers: Sequence[Any], tables: Sequence[Any]) -> tuple[Any, ...]:
        return cut(lowered.run(buffers, tables), outputs)

    if key is None:
        return jax.jit(raggeddsl_program)
    with _lock:
        if key not in _cache:
            _cache[key] = jax.jit(raggeddsl_program)
            while len(_cache) > _LARGEST_CACHE:
                _cache.popitem(last=False)
        _cache.move_to_end(key)
        return _cache[key]
