"""A corrupted table is refused with the row's number, or runs inside its buffers: no crash, no hang."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Input, Operand, Product, Term
from raggeddsl.kernels.kernel import LoweredPlan
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.kernels.native.schedule import NativeSchedule, schedule
from raggeddsl.kernels.native.table import TASK, joined, tasks_of
from raggeddsl.tuning import DEFAULT, BlockTuning
from tests.kernels.native.running import packed, planned, show, sized
from tests.strategies import inputs_for, seeds

REFUSED = re.compile(r"raggeddsl: (task \d+: |task \d+ is in no job|job \d+ |phase \d+ |the phases do not)")
REFUSAL = (ValueError, jax.errors.JaxRuntimeError)  # the first where jax runs the call on the caller's thread
EDITS = 100  # corrupted tables an example


def mixed_graph() -> Graph:
    """Products, symmetric ones, sums, scalars, intermediates and every kind of element type."""
    rows, cols = np.array([3, 17, 8, 40, 1, 80]), np.array([5, 4, 33, 9, 2, 7])
    graph, shown = Graph(), []
    for dtype in ("f32", "bf16", "c64", "i8"):
        x = graph.add(Input(sized(rows, cols, dtype), (f"X{dtype}",), True))
        s = graph.add(Input(sized([1] * 6, [1] * 6, dtype, scalar=True), (f"s{dtype}",), True))
        square = sized(rows, rows, dtype)
        g = graph.add(Product(square, Operand(x), Operand(x, transposed=True), by=Operand(s)))
        y = Product(sized(rows, cols, dtype), Operand(g), Operand(x), addends=(Term(Operand(x), 2),))
        total = Product(
            sized([40], [40], dtype),
            Operand(x, np.array([3, 3]), False),
            Operand(x, np.array([3, 3]), True),
            target=np.zeros(2, np.int64),
        )
        shown += [graph.add(y), graph.add(total)]
    show(graph, *shown)
    return graph


@cache
def compiled() -> tuple[Any, LoweredPlan, NativeSchedule, list]:
    plan = planned(mixed_graph())
    lowered = NativeKernel(workers=2).lower(plan)
    buffers = [jax.device_put(b) for b in packed(plan, inputs_for(plan.graph, 1))]
    return jax.jit(lowered.run), lowered, schedule(plan, 2), buffers


def outcome(
    tasks: np.ndarray, jobs: np.ndarray, phases: np.ndarray, blocks: BlockTuning = DEFAULT.blocks
) -> str | None:
    """What the call raises, or None."""
    run, _, _, buffers = compiled()
    try:
        jax.block_until_ready(run(buffers, (joined(tasks, jobs, phases, blocks),)))
    except REFUSAL as error:
        return str(error)
    return None


def test_the_table_itself_is_accepted():
    _, lowered, made, _ = compiled()
    assert len(made.phases) > 1 and len(made.tasks) > 40 and made.local_bytes > 0
    assert tasks_of(lowered.tables[0]).tobytes() == made.tasks.tobytes()
    assert outcome(made.tasks, made.jobs, made.phases) is None


ODD = [
    0,
    1,
    -1,
    2,
    3,
    7,
    8,
    40,
    127,
    -128,
    *(s * 2**p + d for p in (31, 40, 62) for s in (1, -1) for d in (-1, 0, 1)),
]


def corrupt(column: np.ndarray, row: int, rng: np.random.Generator) -> None:
    """Another value in one place: near the old one, another row's, an odd one, or any bits at all."""
    if column.dtype.kind == "f":
        column[row] = rng.choice([0.0, -1.0, np.nan, np.inf, -np.inf, 1e300, 0.5, column[-1]])
        return
    limits = np.iinfo(column.dtype)
    match rng.integers(4):
        case 0:
            new = int(column[row]) + int(rng.integers(-8, 9))
        case 1:
            new = int(column[rng.integers(len(column))])
        case 2:
            new = int(rng.choice(ODD))
        case _:
            new = int(rng.integers(limits.min, limits.max, endpoint=True))
    column[row] = (new - limits.min) % (2**limits.bits) + limits.min


