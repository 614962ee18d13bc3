"""A plan in; nothing out, or an `AssertionError` that names the row, stage or buffer at fault.

What is checked here is what a kernel may rely on.  Everything is vectorised over rows.
"""

from __future__ import annotations

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.plan.arena import ALIGNMENT
from raggeddsl.plan.plan import Op, Plan, Stage, TaskTable


def validate(plan: Plan) -> None:
    """Raise `AssertionError` unless `plan` keeps every promise of `TaskTable`, `Stage` and `Buffer`."""
    _rows(plan.tasks)
    _operands_inside(plan)
    _stages(plan)
    groups = [_accumulation(plan, stage) for stage in plan.stages]
    _written_once(plan, groups)
    _arena(plan)


def _all(rows: np.ndarray, promise: str, first: int = 0) -> None:
    """`rows` is true everywhere, or the first row where it is not is named."""
    if not rows.all():
        raise AssertionError(f"row {first + int(np.argmin(rows))}: {promise}")


def _require(kept: bool, promise: str) -> None:
    if not kept:
        raise AssertionError(promise)


def _rows(tasks: TaskTable) -> None:
    product = tasks.op == Op.PRODUCT
    for name in tasks.__dataclass_fields__:
        _require(len(getattr(tasks, name)) == len(tasks), f"column {name} has another length")
    _all(np.isin(tasks.op, [int(op) for op in Op]), "op is PRODUCT, COMBINE or ZERO")
    _all((tasks.m > 0) & (tasks.n > 0), "a task has at least one row and column")
    _all(np.where(product, tasks.k > 0, tasks.k == 0), "k is positive in a product, else 0")
    _all((tasks.op != Op.ZERO) | ~tasks.accumulate, "zeroing stores")


def _operands_inside(plan: Plan) -> None:
    tasks, product = plan.tasks, plan.tasks.op == Op.PRODUCT
    ones = np.ones(len(tasks), np.int64)
    _inside(plan, "a", tasks.op != Op.ZERO, tasks.m, np.where(product, tasks.k, tasks.n))
    _inside(plan, "b", product, tasks.k, tasks.n)
    _inside(plan, "c", np.ones(len(tasks), np.bool_), tasks.m, tasks.n)
    _inside(plan, "s", (tasks.op != Op.ZERO) & (tasks.s_buffer != -1), ones, ones)


