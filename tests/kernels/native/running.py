"""A graph or a plan and NumPy inputs in, what the native kernel computes out, as the reference names it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields, replace
from functools import cache

import jax
import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.compare import compare
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import FamilyType, Input, Operand, Output, Product, Term
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.native.library import instruction_sets, set_poison
from raggeddsl.options import Options
from raggeddsl.plan import Plan, plan_graph
from raggeddsl.tuning import DEFAULT, BlockTuning, Tuning
from tests.references import reference_for
from tests.steps import unproved

LEAST = BlockTuning(*[1] * len(fields(BlockTuning)))
"""Every block size at its least."""


@cache
def isas() -> tuple[str, ...]:
    """The instruction sets that the library has and this processor can run."""
    return instruction_sets()


def planned(graph: Graph) -> Plan:
    return plan_graph(graph, Options(memory_limit=1 << 40))


def packed(plan: Plan, inputs: dict) -> list[np.ndarray]:
    """The input buffers: members row-major, end to end."""
    found = []
    for number in plan.inputs:
        node = plan.graph.op(plan.buffers[number].node)
        members = inputs[node.names[0]] if node.family else [inputs[name] for name in node.names]
        dtype = DTYPES[node.type.dtype].numpy
        flat = [np.asarray(member).reshape(-1) for member in members]
        found.append(np.concatenate([np.zeros(0, dtype), *flat]).astype(dtype))
    return found


def named(plan: Plan, buffers: tuple) -> dict:
    """The output buffers cut into members, by name."""
    found: dict = {}
    flat = dict(zip(plan.outputs, map(np.asarray, buffers), strict=True))
    for output in plan.results:
        node = output.operand.node
        type, place = plan.graph.type(node), plan.places[node]
        members = []
        for m, n, at in zip(type.rows, type.cols, place.offsets, strict=True):
            block = flat[place.buffer][at : at + m * n]
            members.append(block.reshape(() if type.scalar else (m, n)))
        found.update({output.names[0]: members} if output.family else zip(output.names, members, strict=True))
    return found


def run_buffers(
    plan: Plan, inputs: dict, *, workers: int | None = None, isa: str = "", tuning: Tuning = DEFAULT
) -> tuple:
    """The output buffers, computed by the native kernel in one jitted program."""
    return run_buffers_each(plan, inputs, [NativeKernel(workers=workers, isa=isa, tuning=tuning)])[0]


def run_buffers_each(plan: Plan, inputs: dict, kernels: Sequence[NativeKernel]) -> list[tuple]:
    """The output buffers that each kernel computes: one jitted program calls them all.

    A schedule does not depend on the instruction set, so that those that differ in it only are proved once.
    """
    lowered, proved = [], set()
    for kernel in kernels:
        schedule = replace(kernel, isa="")
        with nullcontext() if schedule not in proved else unproved():
            lowered.append(kernel.lower(plan))
        proved.add(schedule)

    def run_all(buffers: list, tables: list) -> list:
        return [one.run(buffers, own) for one, own in zip(lowered, tables, strict=True)]

    with jax.enable_x64(True):
        found = jax.jit(run_all)(packed(plan, inputs), [one.tables for one in lowered])
    return [tuple(map(np.asarray, buffers)) for buffers in found]


def run(plan: Plan, inputs: dict, **how) -> dict:
    """The results by name."""
    return named(plan, run_buffers(plan, inputs, **how))


def run_in_every_isa(
    plan: Plan, inputs: dict, *, workers: int | None = None, tuning: Tuning = DEFAULT
) -> dict[str, dict]:
    """The results by instruction set, then by name."""
    kernels = [NativeKernel(workers=workers, isa=isa, tuning=tuning) for isa in isas()]
    each = run_buffers_each(plan, inputs, kernels)
    return {isa: named(plan, buffers) for isa, buffers in zip(isas(), each, strict=True)}


def check(graph: Graph, inputs: dict, plan: Plan | None = None, **how) -> None:
    """The native kernel agrees with the interpreter, each entry within its bound."""
    found = run(planned(graph) if plan is None else plan, inputs, **how)
    verdict = compare(found, reference_for(graph, inputs))
    assert verdict.agreed, verdict


def check_in_every_isa(graph: Graph, inputs: dict, plan: Plan, **how) -> None:
    """As `check`, in every instruction set there is, against one reference."""
    reference = reference_for(graph, inputs)
    for isa, found in run_in_every_isa(plan, inputs, **how).items():
        verdict = compare(found, reference)
        assert verdict.agreed, (isa, verdict)


@contextmanager
def poison(on: bool = True) -> Iterator[None]:
    """Within it, what a call reads before it is written is NaN or -1; not so with `on=False`."""
    before = set_poison(on)
    try:
        yield
    finally:
        set_poison(before)


def same_bits(one: tuple, other: tuple) -> bool:
    return len(one) == len(other) and all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def sized(rows, cols, dtype: str = "f32", scalar: bool = False) -> FamilyType:
    return FamilyType(np.asarray(rows, np.int64), np.asarray(cols, np.int64), dtype, scalar)


def pairs(shapes, dtype: str = "f32", a_t: bool = False, b_t: bool = False, **product) -> Graph:
    """op(A[i]) @ op(B[i]) for (m, k, n) in `shapes`, operands stored transposed where said."""
    m, k, n = (np.array(column, np.int64) for column in zip(*shapes, strict=True))
    graph = Graph()
    a = graph.add(Input(sized(k, m, dtype) if a_t else sized(m, k, dtype), ("A",), True))
    b = graph.add(Input(sized(n, k, dtype) if b_t else sized(k, n, dtype), ("B",), True))
    left, right = Operand(a, transposed=a_t), Operand(b, transposed=b_t)
    show(graph, graph.add(Product(sized(m, n, dtype), left, right, **product)))
    return graph


def gram(shapes, dtype: str = "f32", transposed: bool = False, addend: float | None = None) -> Graph:
    """X[i] @ X[i].T, or X[i].T @ X[i]; with `addend`, plus that times the product itself squared."""
    m, k = (np.array(column, np.int64) for column in zip(*shapes, strict=True))
    graph = Graph()
    x = graph.add(Input(sized(m, k, dtype), ("X",), True))
    size = k if transposed else m
    square = sized(size, size, dtype)
    s = graph.add(Product(square, Operand(x, transposed=transposed), Operand(x, transposed=not transposed)))
    if addend is None:
        show(graph, s)
        return graph
    squared = Product(square, Operand(s), Operand(s), factor=0.5, addends=(Term(Operand(s), addend),))
    show(graph, s, graph.add(squared))
    return graph


def show(graph: Graph, *nodes: int) -> None:
    """Make these nodes the graph's outputs, Y0, Y1 …"""
    graph.outputs = tuple(Output((f"Y{at}",), Operand(node), True) for at, node in enumerate(nodes))