def corrupted(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    _, _, made, _ = compiled()
    tasks, jobs, phases = made.tasks.copy(), made.jobs.copy(), made.phases.copy()
    fields = [name for name in TASK.names or () if name != "unused"]
    for _ in range(rng.integers(1, 5)):
        match rng.integers(12):
            case 0:
                corrupt(jobs[:, rng.integers(2)], int(rng.integers(len(jobs))), rng)
            case 1:
                corrupt(phases, int(rng.integers(len(phases))), rng)
            case _:
                corrupt(tasks[fields[rng.integers(len(fields))]], int(rng.integers(len(tasks))), rng)
    return tasks, jobs, phases


@settings(max_examples=100)
@given(seeds)
def test_random_edits_are_refused_or_run_in_bounds(seed):
    rng = np.random.default_rng(seed)
    for _ in range(EDITS):
        said = outcome(*corrupted(rng))
        assert said is None or REFUSED.search(said), said


@settings(max_examples=10)
@given(seeds)
def test_random_bytes_are_refused(seed):
    rng = np.random.default_rng(seed)
    _, _, made, _ = compiled()
    tasks = rng.integers(0, 256, made.tasks.nbytes, np.uint8).view(TASK)
    said = outcome(tasks, made.jobs, made.phases)
    assert said is not None and REFUSED.search(said)


FAULTS = {
    "op": (3, "its operation is unknown"),
    "m": (-1, "a size is negative or too large"),
    "n": (2**41, "a size is negative or too large"),
    "k": (10**6, "A has elements that overlap, or is too large"),
    "a_type": (8, "A has an unknown element type"),
    "c_type": (-1, "C has an unknown element type"),
    "compute": (2, "is computed in a type that is not for computing"),
    "a_buffer": (-1, "A names a buffer that does not exist"),
    "b_buffer": (99, "B names a buffer that does not exist"),
    "c_buffer": (0, "C is written but is an input"),
    "s_buffer": (-2, "its scalar names a buffer that does not exist"),
    "a_offset": (2, "A has a negative or misaligned offset"),
    "b_offset": (-4, "B has a negative or misaligned offset"),
    "c_offset": (2**62, "C reaches past the end of its buffer"),
    "a_row": (-1, "A has a stride that is negative or too large"),
    "a_col": (0, "A has elements that overlap, or is too large"),
    "b_row": (2**62, "B has a stride that is negative or too large"),
    "b_col": (0, "B has elements that overlap, or is too large"),
    "c_row": (1, "C has elements that overlap, or is too large"),
}


@pytest.mark.parametrize("field", FAULTS)
def test_the_message_names_the_row_and_what_is_wrong_with_it(field):
    _, _, made, _ = compiled()
    tasks = made.tasks.copy()
    large = (tasks["m"] > 2) & (tasks["m"] < 20) & (tasks["k"] > 2)
    row = int(
        np.flatnonzero(large & (tasks["op"] == 0) & (tasks["a_type"] == 0) & (tasks["flags"] & 2 == 0))[-1]
    )
    value, message = FAULTS[field]
    tasks[field][row] = value
    said = outcome(tasks, made.jobs, made.phases)
    assert said is not None and f"raggeddsl: task {row}: " in said and message in said


@pytest.mark.parametrize("operand", ["a", "b", "c", "s"])
def test_an_operand_may_end_with_its_buffer_and_not_an_element_later(operand):
    _, lowered, made, buffers = compiled()
    tasks = made.tasks.copy()
    scaled = (tasks["op"] == 0) & (tasks["s_buffer"] >= 0)
    row = int(np.flatnonzero(scaled & (tasks["a_type"] == 0))[1])
    tasks["flags"][row] = 0
    tasks["c_buffer"][row] = len(buffers)  # the first output
    room = 4 * jax.eval_shape(lowered.run, buffers, lowered.tables)[0].size
    m, n, k = (int(tasks[name][row]) for name in "mnk")
    if operand != "c":
        room = buffers[tasks[f"{operand}_buffer"][row]].nbytes
    last = room - 4 * {"a": m * k, "b": k * n, "c": m * n, "s": 1}[operand]
    for offset, accepted in ((last, True), (last + 4, False), (last + 2, False), (last - 4, True)):
        tasks[f"{operand}_offset"][row] = offset
        said = outcome(tasks, made.jobs, made.phases)
        assert (said is None) == accepted, (offset, said)


def test_jobs_and_phases_must_cover_everything_once():
    _, _, made, _ = compiled()
    jobs = made.jobs.copy()
    jobs[0, 1] -= 1
    assert "job 1 does not start where the one before it ends" in str(outcome(made.tasks, jobs, made.phases))
    jobs = made.jobs.copy()
    jobs[-1, 1] -= 1
    assert f"task {len(made.tasks) - 1} is in no job" in str(outcome(made.tasks, jobs, made.phases))
    phases = made.phases.copy()
    phases[-1] -= 1
    assert "the phases do not cover the jobs" in str(outcome(made.tasks, made.jobs, phases))


def test_a_mirrored_block_may_not_reach_before_its_buffer_or_be_complex():
    _, _, made, _ = compiled()
    row = int(np.flatnonzero((made.tasks["flags"] == 2) & (made.tasks["m"] > 8))[0])
    tasks = made.tasks.copy()
    tasks["m"][row] -= 1
    tasks["c_buffer"][row] = made.tasks["c_buffer"].max()
    tasks["c_offset"][row] = 0
    assert f"task {row}: C is mirrored to before its buffer" in str(outcome(tasks, made.jobs, made.phases))
    row = int(np.flatnonzero((made.tasks["c_type"] == 4) & (made.tasks["op"] == 0))[0])
    tasks = made.tasks.copy()
    tasks["flags"][row] = 2
    assert f"task {row}: C cannot be mirrored" in str(outcome(tasks, made.jobs, made.phases))


def test_a_table_of_another_form_is_refused():
    _, lowered, _, buffers = compiled()
    (table,) = lowered.tables
    others = [
        np.zeros((3, 5), np.int32),
        np.zeros(0, np.int32),
        table.view(np.float32),
        table[:-1],
        table[:-2],
    ]
    for other in [*others, np.append(table, np.zeros(2, np.int32))]:
        with pytest.raises(REFUSAL, match="raggeddsl: the tables have the wrong size, type or alignment"):
            jax.block_until_ready(jax.jit(lowered.run)(buffers, (other,)))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_wrong_count_of_tasks_jobs_or_phases_is_refused(count):
    _, lowered, _, buffers = compiled()
    run = jax.jit(lowered.run)
    for value in ODD:
        table = lowered.tables[0].copy()
        words = table.view(np.int64)
        if words[count] == value or not -(2**63) <= value < 2**63:
            continue
        words[count] = value
        with pytest.raises(REFUSAL, match="raggeddsl: the tables have the wrong size, type or alignment"):
            jax.block_until_ready(run(buffers, (table,)))


@pytest.mark.parametrize("field", [field.name for field in fields(BlockTuning)])
def test_a_block_size_that_is_none_is_refused_by_name(field):
    _, _, made, _ = compiled()
    for value in (0, -1, 2**40 + 1, 2**63 - 1, -(2**63)):
        said = outcome(made.tasks, made.jobs, made.phases, replace(DEFAULT.blocks, **{field: value}))
        wanted = f"raggeddsl: the block size {field} is {value}, which is not from 1 to 2^40"
        assert said is not None and wanted in said
    for value in (1, 2**40):
        blocks = replace(DEFAULT.blocks, **{field: value})
        assert outcome(made.tasks, made.jobs, made.phases, blocks) is None


def test_after_a_refusal_the_next_call_is_right():
    run, lowered, made, buffers = compiled()
    wanted = run(buffers, lowered.tables)
    tasks = made.tasks.copy()
    tasks["op"][0] = 9
    assert "task 0" in str(outcome(tasks, made.jobs, made.phases))
    for a, b in zip(wanted, run(buffers, lowered.tables), strict=True):
        np.testing.assert_array_equal(a, b)
