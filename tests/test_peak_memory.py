"""Peak memory of a call beyond its inputs: results, the plan's scratch, and little more."""

from __future__ import annotations

import sys

import pytest

from raggeddsl.native.library import register
from tests.processes import printed

MIB = 1 << 20

# What the process holds most of while a call runs, less what it held before; inputs are there already.
CODE = """
import re
import jax
import raggeddsl as rd

def held(field):
    return int(re.search(field + r":\\s+(\\d+) kB", open("/proc/self/status").read()).group(1)) << 10

def call(program, inputs):
    return jax.block_until_ready(program(inputs))

program = rd.compile({spec!r}, target="fused")
inputs = jax.block_until_ready({{
    name: rd.Ragged.from_list(value) if isinstance(value, list) else jax.device_put(value)
    for name, value in program.random_inputs(0).items()
}})
program.compile()
open("/proc/self/clear_refs", "w").write("5")  # the highest mark starts again
before = held("VmRSS")
out = call(program, inputs)
print(held("VmHWM") - before, program.plan.cost.output_bytes, program.plan.cost.scratch_bytes)
"""

LARGE_RESULTS = """\
index i in 50
input A[i] : f32[1024, 32]
input B[i] : f32[32, 1024]
output C[i] = A[i] @ B[i]
"""

LARGE_INTERMEDIATES = """\
index i in 50
input A[i] : f32[1024, 32]
input W : f32[32, 1024]
input Z : f32[1024, 32]
H[i] = A[i] @ W
G = sum(H[i].T @ A[i] for i)
output Y[i] = H[i] @ G + A[i] @ Z.T @ Z
"""

ONE_LARGE_INPUT = """\
input A : f32[2000000, 16]
output G = A.T @ A
"""

ALIKE = """\
input A : f32[2000000, 10]
input B : f32[2000000, 10]
output G = A.T @ A
output H = B.T @ B
"""

LONG_SUMS = """\
index i in 1
input A[i] : {0}[100, 100000]
input B[i] : {0}[100000, 100]
output C[i] = A[i] @ B[i]
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's counters of a process")
@pytest.mark.parametrize("spec", [LARGE_RESULTS, LARGE_INTERMEDIATES, ONE_LARGE_INPUT, ALIKE])
def test_a_call_holds_its_results_and_the_plans_scratch_and_little_more(spec, tmp_path):
    extra, results, scratch = map(int, printed(CODE.format(spec=spec), tmp_path).split())
    assert extra <= 1.10 * results + scratch + 32 * MIB


@pytest.mark.skipif(register() is not None, reason="there is no native library")
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's counters of a process")
@pytest.mark.parametrize("dtype", ["c64", "bf16"])
def test_what_the_native_kernel_packs_does_not_grow_with_the_length_of_sums(dtype, tmp_path):
    extra, results, scratch = map(int, printed(CODE.format(spec=LONG_SUMS.format(dtype)), tmp_path).split())
    assert extra <= 1.10 * results + scratch + 24 * MIB
