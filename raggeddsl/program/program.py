"""A plan in, a `Program` out: a pure function from a dict of inputs to a dict of results."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any, cast

import jax

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source
from raggeddsl.graph.graph import Graph
from raggeddsl.kernels.kernel import LoweredPlan, StageTime
from raggeddsl.language import ast
from raggeddsl.lowering.choose import Choice, choose, installed
from raggeddsl.lowering.dispatch import Dispatched, lower_dispatch
from raggeddsl.lowering.dispatch.modules import Modules
from raggeddsl.lowering.fused import Jitted
from raggeddsl.lowering.graph_function import GraphFunction
from raggeddsl.lowering.signature import Signature, input_signature, output_signature
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from raggeddsl.plan.plan import Plan
from raggeddsl.program.donation import donated
from raggeddsl.program.inputs import Received, packed_buffers, receive
from raggeddsl.program.outputs import deliver, deliver_members
from raggeddsl.program.random_inputs import random_inputs
from raggeddsl.ragged import Ragged

PARTS = ("parse", "graph", "plan", "tables", "trace", "lower", "compile")
"""What `Program.timings` may have, in the order in which it happens; what has not happened is not there.

`tables` is the kernel's part of planning: what its program looks up at run time.  The three after it are
JAX's.
"""

_MEASURED_CALLS = 5


class Program:
    """A compiled spec: call it with a dict of inputs, get a dict of results.

    It is a pure function and works under `jax.jit`, `jax.grad` and `jax.vmap`; inside such a
    function a program whose target is `dispatch` runs as the fused one.  It may be called from
    several threads at once, and never compiles twice.
    """

    def __init__(
        self,
        plan: Plan,
        options: Options,
        *,
        spec: Graph | None = None,
        tree: ast.Program | None = None,
        diagnostics: Diagnostics | None = None,
        timings: Mapping[str, float] | None = None,
        passes: Sequence[tuple[str, int, int]] = (),
    ) -> None:
        found = Diagnostics() if diagnostics is None else diagnostics
        self.plan = plan
        self.options = options
        self.ast = tree
        self.choice: Choice = choose(plan, options, jax.default_backend(), found)
        self.timings: dict[str, float] = dict(timings or {})
        self.inputs: Signature = input_signature(plan)
        self.outputs: Signature = output_signature(plan)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(found.found)
        self._spec = plan.graph if spec is None else spec
        self._source: Source | None = None if tree is None else tree.source
        self._passes = tuple(passes)
        self._lock = RLock()
        self._fused: Jitted | None = None
        self._dispatched: Dispatched | None = None

    @property
    def graph(self) -> Graph:
        """The product graph that was planned, a `networkx.DiGraph` in normal form."""
        return self.plan.graph

    # ------------------------------------------------------------ calling it

    def __call__(
        self, inputs: Mapping[str, Any], *, donate: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Run the program.

        `inputs` has a value for each name of `program.inputs`: for a family a `Ragged`, a list of
        arrays, or one array with a leading axis of members where all have one shape; for a single
        matrix an array.  Results are a `Ragged` for a family and a `jax.Array` for a single matrix,
        ready when they are read.  Raises one `RmmError` with everything that is wrong with the
        inputs (RMM701 to RMM707).

        `donate` is an earlier result of this program that is no longer needed, or a part of it, by
        name: the new one takes over its memory, which saves the page faults of fresh memory, and
        the old arrays are deleted.  What is no such result is refused (RMM714).  As with
        `jax.jit(donate_argnums=…)` it is a hint: under a transformation, for a dispatched program,
        and for memory that NumPy views still read, it changes nothing.
        """
        buffers = packed_buffers(inputs, self.inputs) if self.choice.target == "fused" else None
        if buffers is not None:
            old = () if donate is None else self._donated(donate, buffers)
            return deliver(self._whole().run(buffers, old), self.outputs)
        return self.run(receive(inputs, self.inputs, self._source), donate)

    def run(self, received: Sequence[Received], donate: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run on inputs that are checked already, one for each group of `inputs`."""
        if self.choice.target == "dispatch" and not any(one.traced for one in received):
            self._donated(donate, ())
            members = self._members()([one.arrays() for one in received])
            return deliver_members(members, self.outputs)
        buffers = [one.buffer() for one in received]
        return deliver(self._whole()(buffers, self._donated(donate, buffers)), self.outputs)

    def _donated(self, old: Mapping[str, Any] | None, buffers: Sequence[Any]) -> tuple[Any, ...]:
        """The arrays that a call on `buffers` (none: of a dispatched program) may write over."""
        if old is None:
            return ()
        names = (group.names[0] for group in self.inputs.groups)
        return donated(old, self.outputs, dict(zip(names, buffers, strict=False)), self._source)

    def compile(self, progress: Any = None) -> Program:
        """Have XLA compile everything now, so that the first call need not; returns the program.

        `progress(done, total)` is called as the executables of a dispatched program are compiled;
        without it, a bar is drawn on a terminal once that takes more than a second.
        """
        if self.choice.target == "dispatch":
            dispatched = self._members()
            start = time.perf_counter()
            if dispatched.compile(progress):
                self.timings["compile"] = time.perf_counter() - start
        else:
            self._whole().compile()
        return self

    # ------------------------------------------------------------ looking at it

    def explain(self, measure: Mapping[str, Any] | None = None) -> Any:
        """What the program does and costs: print it, or take `.summary()` or `.to_dict()`.

        Shares of time are estimates, unless `measure` is inputs to run the program on a few times.
        """
        from raggeddsl.explain.explain import explain

        dispatched = self.choice.target == "dispatch"
        lowered = self._members() if dispatched else self._whole().lowered
        facts = {
            "kernel": "dispatch" if dispatched else self.choice.kernel,
            "kernel_why": self._dispatch_why() if dispatched else self.choice.kernel_why,
            "target": self.choice.target,
            "target_why": self.choice.target_why,
            "xla_operations": self._operations(),
            "timings": {part: self.timings[part] for part in PARTS if part in self.timings},
            "passes": self._passes,
        }
        if measure is None:
            return explain(self.plan, cast(LoweredPlan, lowered), facts=facts)
        call_s, times = self._measured(measure)
        return explain(self.plan, cast(LoweredPlan, lowered), facts=facts, call_s=call_s, times=times)

    def _measured(self, inputs: Mapping[str, Any]) -> tuple[float, Sequence[StageTime]]:
        """The seconds of the fastest of a few calls, and where the kernel says that they went."""
        received = receive(inputs, self.inputs, self._source)
        jax.block_until_ready(self.run(received))
        seconds = []
        for _ in range(_MEASURED_CALLS):
            start = time.perf_counter()
            jax.block_until_ready(self.run(received))
            seconds.append(time.perf_counter() - start)
        measure = None if self.choice.target == "dispatch" else self._whole().lowered.measure
        return min(seconds), () if measure is None else measure([one.buffer() for one in received])

    def lower(self) -> Any:
        """The program as XLA receives it, a `jax.stages.Lowered`: `.as_text("stablehlo")`, `.compile()`.

        A dispatched program is many small modules; its `Modules` has the same two methods.
        """
        return Modules(self._members()) if self.choice.target == "dispatch" else self._whole().lower()

    def jaxpr(self) -> Any:
        """What JAX traces the program to; `str` of it is text.  Of a dispatched one, all its parts."""
        if self.choice.target == "dispatch":
            return Modules(self._members()).jaxpr()
        return self._whole().trace().jaxpr

    def reference(self, inputs: Mapping[str, Any]) -> Any:
        """The results by the reference, `raggeddsl.graph.compare.Reference`: NumPy, in float64 or complex128.

        It interprets the spec's graph as it was before any pass.  `.values` has the results by
        name, a list of members for a family; `raggeddsl.graph.compare.compare` takes the whole.
        Checks `inputs` as a call does.
        """
        from raggeddsl.graph.interpret import interpret

        given: dict[str, Any] = {}
        for one in receive(inputs, self.inputs, self._source):
            packed = one.value if isinstance(one.value, Ragged) else Ragged(one.buffer(), one.group.layout)
            members = packed.to_numpy()
            if one.group.family:
                given[one.group.names[0]] = members
            else:
                given.update(zip(one.group.names, members, strict=True))
        return interpret(self._spec, given, bounds=True)

    def prove(self) -> str:
        """Prove that what runs computes what the plan says: each multiplication once, nothing unready read.

        A checker that shares nothing with the schedulers looks at the schedule, recipe or launches that
        were made; no inputs are needed.  Gives in a few words what was shown, nothing for the `reference`
        kernel, which reads the plan itself.  Raises `ScheduleFault`, an internal error that names the tasks.
        """
        dispatched = self.choice.target == "dispatch"
        prove = self._members().prove if dispatched else self._whole().lowered.prove
        return "" if prove is None else prove()

    def random_inputs(self, seed: int = 0) -> dict[str, Any]:
        """Normally distributed inputs, the same for a seed on every machine.

        Scaled so that spectral norms stay near 1; integers are small.
        """
        return random_inputs(self.inputs, seed)

    def __copy__(self) -> Program:
        return self

    def __deepcopy__(self, memo: Any) -> Program:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its source text and options: compiled anew, tables read again, where it is unpickled."""
        if self._source is None:
            raise TypeError("only a program that was compiled from a text can be pickled: it has none")
        return _again, (self._source.text, self._source.name, self.options)

    def __repr__(self) -> str:
        return f"Program({self.inputs!r} -> {self.outputs!r}, {self.choice.target})"

    # ------------------------------------------------------------ its two lowerings

    def _whole(self) -> Jitted:
        """The fused program; made when it is first needed."""
        if self._fused is not None:
            return self._fused
        with self._lock:
            if self._fused is None:
                start = time.perf_counter()
                lowered = self._lowered(self.plan)
                self.timings["tables"] = time.perf_counter() - start
                made = self.plan, lowered
                tuning = self.options.tuning.graph
                function = GraphFunction(self.plan.graph, self._prepared, made, tuning)
                self._fused = Jitted(function, self.inputs, self.outputs, self.timings)
            return self._fused

    def _lowered(self, plan: Plan) -> LoweredPlan:
        kernel = installed(self.choice.kernel, self.options.tuning)
        assert kernel is not None, "the kernel was there when it was chosen"
        return kernel.lower(plan)

    def _prepared(self, graph: Graph) -> tuple[Plan, LoweredPlan]:
        """A graph derived from this program's, planned with its options for its kernel."""
        plan = plan_graph(graph, self.options)
        # Gradients and batches have larger buffers: the kernel may be unable to run them.
        options = replace(self.options, target="fused", kernel=self.choice.kernel)
        choose(plan, options, jax.default_backend(), Diagnostics())
        return plan, self._lowered(plan)

    def _members(self) -> Dispatched:
        """The dispatched program; made when it is first needed."""
        with self._lock:
            if self._dispatched is None:
                start = time.perf_counter()
                self._dispatched = lower_dispatch(self.plan)
                self.timings["lower"] = time.perf_counter() - start
            return self._dispatched

    def _dispatch_why(self) -> str:
        inside = f"inside jit, grad and vmap it runs fused, by the {self.choice.kernel} kernel"
        return f"one executable for each exact shape; {inside}"

    def _operations(self) -> int:
        """How many XLA operations a call runs: those of the fused program, or launches of small ones."""
        if self.choice.target == "dispatch":
            return len(self._members().launches.kind)
        return len(re.findall(r"\bstablehlo\.\w+", self._whole().lower().as_text("stablehlo")))


def _again(text: str, name: str, options: Options) -> Program:
    """The program of a spec that was pickled."""
    from raggeddsl.api import planned

    return planned(text, name, options)
