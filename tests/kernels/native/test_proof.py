"""The prover accepts every schedule that is made, and no schedule with a fault planted in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.native.proof import prove
from raggeddsl.kernels.native.schedule import NativeSchedule, schedule
from raggeddsl.kernels.native.table import ACCUMULATE, ITEM_SIZES, MIRROR
from raggeddsl.plan import Plan
from raggeddsl.plan.plan import Op
from raggeddsl.proof import ScheduleFault
from tests.kernels.native.running import gram, planned
from tests.kernels.native.test_schedule import meeting
from tests.kernels.native.test_split_sums import total
from tests.strategies import ALL_DTYPES, graphs, seeds
from tests.tunings import tuned, tunings, workers

SMALL = tuned(
    heavy_cost=1.0, part_cost=1e4, job_cost=(1.0, 1.0), fewest_rows=2, fewest_columns=4, mirrored_row=0
)


@settings(max_examples=200)
@given(graphs(normal=True, dtypes=ALL_DTYPES, max_operations=6), tunings(), workers)
def test_every_schedule_is_proved(graph, tuning, workers):
    plan = planned(graph)
    prove(plan, schedule(plan, workers, tuning.schedule))


@settings(max_examples=100)
@given(graphs(max_operations=5, max_size=20), tunings(), workers)
def test_every_schedule_of_a_normalised_graph_is_proved(graph, tuning, workers):
    plan = planned(normalise(graph, tuning.graph))
    prove(plan, schedule(plan, workers, tuning.schedule))


def made_for(name: str) -> tuple[Plan, NativeSchedule]:
    """A schedule with parts, panels, steps of symmetric products, wide sums or local intermediates."""
    graph = {
        "meeting": lambda: meeting(40),
        "meeting in bf16": lambda: meeting(40, "bf16"),
        "parts": lambda: total([5] * 90, 9, "f32"),
        "parts along k": lambda: total([1, 2500], 9, "f64"),
        "symmetric": lambda: gram([(40, 9), (3, 5), (64, 30)], addend=0.25),
        "symmetric, narrow": lambda: gram([(40, 9), (64, 30)], "bf16"),
    }[name]()
    plan = planned(graph)
    return plan, schedule(plan, 3, SMALL.schedule)


PROGRAMS = ("meeting", "meeting in bf16", "parts", "parts along k", "symmetric", "symmetric, narrow")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_of_this_file_are_proved(name):
    prove(*made_for(name))


# ------------------------------------------------------------ planted faults


def without(made: NativeSchedule, task: int) -> NativeSchedule:
    """The schedule without one of its tasks."""
    jobs = made.jobs.copy()
    own = np.searchsorted(jobs[:, 0], task, side="right") - 1
    jobs[own, 1] -= 1
    jobs[own + 1 :, 0] -= 1
    keep = np.arange(len(made.tasks)) != task
    return replace(
        made, tasks=made.tasks[keep], source=made.source[keep], carries=made.carries[keep], jobs=jobs
    )


def twice(made: NativeSchedule, task: int) -> NativeSchedule:
    """The schedule with one of its tasks once more, after itself, adding."""
    jobs = made.jobs.copy()
    own = np.searchsorted(jobs[:, 0], task, side="right") - 1
    jobs[own, 1] += 1
    jobs[own + 1 :, 0] += 1
    again = np.sort(np.append(np.arange(len(made.tasks)), task))
    tasks = made.tasks[again].copy()
    tasks["flags"][task + 1] |= ACCUMULATE
    return replace(made, tasks=tasks, source=made.source[again], carries=made.carries[again], jobs=jobs)


def changed(made: NativeSchedule, task: int, field: str, by: float) -> NativeSchedule:
    tasks = made.tasks.copy()
    tasks[field][task] += by
    return replace(made, tasks=tasks)


def swapped(made: NativeSchedule, task: int, other: int, *names: str) -> NativeSchedule:
    """Two tasks that have each other's fields."""
    tasks = made.tasks.copy()
    for name in names:
        tasks[name][[task, other]] = tasks[name][[other, task]]
    return replace(made, tasks=tasks)


def flagged(made: NativeSchedule, task: int, flag: int) -> NativeSchedule:
    tasks = made.tasks.copy()
    tasks["flags"][task] ^= flag
    return replace(made, tasks=tasks)


def refused(plan: Plan, made: NativeSchedule) -> None:
    with pytest.raises(ScheduleFault, match=r"internal error: .*(task|row|job|phase)"):
        prove(plan, made)


def some_task(made: NativeSchedule, seed: int, chosen: np.ndarray | None = None) -> int:
    tasks = np.flatnonzero(np.ones(len(made.tasks), bool) if chosen is None else chosen)
    assume(len(tasks))
    return int(tasks[seed % len(tasks)])


programs = st.sampled_from(PROGRAMS)


@given(programs, seeds)
def test_a_term_left_out_is_found(name, seed):
    plan, made = made_for(name)
    refused(plan, without(made, some_task(made, seed)))


@given(programs, seeds)
def test_a_term_added_twice_is_found(name, seed):
    plan, made = made_for(name)
    refused(plan, twice(made, some_task(made, seed, made.tasks["op"] != Op.ZERO)))


