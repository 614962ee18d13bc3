"""raggeddsl itself as a way: spec and tables in, a compiled program over resident `Ragged` inputs out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from raggeddsl.bench.pairs import equal
from raggeddsl.bench.peers.mkl import load  # first: whoever is first chooses MKL's threads, and we need none
from raggeddsl.bench.peers.way import Limits, Prepare, Skip, Way
from raggeddsl.bench.workload import Workload
from raggeddsl.options import KernelName, Target


def chosen(words: list[str]) -> tuple[Target | None, KernelName | None] | None:
    """The target and the kernel among `words`, None for one that is not said; None if a word is neither."""
    targets: list[Target] = [known for known in get_args(Target) if known in words]
    kernels: list[KernelName] = [known for known in get_args(KernelName) if known in {*words} - {*targets}]
    if len(targets) + len(kernels) != len(words) or len(targets) > 1 or len(kernels) > 1:
        return None
    return (targets[0] if targets else None), (kernels[0] if kernels else None)


def variant(words: list[str]) -> Prepare | None:
    """The peer `raggeddsl:WORD:…`, each word a target or a kernel; None if one is neither.

    With the word `donate` in front, each call is given the result of the one before, to write over.
    """
    donate = words[:1] == ["donate"]
    choice = chosen(words[1:] if donate else words)
    if choice is None:
        return None
    target, kernel = choice

    def prepare(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
        if kernel == "mkl" and load() is None:
            return Skip("MKL is not installed (pip install mkl)")
        return _prepare(workload, inputs, target or limits.target, kernel or limits.kernel, limits, donate)

    return prepare


def _prepare(
    workload: Workload,
    inputs: Mapping[str, Any],
    target: Target,
    kernel: KernelName,
    limits: Limits,
    donate: bool = False,
) -> Way | Skip:
    import raggeddsl as rd

    shapes = workload.distinct_shapes
    if target == "dispatch" and shapes > limits.shapes and not limits.force:
        return Skip(f"{shapes:,} distinct shapes, one executable each (--shape-limit {shapes} tries)")

    resident = resident_inputs(workload, inputs)
    programs: list[Any] = []
    old: list[Any] = []

    def first() -> Any:
        rd.clear_caches()  # another row of raggeddsl may have compiled the same program
        programs.append(compiled(workload, target, kernel))
        return call()

    def call() -> Any:
        out = programs[-1](resident, donate=old.pop() if old else None)
        for value in out.values():
            value.block_until_ready()
        if donate:
            old.append(out)
        return out

    def results(value: Any) -> list[np.ndarray]:
        return [np.asarray(member) for member in value[workload.out].to_list()]

    note = "each result is written over the one before" if donate else ""
    return Way(first, call, results, note=note, facts=lambda: facts(programs[-1]))


def warm_up() -> None:
    """One tiny program each way, so that no first call pays for starting JAX or building the parser."""
    import jax
    import jax.numpy as jnp

    jax.block_until_ready(jax.jit(lambda a: a @ a)(jnp.ones((8, 8))))
    tiny = equal(2, 2)
    jax.block_until_ready(compiled(tiny)(tiny.inputs()))


def resident_inputs(workload: Workload, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs on the device: families as `Ragged`, single matrices as arrays."""
    import jax

    import raggeddsl as rd

    resident = {
        name: rd.Ragged.from_list(value) if name in workload.families else jax.device_put(value)
        for name, value in inputs.items()
    }
    return jax.block_until_ready(resident)


def compiled(workload: Workload, target: Target = "auto", kernel: KernelName = "auto") -> Any:
    """The workload's `Program`; its tables pass through files, as a user's would."""
    import raggeddsl as rd

    with tempfile.TemporaryDirectory(prefix="raggeddsl-bench-") as folder:
        for name, columns in workload.tables.items():
            np.savez(Path(folder) / name, **columns)  # type: ignore[arg-type]
        return rd.compile(workload.spec, folder=Path(folder), target=target, kernel=kernel)


def facts(program: Any) -> dict[str, Any]:
    """What a program says about itself, by stable keys.

    `compile_s`: seconds by part; `target`, `kernel`: what was chosen; `computed_flop_ratio`: what
    the kernel computes against what was asked for; `peak_bytes` of the plan; `scratch_bytes`: what
    intermediates take, in the kernel or else in the plan; `xla_operations`.
    """
    said = program.explain().to_dict()
    summary = said["summary"]
    return {
        "compile_s": {part: float(seconds) for part, seconds in program.timings.items()},
        "target": said["target"]["name"],
        "kernel": said["kernel"]["name"],
        "computed_flop_ratio": summary.get("computed_flop_ratio"),
        "peak_bytes": summary["peak_bytes"],
        "scratch_bytes": summary.get("kernel_scratch_bytes", summary["scratch_bytes"]),
        "xla_operations": said.get("xla_operations"),
    }
