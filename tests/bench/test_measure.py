"""Rounds interleave, wrong and failing ways are reported and not timed, and nothing is averaged away."""

import math

import numpy as np
import pytest

from raggeddsl.bench.check import SAMPLE, error, reference
from raggeddsl.bench.measure import Settings, measure, visit
from raggeddsl.bench.peers import Limits, Skip, Way
from raggeddsl.bench.workloads import workload

QUICK = Settings(rounds=3, slice_s=0.0)


def silent(text):
    pass


def way(calls, name, spoil=lambda results: results):
    """A peer that notes its calls in `calls` and computes with NumPy."""

    def prepare(chosen, inputs, limits):
        def call():
            calls.append(name)
            return spoil(chosen.natural(inputs))

        return Way(call, call, list, facts=lambda: {"calls": len(calls)})

    return prepare


def outcomes(peers, settings=QUICK):
    return {o.name: o for o in measure(workload("tiny-3"), peers, Limits(), settings, silent)}


def test_rounds_interleave():
    calls = []
    found = outcomes({name: way(calls, name) for name in "abc"})
    assert "".join(calls) == "abc" + "abc" + 3 * "abc"  # first calls, warm-up, rounds
    assert {len(o.rounds) for o in found.values()} == {3}


def test_a_median_is_reported_with_its_rounds():
    found = outcomes({"a": way([], "a")})["a"]
    assert found.steady_s == sorted(found.rounds)[1] and found.first_s > 0
    assert found.facts["calls"] == 5


def spoilt_value(results):
    results[1] = results[1] + np.float32(0.01)
    return results


def spoilt_shape(results):
    results[2] = results[2].T[:1]
    return results


def spoilt_nan(results):
    results[0] = results[0] * np.float32("nan")
    return results


@pytest.mark.parametrize("spoil", [spoilt_value, spoilt_shape, spoilt_nan, lambda results: results[:-1]])
def test_a_wrong_way_is_reported_and_not_timed(spoil):
    found = outcomes({"good": way([], "good"), "bad": way([], "bad", spoil)})
    assert found["bad"].status == "wrong" and found["bad"].steady_s is None
    assert "float64" in found["bad"].reason
    assert found["good"].status == "timed"


def test_a_failing_way_does_not_end_the_run():
    def broken(chosen, inputs, limits):
        raise MemoryError("no room\nat all")

    found = outcomes({"broken": broken, "good": way([], "good")})
    assert found["broken"].status == "failed" and found["broken"].reason == "MemoryError: no room"
    assert found["good"].status == "timed"


def test_a_skipped_way_keeps_its_reason():
    found = outcomes({"shy": lambda chosen, inputs, limits: Skip("too large")})
    assert (found["shy"].status, found["shy"].reason) == ("skipped", "too large")


def test_a_slow_way_gets_fewer_rounds():
    found = outcomes({"a": way([], "a")}, Settings(rounds=9, slice_s=0.0, limit_s=0.0))
    assert len(found["a"].rounds) == 3


def test_short_calls_are_repeated_within_a_visit():
    calls = []
    chosen = workload("tiny-3")
    short = way(calls, "a")(chosen, chosen.inputs(), Limits())
    assert visit(short, 5) > 0
    assert len(calls) == 6  # one of them untimed


def test_large_workloads_are_checked_on_a_sample_with_the_largest_members():
    chosen = workload(f"tiny-{SAMPLE + 1000}")
    inputs = chosen.inputs()
    right = reference(chosen, inputs)
    assert SAMPLE * 0.9 < len(right.members) <= SAMPLE
    largest = int(chosen.results.prod(axis=1).argmax())
    assert largest in right.members
    results = chosen.natural(inputs)
    assert error(results, right, chosen) < right.tolerance
    results[largest] = results[largest] * 2
    assert error(results, right, chosen) > right.tolerance


def test_an_error_of_nothing_is_nothing():
    chosen = workload("equal-2-3")
    zeros = {name: [np.zeros_like(x) for x in value] for name, value in chosen.inputs().items()}
    right = reference(chosen, zeros)
    assert error(chosen.natural(zeros), right, chosen) == 0
    assert math.isinf(error([x + 1 for x in chosen.natural(zeros)], right, chosen))