@given(programs, seeds, st.sampled_from("abc"), st.sampled_from((-1, 1, 8, -8)))
def test_an_operand_that_lies_elsewhere_is_found(name, seed, operand, steps):
    plan, made = made_for(name)
    task = some_task(made, seed, made.tasks["op"] == Op.PRODUCT)
    item = int(ITEM_SIZES[made.tasks[f"{operand}_type"][task]])
    refused(plan, changed(made, task, f"{operand}_offset", steps * item))


@given(programs, seeds, st.sampled_from(("m", "n", "k", "a_row", "b_row", "alpha")), st.sampled_from((-1, 1)))
def test_another_size_stride_or_factor_is_found(name, seed, field, by):
    plan, made = made_for(name)
    one = {"m": "a_row", "k": "b_row"}  # strides that no element needs may be anything
    tasks = made.tasks
    needed = np.ones(len(tasks), bool)
    for size, stride in one.items():
        needed &= (tasks[size] > 1) | (field != stride)
    task = some_task(made, seed, needed & (tasks["op"] == Op.PRODUCT))
    refused(plan, changed(made, task, field, by))


@given(programs, seeds)
def test_a_block_that_is_not_stored_first_or_stored_again_is_found(name, seed):
    plan, made = made_for(name)
    refused(plan, flagged(made, some_task(made, seed), ACCUMULATE))


@given(st.sampled_from(("meeting", "parts", "symmetric")), seeds)
def test_half_of_what_is_not_symmetric_is_found(name, seed):
    plan, made = made_for(name)
    tasks = made.tasks
    plain = (tasks["op"] == Op.PRODUCT) & ((tasks["flags"] & MIRROR) == 0) & (tasks["m"] > 1)
    refused(plan, flagged(made, some_task(made, seed, plain & (tasks["n"] != tasks["m"])), MIRROR))


@given(st.sampled_from(("meeting", "meeting in bf16", "symmetric")), seeds, seeds)
def test_two_results_in_each_others_place_are_found(name, seed, other):
    plan, made = made_for(name)
    one = some_task(made, seed)
    # Of another member: terms of one member may well trade places between its parts.
    buffer, place = plan.tasks.c_buffer[made.source], plan.tasks.c_offset[made.source]
    others = (buffer == buffer[one]) & (place != place[one])
    two = some_task(made, other, others & (made.tasks["c_offset"] != made.tasks["c_offset"][one]))
    refused(plan, swapped(made, one, two, "c_offset"))


def in_each_others_turn(made: NativeSchedule, one: int, two: int) -> NativeSchedule:
    order = np.arange(len(made.tasks))
    order[[one, two]] = order[[two, one]]
    return replace(made, tasks=made.tasks[order], source=made.source[order], carries=made.carries[order])


def same_place(made: NativeSchedule, task: int, operand: str) -> np.ndarray:
    """bool[T]: the earlier tasks that write where `task` has this operand."""
    t = made.tasks
    found = (t["c_buffer"] == t[f"{operand}_buffer"][task]) & (t["c_offset"] == t[f"{operand}_offset"][task])
    return found & (np.arange(len(t)) < task)


@given(programs, seeds)
def test_a_term_that_is_added_before_the_first_is_stored_is_found(name, seed):
    plan, made = made_for(name)
    adds = (made.tasks["flags"] & ACCUMULATE) != 0
    assume(adds.any())
    later = some_task(made, seed, adds)
    stores = np.flatnonzero(same_place(made, later, "c") & ~adds)
    refused(plan, in_each_others_turn(made, int(stores[-1]), later))


@given(st.sampled_from(("meeting", "meeting in bf16", "parts", "symmetric")), seeds)
def test_what_is_read_before_it_is_written_is_found(name, seed):
    plan, made = made_for(name)
    reads = np.array([bool(same_place(made, task, "a").any()) for task in range(len(made.tasks))])
    later = some_task(made, seed, reads)
    refused(plan, in_each_others_turn(made, int(np.flatnonzero(same_place(made, later, "a"))[-1]), later))


@pytest.mark.parametrize("name", PROGRAMS)
def test_phases_that_run_at_once_are_found(name):
    plan, made = made_for(name)
    assert len(made.phases) > 2 or "symmetric" in name
    if len(made.phases) > 2:
        refused(plan, replace(made, phases=made.phases[[0, -1]]))


@pytest.mark.parametrize("name", ["meeting", "symmetric"])
def test_scratch_that_two_members_share_is_found(name):
    plan, made = made_for(name)
    scratch = made.scratch
    if made.arena_bytes:
        refused(plan, replace(made, scratch=replace(scratch, arena_base=scratch.arena_base + 64)))
    if made.local_bytes:
        refused(plan, replace(made, local_bytes=made.local_bytes // 2))
    assert made.arena_bytes or made.local_bytes


def test_jobs_and_phases_must_be_all_of_the_table():
    plan, made = made_for("meeting")
    refused(plan, replace(made, jobs=made.jobs[:-1], phases=np.minimum(made.phases, len(made.jobs) - 1)))
    refused(plan, replace(made, phases=made.phases[:-1]))
