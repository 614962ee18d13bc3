"""When asked, what is read before it is written, or never written, is NaN or -1; right tables run as ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import jax
import numpy as np
import pytest

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.kernels.native.registry import hold
from raggeddsl.kernels.native.schedule import NativeSchedule, schedule
from raggeddsl.kernels.native.table import joined
from raggeddsl.native.library import MEASURE_TARGET, TARGET, set_poison
from raggeddsl.plan import Plan
from raggeddsl.tuning import DEFAULT
from tests.kernels.native.running import gram, packed, pairs, planned, poison, run_buffers, same_bits
from tests.kernels.native.test_table import mixed_graph
from tests.processes import printed
from tests.strategies import ALL_DTYPES, inputs_for

ARENA, LOCAL = 4096, 2048  # bytes
Way = Callable[[Plan, NativeSchedule, list], np.ndarray]


def results(plan: Plan) -> list[jax.ShapeDtypeStruct]:
    outputs = [plan.buffers[number] for number in plan.outputs]
    shapes = [((buffer.size,), DTYPES[buffer.dtype].numpy) for buffer in outputs]
    return [jax.ShapeDtypeStruct(*shape) for shape in (*shapes, ((ARENA,), np.uint8))]


def run(plan: Plan, made: NativeSchedule, buffers: list) -> np.ndarray:
    call = jax.ffi.ffi_call(TARGET, results(plan))
    return np.asarray(call(table(made), *buffers, local_bytes=np.int64(LOCAL), isa="")[0])


def measure(plan: Plan, made: NativeSchedule, buffers: list) -> np.ndarray:
    call = jax.ffi.ffi_call(MEASURE_TARGET, [*results(plan), jax.ShapeDtypeStruct((1, 6), np.int32)])
    numbers = np.zeros(len(made.tasks), np.int32)
    return np.asarray(call(table(made), numbers, *buffers, local_bytes=np.int64(LOCAL), isa="")[0])


def run_named(plan: Plan, made: NativeSchedule, buffers: list) -> np.ndarray:
    held = hold(table(made), LOCAL, [b.nbytes for b in buffers], results(plan), "")
    assert held is not None
    return np.asarray(held.run(buffers)[0])


def table(made: NativeSchedule) -> np.ndarray:
    return joined(made.tasks, made.jobs, made.phases, DEFAULT.blocks)


WAYS = pytest.mark.parametrize("way", [run, run_named, measure])


def called(way: Way, dtype: str, **fields: int) -> np.ndarray:
    """[3, 8]: A @ B with these fields of its one task changed, of whole numbers."""
    plan = planned(pairs([(3, 4, 8)], dtype))
    made = schedule(plan, 1)
    for name, value in fields.items():
        made.tasks[name] = value
    with jax.enable_x64(True), poison():
        return way(plan, made, packed(plan, inputs_for(plan.graph, 1))).reshape(3, 8)


def is_poison(x: np.ndarray) -> np.ndarray:
    return x == -1 if x.dtype.kind == "i" else np.isnan(x.astype(np.complex128))


@WAYS
@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_what_a_table_leaves_unwritten_shows(way, dtype):
    found, whole = called(way, dtype, m=2), called(way, dtype)
    assert is_poison(found[2]).all()
    np.testing.assert_array_equal(found[:2], whole[:2])
    assert not is_poison(whole).all(axis=1).any()


@WAYS
@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "f16", "c64", "c128"])
@pytest.mark.parametrize("operand", ["a", "b"])
@pytest.mark.parametrize("buffer", [3, 4], ids=["arena", "local"])
def test_what_is_read_before_it_is_written_shows(way, dtype, operand, buffer):
    changed = {f"{operand}_buffer": buffer, f"{operand}_offset": 0}
    assert is_poison(called(way, dtype, **changed)).all()


def test_a_job_does_not_see_what_another_left_in_local_memory():
    """The second product reads what the first, in a job of its own, wrote to its worker's memory."""
    plan = planned(pairs([(4, 4, 4), (4, 4, 4)]))
    made = schedule(plan, 1)
    made.tasks["c_buffer"][0], made.tasks["c_offset"][0] = 4, 0
    made.tasks["a_buffer"][1], made.tasks["a_offset"][1] = 4, 0
    buffers = packed(plan, inputs_for(plan.graph, 1))
    for jobs, seen in (([[0, 2]], False), ([[0, 1], [1, 1]], True)):
        again = replace(made, jobs=np.array(jobs, np.int64), phases=np.array([0, len(jobs)], np.int64))
        with poison():
            found = run(plan, again, buffers)
        assert is_poison(found[16:]).all() == seen


@pytest.mark.parametrize("workers", [1, 8])
def test_right_programs_compute_the_same_bits(workers):
    for graph in (mixed_graph(), gram([(33, 9), (100, 40)], addend=0.5), pairs([(30, 900, 50)], "bf16")):
        plan, inputs = planned(graph), inputs_for(graph, 2)
        with poison(False):
            wanted = run_buffers(plan, inputs, workers=workers)
        with poison():
            assert same_bits(run_buffers(plan, inputs, workers=workers), wanted)


def test_named_and_measured_calls_of_right_programs_run():
    plan = planned(mixed_graph())
    lowered = NativeKernel(workers=2).lower(plan)
    buffers = packed(plan, inputs_for(plan.graph, 3))
    with poison():
        named = jax.block_until_ready(jax.jit(lowered.resident.run)(buffers))
        times = lowered.measure(buffers)
    assert times and same_bits(tuple(map(np.asarray, named)), run_buffers(plan, inputs_for(plan.graph, 3)))


@pytest.mark.parametrize("value", ["1", "0"])
def test_an_environment_variable_asks_for_it(value, tmp_path):
    code = "from raggeddsl.native.library import set_poison\nprint(set_poison(False))"
    assert printed(code, tmp_path, RAGGEDDSL_CHECK=value).split() == [str(value == "1")]


def test_setting_it_says_what_it_was():
    with poison():
        assert set_poison(False) and not set_poison(True) and set_poison(True)