def _inside(plan: Plan, side: str, used: np.ndarray, height: np.ndarray, width: np.ndarray) -> None:
    """Where an operand is used it lies in its buffer; where it is not, its buffer is -1."""
    buffer: np.ndarray = getattr(plan.tasks, f"{side}_buffer")
    offset: np.ndarray = getattr(plan.tasks, f"{side}_offset")
    _all(used | (buffer == -1), f"{side}_buffer is -1 where there is no {side}")
    _all(~used | ((buffer >= 0) & (buffer < len(plan.buffers))), f"{side}_buffer is a buffer")
    sizes = np.array([b.size for b in plan.buffers] + [0], np.int64)[buffer]
    # Division, so that no product of corrupt sizes can wrap round and look small.
    fits = (offset >= 0) & (offset <= sizes) & (height <= (sizes - offset) // width)
    _all(~used | fits, f"{side} lies inside its buffer")


def _stages(plan: Plan) -> None:
    position, seen, levels = 0, set(), [-1] * len(plan.buffers)
    for number, stage in enumerate(plan.stages):
        _require(stage.start == position and stage.stop >= position, f"stage {number} does not follow on")
        _require(stage.first == (stage.buffer not in seen), f"stage {number}: `first` is wrong")
        _require(plan.buffers[stage.buffer].kind != "input", f"stage {number} writes an input")
        _all(plan.tasks.c_buffer[stage.start : stage.stop] == stage.buffer, "c is the stage's", stage.start)
        seen.add(stage.buffer)
        levels[stage.buffer] = max(levels[stage.buffer], stage.level)
        position = stage.stop
    _require(position == len(plan.tasks), "rows are left over after the last stage")
    for number, stage in enumerate(plan.stages):
        for buffer in _reads(plan, stage):
            complete = levels[buffer] < stage.level
            _require(complete, f"stage {number} reads buffer {buffer} before it is complete")


def _reads(plan: Plan, stage: Stage) -> set[int]:
    rows = plan.tasks.rows(stage.start, stage.stop)
    columns = (rows.a_buffer, rows.b_buffer, rows.s_buffer)
    numbers = {int(b) for column in columns for b in np.flatnonzero(np.bincount(column + 1))}
    return {b - 1 for b in numbers if b > 0}


def _accumulation(plan: Plan, stage: Stage) -> tuple[np.ndarray, np.ndarray]:
    """Check that rows of one block of C are neighbours and that only its first stores.

    Returns the (offset, size) columns of the blocks.
    """
    rows = plan.tasks.rows(stage.start, stage.stop)
    if not len(rows):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    same = rows.c_offset[1:] == rows.c_offset[:-1]
    promise = "the first row of a block stores, the others accumulate"
    _all(rows.accumulate[1:] == same, promise, stage.start + 1)
    _require(not rows.accumulate[0], f"row {stage.start}: the first row of a stage stores")
    equal = (rows.m[1:] == rows.m[:-1]) & (rows.n[1:] == rows.n[:-1])
    _all(~same | equal, "rows of one block have one shape", stage.start + 1)
    heads = ~rows.accumulate
    return rows.c_offset[heads], (rows.m * rows.n)[heads]


def _written_once(plan: Plan, groups: list[tuple[np.ndarray, np.ndarray]]) -> None:
    """The blocks of all stages tile each buffer that is not an input: no gap, no overlap."""
    written: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for stage, group in zip(plan.stages, groups, strict=True):
        written.setdefault(stage.buffer, []).append(group)
    for number, buffer in enumerate(plan.buffers):
        if buffer.kind == "input":
            continue
        pieces = written.get(number, [])
        offsets = np.concatenate([o for o, _ in pieces] + [np.array([buffer.size])])
        sizes = np.concatenate([s for _, s in pieces] + [np.array([0])])
        order = np.argsort(offsets, kind="stable")
        ends = np.cumsum(sizes[order])
        tiled = np.array_equal(offsets[order], ends - sizes[order])
        _require(tiled, f"buffer {number} is not written exactly once everywhere")


def _lifetimes(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """int64[buffers]: first level that writes and last level that touches each, from the table alone."""
    birth = np.full(len(plan.buffers), np.iinfo(np.int64).max)
    death = np.full(len(plan.buffers), -1, np.int64)
    for stage in plan.stages:
        birth[stage.buffer] = min(birth[stage.buffer], stage.level)
        for buffer in _reads(plan, stage) | {stage.buffer}:
            death[buffer] = max(death[buffer], stage.level)
    return birth, death


def _arena(plan: Plan) -> None:
    """Scratch buffers are aligned, inside the arena, and share no byte while they live together."""
    birth, death = _lifetimes(plan)
    scratch = [i for i, buffer in enumerate(plan.buffers) if buffer.kind == "scratch" and buffer.size]
    if not scratch:
        return
    bases = np.array([plan.buffers[i].base for i in scratch], np.int64)
    ends = bases + [plan.buffers[i].size * DTYPES[plan.buffers[i].dtype].itemsize for i in scratch]
    _require(bool(np.all((bases >= 0) & (bases % ALIGNMENT == 0))), "a scratch buffer is not aligned")
    _require(bool(np.all(ends <= plan.cost.scratch_bytes)), "a scratch buffer leaves the arena")
    birth, death = birth[scratch], death[scratch]
    for turn, number in enumerate(scratch):
        others = slice(turn + 1, None)
        together = (birth[others] <= death[turn]) & (birth[turn] <= death[others])
        shared = (bases[others] < ends[turn]) & (bases[turn] < ends[others])
        _require(not np.any(together & shared), f"scratch buffer {number} shares bytes while it lives")
