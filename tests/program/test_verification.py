"""`rd.verify` says what was compared, and claims no more than that proves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.cli import main
from raggeddsl.graph.compare import compare
from raggeddsl.program import verification

SPEC = """\
index i in 4
dim m[i] = [2, 3, 4, 5]
input A[i] : f32[m[i], 3]
input W : f32[3, 3]
output Y[i] = A[i] @ W
output G = W @ W
"""


def given(seed=0):
    rng = np.random.default_rng(seed)
    A = [rng.normal(size=(m, 3)).astype("f4") for m in (2, 3, 4, 5)]
    return {"A": A, "W": rng.normal(size=(3, 3)).astype("f4")}


@pytest.fixture(scope="module")
def program():
    return rd.compile(SPEC, target="fused", kernel="xla")


WAYS = {
    "by the xla kernel": {"kernel": "xla", "target": "fused"},
    "by the reference kernel": {"kernel": "reference", "target": "fused"},
    "by dispatch, one executable for each exact shape,": {"target": "dispatch"},
}


@pytest.mark.parametrize("words", WAYS)
def test_it_says_what_ran_and_what_was_compared_with_what(words):
    found = rd.verify(rd.compile(SPEC, **WAYS[words]), given())
    headline, compared, difference, *schedule = str(found).splitlines()
    proved = [line.startswith("  schedule: ") and line.endswith("what the plan says") for line in schedule]
    assert proved == [True] * ("reference" not in words)
    assert headline == "verified: all 5 members agree with the float64 reference"
    assert compared == f"  compared Y (4 members), G {words} with the spec in float64, member by member"
    assert difference.startswith(("  largest error ", "  no entry differs"))
    assert found and found.agreed and found.members == found.proven == 5 and found.unproven == 0
    assert found.outputs == {"Y": 4, "G": None}


def test_a_verdict_is_frozen(program):
    with pytest.raises(dataclasses.FrozenInstanceError):
        rd.verify(program, given()).agreed = False


def test_results_of_an_earlier_call_are_compared_without_another(program, monkeypatch):
    inputs = given()
    results = program(inputs)
    monkeypatch.setattr(rd.Program, "__call__", lambda *_: pytest.fail("called again"))
    assert rd.verify(program, inputs, results).agreed


def test_a_wrong_result_is_named_with_how_far_it_is_off(program):
    inputs = given()
    results = program(inputs)
    results["Y"] = [np.asarray(y) + (k == 2) for k, y in enumerate(results["Y"])]
    found = rd.verify(program, inputs, results)
    assert not found and not found.agreed and found.proven == 0 and found.worst == "Y[2]"
    assert str(found).startswith("NOT verified: Y[2] is off the float64 reference by ")
    assert "times what is allowed; please report it" in str(found)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_result_that_is_not_finite_is_off_by_more_than_rounding(program, value):
    inputs = given()
    results = program(inputs) | {"G": np.full((3, 3), value, "f4")}
    found = rd.verify(program, inputs, results)
    assert str(found).startswith(
        "NOT verified: G is off the float64 reference by more than any rounding explains;"
    )


def test_inputs_with_nan_and_inf_are_named_and_what_they_reach_counted(program):
    inputs = given()
    inputs["A"][1][0, 0] = np.nan
    inputs["A"][2][:] = np.inf
    found = rd.verify(program, inputs)
    assert (found.nan_inputs, found.inf_inputs) == (("A[1]",), ("A[2]",))
    assert (found.members, found.not_finite, found.hollow, found.proven) == (5, 2, 1, 4)
    lines = str(found).splitlines()
    assert lines[0].startswith("agrees, but of 1 of 5 members only in what is NaN or inf")
    assert "  inputs hold NaN: A[1]" in lines and "  inputs hold inf: A[2]" in lines
    assert "  2 of 5 members hold NaN or inf in both, and were only compared as such there" in lines
    assert "  the other 4 members are verified" in lines


def test_a_member_with_one_nan_is_verified_but_for_that(program):
    inputs = given()
    inputs["A"][1][0, 0] = np.nan
    found = rd.verify(program, inputs)
    assert str(found).startswith("verified but for NaN and inf: all 5 members agree")


def test_nan_everywhere_is_not_called_verified(program):
    inputs = given()
    inputs["W"][:] = np.nan
    found = rd.verify(program, inputs)
    assert found.agreed and found.proven == 0
    assert "verified" not in str(found)


def test_many_members_are_not_all_listed(program):
    inputs = given()
    for member in inputs["A"]:
        member[0, 0] = np.nan
    assert "inputs hold NaN: A[0], A[1], A[2] and 1 more\n" in str(rd.verify(program, inputs))


@pytest.mark.parametrize("form", ["list", "Ragged", "jax"])
def test_inputs_may_have_any_form_that_a_call_takes(program, form):
    import jax.numpy as jnp

    inputs = given()
    inputs["A"][3][0, 0] = np.nan
    made = {"list": list, "Ragged": rd.Ragged.from_list, "jax": lambda A: [jnp.asarray(a) for a in A]}[form]
    assert rd.verify(program, inputs | {"A": made(inputs["A"])}).nan_inputs == ("A[3]",)


@pytest.fixture
def unproven(monkeypatch):
    """`unproven(n)` makes the bound of n members wider than their values."""

    def widen(count):
        monkeypatch.setattr(
            verification, "compare", lambda *given: dataclasses.replace(compare(*given), unproven=count)
        )

    return widen


def test_where_the_bound_proves_nothing_nothing_is_verified(program, unproven):
    unproven(5)
    found = rd.verify(program, given())
    assert found.agreed and (found.unproven, found.proven) == (5, 0)
    assert str(found).startswith("agrees, but proves nothing of 5 of 5 members: ")
    assert "verified" not in str(found)


def test_some_members_are_verified_beside_others_of_which_nothing_is_proved(program, unproven):
    unproven(3)
    found = rd.verify(program, given())
    assert str(found).startswith("agrees, but proves nothing of 3 of 5 members: ")
    assert "\n  the other 2 members are verified" in str(found)


def test_no_members_are_nothing_to_verify():
    program = rd.compile("index i in 0\ninput A[i] : f32[3, 3]\noutput Y[i] = A[i] @ A[i]")
    found = rd.verify(program, {"A": []})
    assert found.agreed and str(found).startswith("nothing to verify: the outputs have no members")


def test_equal_integers_do_not_differ():
    program = rd.compile("input A : i32[3, 3]\noutput Y = A @ A")
    assert "\n  no entry differs" in str(rd.verify(program, program.random_inputs(0)))


def test_what_is_proved_of_a_schedule_is_a_line_of_its_own(program):
    found = dataclasses.replace(rd.verify(program, given()), schedule="9 tasks in 2 phases proved")
    assert str(found).splitlines()[-1] == "  schedule: 9 tasks in 2 phases proved"


def test_the_command_prints_it_and_exits_with_0_where_all_agrees(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some.rmm").write_text(SPEC)
    assert main(["run", "some.rmm", "--random", "0", "--verify", "--repeat", "1"]) == 0
    program = rd.compile(SPEC)
    assert str(rd.verify(program, program.random_inputs(0))) in capsys.readouterr().out
