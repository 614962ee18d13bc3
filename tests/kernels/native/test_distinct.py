"""Counting finds the same different numbers, and the same places of them, as sorting."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raggeddsl.kernels.native import distinct as module
from raggeddsl.kernels.native.distinct import distinct

pytestmark = pytest.mark.without_library


@given(st.lists(st.integers(0, 40) | st.integers(0, 1 << 60), max_size=30), st.integers(0, 1 << 40))
def test_it_is_numpy_unique(numbers, more):
    values = np.array(numbers, np.int64) + more
    for one, other in zip(distinct(values), np.unique(values, return_inverse=True), strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.int64


def test_numbers_that_lie_close_together_are_not_sorted(monkeypatch):
    monkeypatch.setattr(module.np, "unique", None)
    found, places = distinct(np.array([7, 5, 7, 9]))
    assert (found.tolist(), places.tolist()) == ([5, 7, 9], [1, 0, 1, 2])
