"""A plan in, the native task table out: one packed struct a row, offsets in bytes, strides written out.

The layout is that of `struct Task` in `src/table.h`; the executor checks every field again.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.native.library import block_sizes
from raggeddsl.plan.plan import Op, Plan
from raggeddsl.tuning import BlockTuning

DTYPE_CODES = {
    name: code for code, name in enumerate(("f32", "f64", "bf16", "f16", "c64", "c128", "i8", "i32"))
}

ITEM_SIZES = np.array([DTYPES[name].itemsize for name in DTYPE_CODES], np.int64)
"""Bytes of an element, by code."""

ACCUMULATE, MIRROR = 1, 2

TASK = np.dtype(
    [
        ("op", np.int32),
        ("flags", np.int32),
        ("a_type", np.int8),
        ("b_type", np.int8),
        ("c_type", np.int8),
        ("s_type", np.int8),
        ("compute", np.int8),
        ("unused", np.int8, 3),
        ("m", np.int64),
        ("n", np.int64),
        ("k", np.int64),
        ("a_row", np.int64),
        ("a_col", np.int64),
        ("b_row", np.int64),
        ("b_col", np.int64),
        ("c_row", np.int64),
        ("a_buffer", np.int32),
        ("b_buffer", np.int32),
        ("c_buffer", np.int32),
        ("s_buffer", np.int32),
        ("a_offset", np.int64),
        ("b_offset", np.int64),
        ("c_offset", np.int64),
        ("s_offset", np.int64),
        ("alpha", np.float64),
    ]
)
assert TASK.itemsize == 136


HEADER = 3 + len(fields(BlockTuning))
"""Words of 8 bytes before the tasks of a `joined` table."""


def joined(tasks: np.ndarray, jobs: np.ndarray, phases: np.ndarray, blocks: BlockTuning) -> np.ndarray:
    """A schedule as the executor reads it: counts of tasks, jobs and phases, block sizes, then all these.

    Counts and sizes are int64, `tasks` is `TASK[T]`, `jobs` int64[J, 2], `phases` int64[P + 1].  As
    int32[words], since jax without x64 has no int64; one array, since each operand of a call costs 0.3
    microseconds.
    """
    counts = np.array([len(tasks), len(jobs), len(phases) - 1], np.int64)
    parts = (counts, block_sizes(blocks), tasks, jobs, phases)
    return np.concatenate([np.ravel(part).view(np.int32) for part in parts])


def tasks_of(table: np.ndarray) -> np.ndarray:
    """`TASK[T]`, the tasks in a `joined` table: a view."""
    words = table.view(np.int64)
    tasks: np.ndarray = words[HEADER : HEADER + words[0] * TASK.itemsize // 8].view(TASK)
    return tasks


@dataclass(frozen=True, eq=False)
class BufferMap:
    """Where the executor finds each of the plan's buffers.

    Native buffers are the plan's inputs, its outputs, the scratch arena, and each worker's own
    local memory, in this order; `number`, `base` (bytes), `item` and `dtype` have one entry a
    buffer of the plan, and one more for buffer -1, which is none: number -1 and else 0.
    """

    number: np.ndarray
    base: np.ndarray
    item: np.ndarray
    dtype: np.ndarray
    arena: int
    local: int

    @staticmethod
    def of(plan: Plan, arena_base: np.ndarray) -> BufferMap:
        """The map of a plan whose scratch buffer b lies at `arena_base[b]` bytes of the arena."""
        arena = len(plan.inputs) + len(plan.outputs)
        number = np.append(np.full(len(plan.buffers), arena, np.int32), np.int32(-1))
        number[list(plan.inputs)] = np.arange(len(plan.inputs))
        number[list(plan.outputs)] = np.arange(len(plan.inputs), arena)
        return BufferMap(
            number,
            np.append(arena_base, 0),
            np.array([DTYPES[b.dtype].itemsize for b in plan.buffers] + [0], np.int64),
            np.array([DTYPE_CODES[b.dtype] for b in plan.buffers] + [0], np.int8),
            arena,
            arena + 1,
        )


def compute_code(kept: str) -> int:
    """The type that products are computed in whose sums are `kept` in one, as the executor numbers it."""
    return DTYPE_CODES["i32" if DTYPES[kept].kind == "integer" else DTYPES[kept].accumulate]


def summed_wider(tasks: np.ndarray) -> np.ndarray:
    """bool[T]: tasks whose results are stored in less than what they are computed in, but for integers.

    Sums of several of them must not be stored in between.
    """
    wider: np.ndarray = (tasks["compute"] != tasks["c_type"]) & (tasks["compute"] != DTYPE_CODES["i32"])
    return wider


def native_rows(plan: Plan, buffers: BufferMap) -> np.ndarray:
    """`TASK[T]`: every row of the plan's table, in its order, scratch in the arena."""
    t = plan.tasks
    rows = np.zeros(len(t), TASK)
    product = t.op == Op.PRODUCT
    rows["op"] = t.op
    rows["flags"] = np.where(t.accumulate, ACCUMULATE, 0)
    for name in ("m", "n", "k"):
        rows[name] = getattr(t, name)
    inner = np.where(product, t.k, t.n)  # columns of op(A)
    rows["a_row"], rows["a_col"] = np.where(t.a_t, 1, inner), np.where(t.a_t, t.m, 1)
    rows["b_row"], rows["b_col"] = np.where(t.b_t, 1, t.n), np.where(t.b_t, t.k, 1)
    rows["c_row"] = t.n
    rows["alpha"] = t.alpha
    for name in ("a", "b", "c", "s"):
        buffer, offset = getattr(t, f"{name}_buffer"), getattr(t, f"{name}_offset")
        rows[f"{name}_type"] = buffers.dtype[buffer]
        rows[f"{name}_buffer"] = buffers.number[buffer]
        rows[f"{name}_offset"] = buffers.base[buffer] + offset * buffers.item[buffer]
    for stage in plan.stages:
        rows["compute"][stage.start : stage.stop] = compute_code(stage.kept)
    return rows


def item_sizes(rows: np.ndarray) -> dict[str, np.ndarray]:
    """Bytes of an element of each operand of each row: keys a, b and c."""
    return {name: ITEM_SIZES[rows[f"{name}_type"]] for name in "abc"}


def combines(to: np.ndarray, from_: np.ndarray, flags: int = 0) -> np.ndarray:
    """`TASK[T]`: combines C = A (+ C, by `flags`), with the C of `to`, and for A the C of `from_`."""
    tasks = to.copy()
    tasks["op"], tasks["flags"], tasks["k"], tasks["alpha"] = Op.COMBINE, flags, 0, 1.0
    for name in ("buffer", "offset", "type", "row"):
        tasks[f"a_{name}"] = from_[f"c_{name}"]
    tasks["a_col"] = 1
    for name in ("b", "s"):
        tasks[f"{name}_buffer"], tasks[f"{name}_offset"] = -1, 0
    return tasks
