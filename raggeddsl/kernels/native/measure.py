"""A plan and its schedule in; where the time of a call goes, by stage and code, out.

The call is a real one, on XLA's threads, by the library's second entry, which reads a clock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from raggeddsl.kernels.kernel import StageTime
from raggeddsl.kernels.native.report import KINDS, sections
from raggeddsl.kernels.native.schedule import NativeSchedule
from raggeddsl.native.library import MEASURE_TARGET
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import BlockTuning

CALLS = 5
"""The fastest of so many calls is reported: others were disturbed more."""


def stage_times(
    plan: Plan,
    schedule: NativeSchedule,
    table: np.ndarray,
    results: Sequence[Any],
    buffers: Sequence[Any],
    isa: str,
    blocks: BlockTuning,
) -> tuple[StageTime, ...]:
    """The times of one call with these input buffers; `results` are the types of its results."""
    import jax

    number = sections(plan, schedule, isa, blocks)
    count = len(plan.stages) * len(KINDS)
    room = jax.ShapeDtypeStruct((count, 6), np.int32)

    @jax.jit
    def call(operands: Sequence[Any], buffers: Sequence[Any]) -> Any:
        arrays = jax.ffi.ffi_call(MEASURE_TARGET, [*results, room])(
            *operands, *buffers, local_bytes=np.int64(schedule.local_bytes), isa=isa
        )
        return arrays[:-2], arrays[-1]

    operands = [jax.device_put(operand) for operand in (table, number)]
    best, seconds = np.zeros((count, 3), np.int64), float("inf")
    for _ in range(1 + CALLS):
        start = time.perf_counter()
        _, times = jax.block_until_ready(call(operands, buffers))
        took = time.perf_counter() - start
        if took < seconds:
            best, seconds = np.ascontiguousarray(times).view(np.int64), took
    return tuple(
        StageTime(at // len(KINDS), KINDS[at % len(KINDS)], *(1e-9 * best[at]).tolist())
        for at in np.flatnonzero(np.bincount(number, minlength=count)).tolist()
    )
