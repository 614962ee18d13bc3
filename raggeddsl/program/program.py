"""What users hold: names around an `Executable`, a pure function from a dict of inputs to one of results."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source
from raggeddsl.graph.graph import Graph
from raggeddsl.kernels.kernel import StageTime
from raggeddsl.language import ast
from raggeddsl.lowering.choose import Choice
from raggeddsl.lowering.executable import Executable
from raggeddsl.options import Options
from raggeddsl.packing.given import packed_buffers
from raggeddsl.packing.inputs import checked
from raggeddsl.packing.signature import Signature
from raggeddsl.packing.unpack import cut_all
from raggeddsl.packing.values import Value, packed
from raggeddsl.plan.plan import Plan
from raggeddsl.program import pipeline
from raggeddsl.program.donation import donated
from raggeddsl.program.outputs import named
from raggeddsl.program.pipeline import Stages
from raggeddsl.program.random_inputs import random_inputs

if TYPE_CHECKING:
    import networkx as nx

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
        executable: Executable,
        options: Options,
        *,
        spec: Graph | None = None,
        tree: ast.Program | None = None,
        diagnostics: Diagnostics | None = None,
        passes: Sequence[tuple[str, int, int]] = (),
    ) -> None:
        self.executable = executable
        self.options = options
        self.ast = tree
        self.diagnostics: tuple[Diagnostic, ...] = () if diagnostics is None else tuple(diagnostics.found)
        self._spec = executable.plan.graph if spec is None else spec
        self._source: Source | None = None if tree is None else tree.source
        self._passes = tuple(passes)

    @classmethod
    def of(cls, stages: Stages) -> Program:
        """The program of a text whose stages have all run."""
        assert stages.executable is not None
        return cls(
            stages.executable,
            stages.options,
            spec=stages.spec,
            tree=stages.tree,
            diagnostics=stages.diagnostics,
            passes=stages.passes,
        )

    @property
    def inputs(self) -> Signature:
        """Name → dtype and shapes of what a call takes."""
        return self.executable.inputs

    @property
    def outputs(self) -> Signature:
        """Name → dtype and shapes of what it gives."""
        return self.executable.outputs

    @property
    def plan(self) -> Plan:
        """What is computed where, and in which order."""
        return self.executable.plan

    @property
    def choice(self) -> Choice:
        """The target and the kernel, and why."""
        return self.executable.choice

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by part, of `PARTS`, of what has happened so far."""
        return self.executable.timings

    @property
    def graph(self) -> nx.DiGraph:
        """The product graph that was planned, in normal form; `graph.nodes[key]["op"]` is a node.

        A view of `plan.graph`, the same each time.
        """
        return self.plan.graph.to_networkx()

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
        executable = self.executable
        buffers = packed_buffers(inputs, executable.inputs)
        if buffers is not None:
            old = () if donate is None else self._donated(donate, buffers)
            return named(executable.run(buffers, old), executable.outputs)
        checked_inputs = checked(inputs, executable.inputs, self._source, members=executable.takes_members)
        values = executable.ready(checked_inputs)
        return named(executable(values, self._donated(donate, values)), executable.outputs)

    def _checked(self, inputs: Mapping[str, Any]) -> list[Value]:
        return checked(inputs, self.inputs, self._source, members=self.executable.takes_members)

    def _donated(self, old: Mapping[str, Any] | None, values: Sequence[Value]) -> tuple[Any, ...]:
        """The arrays that a call on `values` may write over."""
        if old is None:
            return ()
        if self.executable.takes_members:
            values = ()  # nothing is written over: donating what is read does no harm
        names = (group.names[0] for group in self.inputs.groups)
        return donated(old, self.outputs, dict(zip(names, values, strict=False)), self._source)

    def compile(self, progress: Any = None) -> Program:
        """Have XLA compile everything now, so that the first call need not; returns the program.

        `progress(done, total)` is called as the executables of a dispatched program are compiled;
        without it, a bar is drawn on a terminal once that takes more than a second.
        """
        self.executable.compile(progress)
        return self

    # ------------------------------------------------------------ looking at it

    def explain(self, measure: Mapping[str, Any] | None = None) -> Any:
        """What the program does and costs: print it, or take `.summary()` or `.to_dict()`.

        Shares of time are estimates, unless `measure` is inputs to run the program on a few times.
        """
        from raggeddsl.explain import explain

        executable = self.executable
        lowered = executable.lowered
        facts = {
            "kernel": lowered.kernel,
            "kernel_why": executable.why,
            "target": self.choice.target,
            "target_why": self.choice.target_why,
            "xla_operations": executable.operations(),
            "timings": {part: self.timings[part] for part in PARTS if part in self.timings},
            "passes": self._passes,
        }
        if measure is None:
            return explain(self.plan, lowered, facts=facts)
        call_s, times = self._measured(measure)
        return explain(self.plan, lowered, facts=facts, call_s=call_s, times=times)

    def _measured(self, inputs: Mapping[str, Any]) -> tuple[float, Sequence[StageTime]]:
        """The seconds of the fastest of a few calls, and where the kernel says that they went."""
        executable, values = self.executable, self._checked(inputs)
        jax.block_until_ready(executable(executable.ready(values)))
        seconds = []
        for _ in range(_MEASURED_CALLS):
            start = time.perf_counter()
            jax.block_until_ready(executable(executable.ready(values)))
            seconds.append(time.perf_counter() - start)
        return min(seconds), executable.measure(executable.ready(values))

    def lower(self) -> Any:
        """The program as XLA receives it, a `jax.stages.Lowered`: `.as_text("stablehlo")`, `.compile()`.

        A dispatched program is many small modules; its `Modules` has the same two methods.
        """
        return self.executable.lower()

    def jaxpr(self) -> Any:
        """What JAX traces the program to; `str` of it is text.  Of a dispatched one, all its parts."""
        return self.executable.jaxpr()

    def reference(self, inputs: Mapping[str, Any]) -> Any:
        """The results by the reference, `raggeddsl.graph.compare.Reference`: NumPy, in float64 or complex128.

        It interprets the spec's graph as it was before any pass.  `.values` has the results by
        name, a list of members for a family; `raggeddsl.graph.compare.compare` takes the whole.
        Checks `inputs` as a call does.
        """
        from raggeddsl.graph.interpret import interpret

        by_name: dict[str, Any] = {}
        for group, value in zip(self.inputs.groups, self._checked(inputs), strict=True):
            members = cut_all(np.asarray(packed(value, group)), group.layout)
            if group.family:
                by_name[group.names[0]] = members
            else:
                by_name.update(zip(group.names, members, strict=True))
        return interpret(self._spec, by_name, bounds=True)

    def prove(self) -> str:
        """Prove that what runs computes what the plan says: each multiplication once, nothing unready read.

        A checker that shares nothing with the schedulers looks at the schedule, recipe or launches that
        were made; no inputs are needed.  Gives in a few words what was shown, nothing for the `reference`
        kernel, which reads the plan itself.  Raises `ScheduleFault`, an internal error that names the tasks.
        """
        return self.executable.prove()

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


def _again(text: str, name: str, options: Options) -> Program:
    """The program of a spec that was pickled."""
    return Program.of(pipeline.compiled(text, name, options))
