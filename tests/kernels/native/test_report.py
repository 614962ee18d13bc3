"""What `explain` says of the native kernel: the code that runs each stage, and where the time goes."""

from __future__ import annotations

import json

import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.kernels.native.report import KINDS, sections
from raggeddsl.kernels.native.schedule import schedule
from raggeddsl.native.library import instruction_set
from raggeddsl.tuning import DEFAULT
from tests.kernels.native.running import pairs, planned

SPEC = """\
index i in 40
dim m[i] = 60 + i
input A[i] : f32[m[i], 64]
input W : f32[64, 80]
input V : f32[2000, 3]
H[i] = A[i] @ W
output Y[i] = 2 * H[i] + H[i]
output S[i] = A[i] @ A[i].T
output G = sum(A[i].T @ A[i] for i)
output N = V.T @ V
"""


@pytest.fixture(scope="module")
def program():
    return rd.compile(SPEC, kernel="native")


def kinds(shapes, dtype="f32", **how) -> list[str]:
    plan = planned(pairs(shapes, dtype, **how))
    return [KINDS[number % len(KINDS)] for number in sections(plan, schedule(plan, 1), "", DEFAULT.blocks)]


def test_the_library_says_which_code_a_product_runs_in():
    assert kinds([(8, 8, 8)]) == ["small"]
    assert kinds([(200, 200, 300)]) == ["tiles"]
    assert kinds([(8, 8, 8)], "bf16") == ["tiles"]
    assert kinds([(8, 8, 8)], "c64") == ["complex"]
    if instruction_set() != "base":  # its vectors are too short
        assert kinds([(100, 900, 1)]) == ["along-k"]


def test_every_stage_has_its_code_and_an_estimate(program):
    said = program.explain().to_dict()
    assert said["time"] == {"measured": False, "call_s": None, "busy_s": None}
    assert abs(sum(stage["time_share"] for stage in said["stages"]) - 1) < 1e-9
    for stage in said["stages"]:
        assert stage["code"] and stage["busy_s"] is None and stage["span_s"] is None
        assert sum(code["tasks"] for code in stage["code"]) >= stage["tasks"]
        assert all(code["kind"] in KINDS and code["time_share"] >= 0 for code in stage["code"])
    by_name = {stage["name"]: stage for stage in said["stages"]}
    assert {"symmetric", "small", "tiles"} >= {code["kind"] for code in by_name["S"]["code"]} >= {"symmetric"}
    assert {code["arithmetic"] for code in by_name["S"]["code"]} == {f"{instruction_set()} f32"}
    assert "partial-sums" in by_name["G"]["spread"]
    assert json.loads(json.dumps(said)) == said


def test_measured_times_are_those_of_a_call(program):
    said = program.explain(measure=program.random_inputs(0)).to_dict()
    time, stages = said["time"], said["stages"]
    assert time["measured"] and time["call_s"] > 0
    assert time["busy_s"] == pytest.approx(sum(stage["busy_s"] for stage in stages))
    assert sum(stage["time_share"] for stage in stages) == pytest.approx(1)
    for stage in stages:
        assert stage["busy_s"] == pytest.approx(sum(code["busy_s"] for code in stage["code"]))
        assert stage["span_s"] > 0
    text = str(program.explain(measure=program.random_inputs(0)))
    assert "a call" in text and "partial sums" in text and f"{instruction_set()} f32" in text


def test_measuring_computes_what_a_call_does_and_changes_nothing(program):
    inputs = program.random_inputs(1)
    before = {name: np.asarray(getattr(value, "data", value)) for name, value in program(inputs).items()}
    program.explain(measure=inputs)
    for name, value in program(inputs).items():
        np.testing.assert_array_equal(np.asarray(getattr(value, "data", value)), before[name])


def test_each_kind_of_a_stage_has_a_time():
    plan = planned(pairs([(8, 8, 8), (200, 200, 300), (0, 3, 4)]))
    lowered = NativeKernel().lower(plan)
    assert lowered.measure is not None
    times = lowered.measure([np.ones(plan.buffers[b].size, np.float32) for b in plan.inputs])
    assert [(one.stage, one.kind) for one in times] == [(0, "small"), (0, "tiles")]
    assert all(one.busy_s > 0 and one.last_s > one.first_s >= 0 for one in times)
