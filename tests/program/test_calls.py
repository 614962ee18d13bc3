"""A call with packed inputs takes few lines of Python: they are what ten small products cost."""

from __future__ import annotations

import numpy as np
import pytest

import raggeddsl as rd
from tests.steps import steps

SPEC = """\
index i in 10
input A[i] : f32[8, 8]
input B[i] : f32[8, 8]
output C[i] = A[i] @ B[i]
"""


@pytest.fixture
def sides() -> tuple[rd.Ragged, rd.Ragged]:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 10, 8, 8)).astype(np.float32)
    return rd.Ragged.from_list(list(a)), rd.Ragged.from_list(list(b))


def test_a_call_of_a_program_with_packed_inputs_is_short(sides):
    program = rd.compile(SPEC, target="fused")
    inputs = dict(zip("AB", sides, strict=True))
    right = [np.asarray(a) @ np.asarray(b) for a, b in zip(*sides, strict=True)]
    np.testing.assert_allclose(np.asarray(program(inputs)["C"].to_list()), right, rtol=1e-4, atol=1e-5)
    assert steps(lambda: program(inputs)) < 75


def test_a_call_of_matmul_with_packed_sides_is_short(sides):
    first = rd.matmul(*sides, target="fused")
    assert steps(lambda: rd.matmul(*sides, target="fused")) < 110
    np.testing.assert_array_equal(rd.matmul(*sides, target="fused").data, first.data)
