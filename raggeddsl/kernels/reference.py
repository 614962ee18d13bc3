"""The kernel `reference`: a plan's table run row by row in NumPy, in f64, c128 or int64.

It reads the table and nothing else, so it is the oracle of the planner and of every other kernel.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.kernel import LoweredPlan, ShapeClass, StageReport
from raggeddsl.plan.plan import Op, Plan, Stage, TaskTable
from raggeddsl.plan.validate import validate
from raggeddsl.tuning import Tuning

_DOMAINS = {"integer": np.dtype(np.int64), "float": np.dtype(np.float64), "complex": np.dtype(np.complex128)}


class ReferenceKernel:
    """Runs anywhere: concrete arrays directly, tracers by `jax.pure_callback`."""

    name = "reference"

    @classmethod
    def tuned(cls, tuning: Tuning) -> Self:
        """The kernel; it has no thresholds."""
        return cls()

    def unavailable(self, plan: Plan, backend: str) -> str | None:
        """None: every plan on every backend."""
        return None

    def lower(self, plan: Plan) -> LoweredPlan:
        """`run` gives NumPy arrays in the outputs' dtypes; nothing is compiled.

        Intermediates are never rounded to their own dtype; integers wrap where a stage ends.
        """
        validate(plan)

        def run(buffers: Sequence[Any], tables: Sequence[Any]) -> tuple[Any, ...]:
            if any(_is_tracer(buffer) for buffer in buffers):
                return _called_back(plan, buffers)
            return run_table(plan, buffers)

        def report() -> tuple[StageReport, ...]:
            return tuple(_report(plan, number, stage) for number, stage in enumerate(plan.stages))

        return LoweredPlan(self.name, run, (), report, traceable=False)


def run_table(plan: Plan, buffers: Sequence[Any]) -> tuple[np.ndarray, ...]:
    """The output buffers of `plan`, given its input buffers as 1-D arrays in `plan.inputs` order."""
    memory: list[np.ndarray] = [np.zeros(0)] * len(plan.buffers)
    for number, buffer in enumerate(plan.buffers):
        if buffer.kind != "input":
            # NaN shows in the result if a row reads or adds to what no row has stored.
            memory[number] = np.full(buffer.size, _poison(buffer.dtype), _domain(buffer.dtype))
    for number, values in zip(plan.inputs, buffers, strict=True):
        array = np.asarray(values)
        assert array.shape == (plan.buffers[number].size,), f"buffer {number} has shape {array.shape}"
        memory[number] = array.astype(_domain(plan.buffers[number].dtype))
    with np.errstate(all="ignore"):
        for stage in plan.stages:
            _run_stage(plan, stage, memory)
        return tuple(memory[n].astype(DTYPES[plan.buffers[n].dtype].numpy) for n in plan.outputs)


def _domain(dtype: str) -> np.dtype:
    return _DOMAINS[DTYPES[dtype].kind]


def _poison(dtype: str) -> float | int:
    return -(1 << 62) + 12345 if DTYPES[dtype].kind == "integer" else np.nan


def _run_stage(plan: Plan, stage: Stage, memory: list[np.ndarray]) -> None:
    out = memory[stage.buffer]
    for row in _row_tuples(plan.tasks.rows(stage.start, stage.stop)):
        _run_row(row, memory, out)
    dtype = plan.buffers[stage.buffer].dtype
    if DTYPES[dtype].kind == "integer":
        out[:] = out.astype(DTYPES[dtype].numpy)


def _row_tuples(rows: TaskTable) -> zip[tuple[Any, ...]]:
    """The rows as tuples of plain numbers, in column order."""
    return zip(*(getattr(rows, name).tolist() for name in rows.__dataclass_fields__), strict=True)


def _run_row(row: tuple[Any, ...], memory: list[np.ndarray], out: np.ndarray) -> None:
    op, m, n, k, a, a_at, a_t, b, b_at, b_t, _, c_at, s, s_at, alpha, accumulate = row
    block = out[c_at : c_at + m * n].reshape(m, n)
    if op == Op.ZERO:
        block[:] = 0
        return
    width = k if op == Op.PRODUCT else n
    value = _matrix(memory[a], a_at, m, width, a_t, out.dtype)
    if op == Op.PRODUCT:
        value = value @ _matrix(memory[b], b_at, k, n, b_t, out.dtype)
    value = np.asarray(alpha).astype(out.dtype) * value
    if s >= 0:
        value = memory[s][s_at].astype(out.dtype) * value
    block[:] = block + value if accumulate else value


def _matrix(
    buffer: np.ndarray, at: int, rows: int, cols: int, transposed: bool, domain: np.dtype
) -> np.ndarray:
    """`[rows, cols]` in `domain`, stored as its transpose where `transposed`."""
    flat = buffer[at : at + rows * cols].astype(domain, copy=False)
    return flat.reshape(cols, rows).T if transposed else flat.reshape(rows, cols)


def _is_tracer(value: Any) -> bool:
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(value, jax.core.Tracer)


def _called_back(plan: Plan, buffers: Sequence[Any]) -> tuple[Any, ...]:
    """The same under `jit` or `vmap`: a call back into this process while the program runs."""
    import jax

    outputs = [plan.buffers[number] for number in plan.outputs]
    shapes = tuple(jax.ShapeDtypeStruct((b.size,), DTYPES[b.dtype].numpy) for b in outputs)
    return tuple(
        jax.pure_callback(lambda *arrays: run_table(plan, arrays), shapes, *buffers, vmap_method="sequential")
    )


def _report(plan: Plan, number: int, stage: Stage) -> StageReport:
    """The stage's products, its combines and its zeros, each run one at a time."""
    rows = plan.tasks.rows(stage.start, stage.stop)
    classes = []
    for op in Op:
        chosen = rows.op == op
        if not chosen.any():
            continue
        flop = float(np.sum(rows.flop[chosen]))
        m, n, k = (int(np.max(sizes[chosen])) for sizes in (rows.m, rows.n, rows.k))
        classes.append(ShapeClass("member", int(np.count_nonzero(chosen)), m, n, k, flop, flop))
    return StageReport(number, tuple(classes))
