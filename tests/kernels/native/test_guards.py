"""No byte between, before or after members is written, and none that is read there reaches a result."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import given, settings

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.native.schedule import NativeSchedule, schedule
from raggeddsl.kernels.native.table import joined
from raggeddsl.native.library import TARGET
from raggeddsl.plan import Plan
from raggeddsl.tuning import DEFAULT, Tuning
from tests.kernels.native.running import gram, isas, packed, pairs, planned, poison, run_buffers
from tests.strategies import ALL_DTYPES, graphs, inputs_for, seeds
from tests.tunings import tuned

GAP = 5  # elements before every member and after the last
GUARD = 0xA5


class Spread:
    """The buffers of a plan with gaps around every member."""

    def __init__(self, plan: Plan, number: int) -> None:
        buffer = plan.buffers[number]
        self.dtype = DTYPES[buffer.dtype].numpy
        self.starts = plan.places[buffer.node].offsets
        count = len(self.starts)
        self.size = buffer.size + GAP * (count + 1)
        inside = np.arange(buffer.size)
        self.at = inside + GAP * np.searchsorted(self.starts, inside, side="right")

    def offset(self, bytes_: np.ndarray) -> np.ndarray:
        """Where offsets into the packed buffer come to lie."""
        item = self.dtype.itemsize
        return bytes_ + GAP * item * np.searchsorted(self.starts, bytes_ // item, side="right")


def run_spread(plan: Plan, made: NativeSchedule, inputs: dict, isa: str) -> tuple[np.ndarray, ...]:
    """As `run_buffers`, with all inputs and outputs spread; checks the guards of the outputs."""
    ins, outs = [Spread(plan, b) for b in plan.inputs], [Spread(plan, b) for b in plan.outputs]
    tasks = made.tasks.copy()
    for name in "abcs":
        buffer = tasks[f"{name}_buffer"].copy()
        for number, spread in enumerate([*ins, *outs]):
            mine = buffer == number
            tasks[f"{name}_offset"][mine] = spread.offset(tasks[f"{name}_offset"][mine])
        # The guard-filled outputs are given as inputs too, after the plan's own.
        tasks[f"{name}_buffer"] += np.where(buffer >= len(ins), len(outs), 0).astype(np.int32)
    given_ = []
    for spread, flat in zip(ins, packed(plan, inputs), strict=True):
        array = np.full(spread.size * spread.dtype.itemsize, 0xFF, np.uint8).view(spread.dtype)  # NaN, or -1
        array[spread.at] = flat
        given_.append(array)
    blank = [np.full(s.size * s.dtype.itemsize, GUARD, np.uint8).view(s.dtype) for s in outs]
    tables = [joined(tasks, made.jobs, made.phases, DEFAULT.blocks)]
    shapes = [jax.ShapeDtypeStruct((s.size,), s.dtype) for s in outs]
    first = len(tables) + len(ins)
    call = jax.ffi.ffi_call(
        TARGET,
        [*shapes, jax.ShapeDtypeStruct((made.arena_bytes,), np.uint8)],
        input_output_aliases={first + number: number for number in range(len(outs))},
    )
    with jax.enable_x64(True), poison(False):  # which would fill the gaps too
        found = jax.jit(lambda *operands: call(*operands, local_bytes=np.int64(made.local_bytes), isa=isa))(
            *tables, *given_, *blank
        )
        jax.block_until_ready(found)
    results = []
    for spread, result in zip(outs, found, strict=False):
        array = np.asarray(result)
        between = np.ones(spread.size, bool)
        between[spread.at] = False
        assert (array.view(np.uint8).reshape(spread.size, -1)[between] == GUARD).all()
        results.append(array[spread.at])
    return tuple(results)


def check_spread(plan: Plan, inputs: dict, workers: int, isa: str = "", tuning: Tuning = DEFAULT) -> None:
    wanted = run_buffers(plan, inputs, workers=workers, isa=isa, tuning=tuning)
    found = run_spread(plan, schedule(plan, workers, tuning.schedule), inputs, isa)
    for a, b in zip(wanted, found, strict=True):
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("isa", ["base", "avx2", "avx512"])
@pytest.mark.parametrize("dtype", ALL_DTYPES)
def test_products_of_every_remnant_stay_inside(isa, dtype):
    if isa not in isas():
        pytest.skip(f"this processor has no {isa}")
    widths = (1, 3, 4, 7, 9, 16, 17, 33, 47, 70)
    shapes = [(m, k, n) for m in (1, 5, 13) for k in (1, 7, 34, 150) for n in widths]
    for a_t, b_t in ((False, False), (True, True)):
        plan = planned(pairs(shapes, dtype, a_t, b_t))
        check_spread(plan, inputs_for(plan.graph, 1), 2, isa)


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16", "i8"])
def test_symmetric_products_stay_inside(dtype):
    tuning = tuned(heavy_cost=1.0)
    plan = planned(gram([(m, 20) for m in (1, 7, 16, 33, 100)], dtype))
    for workers in (1, 8):
        check_spread(plan, inputs_for(plan.graph, 2), workers, tuning=tuning)


@settings(max_examples=50)
@given(graphs(normal=True, dtypes=ALL_DTYPES, max_operations=5), seeds)
def test_random_graphs_stay_inside(graph, seed):
    check_spread(planned(graph), inputs_for(graph, seed), 2)
