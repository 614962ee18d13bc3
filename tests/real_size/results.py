"""A program's results against the float64 reference, and their bits for any number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np

import raggeddsl as rd
from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.compare import compare
from raggeddsl.program.program import Program
from raggeddsl.ragged import Ragged
from raggeddsl.tuning import DEFAULT, Tuning
from tests.kernels.native.running import run_buffers, same_bits
from tests.real_size.finding import Finding
from tests.references import magnitudes

WORKERS = (1, 2, 7)


def compiled(text: str, way: str, tuning: Tuning = DEFAULT) -> Program:
    """The program of `text`, by a kernel's name or `dispatch`."""
    if way == "dispatch":
        return rd.compile(text, target="dispatch", tuning=tuning, ahead=False)
    return rd.compile(text, target="fused", kernel=way, tuning=tuning, ahead=False)  # type: ignore[arg-type]


def in_numpy(values: Mapping[str, Any]) -> dict[str, Any]:
    """Families as lists of arrays, single matrices as arrays."""
    return {
        name: value.to_numpy() if isinstance(value, Ragged) else np.asarray(value)
        for name, value in values.items()
    }


def tame(program: Program, inputs: Mapping[str, Any]) -> bool:
    """Whether no intermediate can come near the end of its type, as the program of absolute values tells."""
    inexact = [DTYPES[t].numpy for t in _types(program) if DTYPES[t].kind != "integer"]
    if not inexact:
        return True
    end = min(float(jax.numpy.finfo(dtype).max) for dtype in inexact)
    sizes = magnitudes(program.plan.graph, in_numpy(inputs)).values()
    members = (member for size in sizes for member in (size if isinstance(size, list) else [size]))
    return all(np.asarray(member).max(initial=0.0) < end / 16 for member in members)


def _types(program: Program) -> set[str]:
    graph = program.plan.graph
    return {graph.type(key).dtype for key in graph.order()}


def check_values(text: str, ways: tuple[str, ...], seed: int, tuning: Tuning = DEFAULT) -> Iterator[Finding]:
    """Each way's results against the reference."""
    first = compiled(text, ways[0], tuning)
    inputs = first.random_inputs(seed)
    if not tame(first, inputs):
        return
    reference = first.reference(inputs)
    for way in ways:
        program = first if way == ways[0] else compiled(text, way, tuning)
        verdict = compare(in_numpy(program(inputs)), reference)
        if not verdict.agreed:
            times = f"{verdict.worst} is off by {verdict.share:.3g} times what is allowed"
            yield Finding(f"values by {way}", f"{times}, {verdict.error:.3g} of its largest", verdict.share)


def check_bits(text: str, seed: int, tuning: Tuning = DEFAULT) -> Iterator[Finding]:
    """The native kernel's bits for 1, 2 and 7 workers."""
    program = compiled(text, "native", tuning)
    inputs = in_numpy(program.random_inputs(seed))
    one, *others = (run_buffers(program.plan, inputs, workers=count, tuning=tuning) for count in WORKERS)
    for count, other in zip(WORKERS[1:], others, strict=True):
        if not same_bits(one, other):
            yield Finding("bits", f"{WORKERS[0]} and {count} workers give different bits")
