"""Comparisons: right results pass, wrong ones do not, and both are said of the right member."""

import numpy as np
import pytest

from raggeddsl.graph.compare import Reference, compare


def test_one_wrong_element_is_found_and_named():
    good = [np.ones((2, 2)), np.ones((3, 1)), np.ones((1, 1))]
    reference = Reference({"Y": good}, {"Y": [np.full(x.shape, 1e-6) for x in good]})
    bad = [x.copy() for x in good]
    bad[1][2, 0] += 3e-6
    verdict = compare({"Y": bad}, reference)
    assert (verdict.agreed, verdict.worst, verdict.members) == (False, "Y[1]", 3)
    assert verdict.error == pytest.approx(3e-6)
    assert verdict.share == pytest.approx(3, rel=1e-3)
    assert compare({"Y": good}, reference).agreed


@pytest.mark.parametrize("have", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_agrees_with_itself_only(have):
    wanted = np.array([[have, 1.0]])
    reference = Reference({"G": wanted}, {"G": 1e-6 * np.abs(wanted)})
    assert compare({"G": wanted.astype("f4")}, reference).agreed
    assert not compare({"G": np.array([[1.0, 1.0]])}, reference).agreed
    plain = Reference({"G": np.ones((1, 2))}, {"G": np.full((1, 2), 1e-6)})
    assert not compare({"G": wanted.astype("f4")}, plain).agreed


def test_a_missing_result_and_one_of_another_shape_do_not_agree():
    reference = Reference({"G": np.ones((2, 2))}, {"G": np.full((2, 2), 1e-6)})
    assert compare({}, reference).share == np.inf
    assert not compare({"G": np.ones((2, 1))}, reference).agreed


def test_a_member_of_zeros_is_proven_to_be():
    reference = Reference({"G": np.zeros((2, 2))}, {"G": np.full((2, 2), 1e-6)})
    assert compare({"G": np.zeros((2, 2), "f4")}, reference).unproven == 0


def test_members_of_which_zeros_would_be_accepted_are_counted():
    values, bounds = [np.ones((2, 2)), np.ones((1, 1))], [np.full((2, 2), 2.0), np.full((1, 1), 0.1)]
    reference = Reference({"Y": values}, {"Y": bounds})
    verdict = compare({"Y": [x.astype("f4") for x in values]}, reference)
    assert (verdict.agreed, verdict.unproven, verdict.members) == (True, 1, 2)
    assert not compare({"Y": [0 * x for x in values]}, reference).agreed
