"""Sizes whose products or sums do not fit int64 are refused by name; nothing that wrapped is believed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import raggeddsl as rd
from raggeddsl.extent import MOST_ELEMENTS, elements, largest
from raggeddsl.packing.layout import Layout
from raggeddsl.ragged.exported import from_bytes

sizes = st.integers(0, 2**63 - 1) | st.sampled_from([0, 1, 2**31, 2**32, 2**33, 2**62, 2**63 - 1])
shapes_of_any_size = st.lists(st.tuples(sizes, sizes), min_size=1, max_size=5)


def exact(shapes: list[tuple[int, int]]) -> int:
    return sum(rows * cols for rows, cols in shapes)


@given(shapes_of_any_size)
def test_elements_are_counted_exactly_however_many(shapes):
    rows, cols = np.array(shapes, np.int64).T
    assert elements(rows, cols) == exact(shapes)
    most = rows.tolist()[largest(rows, cols)] * cols.tolist()[largest(rows, cols)]
    assert most >= max(map(np.prod, np.array(shapes, object))) * (1 - 1e-12)


@given(shapes_of_any_size)
def test_packed_data_is_only_taken_for_shapes_that_have_as_many_elements(shapes):
    if exact(shapes) == 0:
        assert len(rd.Ragged.from_packed(np.ones(0, "f4"), shapes)) == len(shapes)
        return
    with pytest.raises(ValueError, match=r"add up to|at most 2\*\*62 can be addressed; member [0-4] is"):
        rd.Ragged.from_packed(np.ones(0, "f4"), shapes)


@given(shapes_of_any_size)
def test_a_layout_has_offsets_that_have_not_wrapped_or_is_refused(shapes):
    rows, cols = np.array(shapes, np.int64).T
    if exact(shapes) > MOST_ELEMENTS:
        with pytest.raises(ValueError, match=f"have {exact(shapes)} elements together"):
            Layout.of(rows, cols)
        return
    layout = Layout.of(rows, cols)
    assert layout.size == exact(shapes)
    assert layout.offsets.tolist() == [exact(shapes[:member]) for member in range(len(shapes))]


@given(shapes_of_any_size, st.sampled_from(["i8", "f32", "c64"]))
def test_a_builder_and_a_spec_refuse_the_same_sizes(shapes, dtype):
    fits = exact(shapes) * {"i8": 1, "f32": 4, "c64": 8}[dtype] < 2**63
    rows, cols = map(list, zip(*shapes, strict=True))
    text = f"index i in {len(shapes)}\ndim m[i] = {rows}\ndim n[i] = {cols}\n"
    found = rd.check(f"{text}input A[i] : {dtype}[m[i], n[i]]\noutput Y[i] = A[i]\n")
    assert [one.code for one in found] == ([] if fits else ["RMM318"])
    if fits:
        rd.Builder().input("A", shapes=shapes, dtype=dtype)
        return
    with pytest.raises(rd.RmmError, match=r"RMM318.*`A` takes about.*2\*\*63 - 1 that can be addressed"):
        rd.Builder().input("A", shapes=shapes, dtype=dtype)


WRONG = {
    "wraps to nothing": (
        [[2**32, 2**32]],
        "18446744073709551616 elements.*member 0 is \\(4294967296, 4294967296\\)",
    ),
    "together": ([(1, 1), (2**31, 2**31), (2, 2**31)], "at most 2\\*\\*62 can be addressed; member 1 is"),
    "beyond int64": (
        [(2, 3), (2**64, 0)],
        "at most 2\\*\\*63 - 1; member 1 is \\(18446744073709551616, 0\\)",
    ),
    "beyond int64 among others": ([[2**63, 2], [1, 1]], "member 0 is \\(9223372036854775808, 2\\)"),
    "unsigned": (
        np.array([[2**63, 2]], np.uint64),
        "at most 2\\*\\*63 - 1; member 0 is \\(9223372036854775808, 2\\)",
    ),
    "negative": ([(2, 2), (-2, -2)], "0 or more; member 1 is \\(-2, -2\\)"),
    "a fraction": ([(2, 2), (2.5, 2)], "whole numbers.*member 1 is \\(2.5, 2\\)"),
    "whole floats": (np.array([[2.0, 2.0]]), "whole numbers.*member 0 is \\(2.0, 2.0\\)"),
    "truth values": ([(True, True)], "whole numbers.*member 0 is \\(True, True\\)"),
    "no pair": ([(2, 2), (2,)], "pair a member; member 1 is \\(2,\\)"),
    "a number": (4, "pair a member; got a value of type `int`"),
    "nothing": (None, "pair a member; got a value of type `NoneType`"),
}


@pytest.mark.parametrize("case", WRONG)
def test_shapes_that_are_wrong_are_refused_by_member_shape_and_limit(case):
    shapes, said = WRONG[case]
    with pytest.raises(ValueError, match=said):
        rd.Ragged.from_packed(np.ones(0, "f4"), shapes)


def test_integers_of_every_kind_are_sizes():
    for shapes in (
        [(np.int64(2), np.int8(3))],
        np.array([[2, 3]], object),
        np.array([[2, 3]], np.uint8),
        ([2, 3],),
    ):
        assert rd.Ragged.from_packed(np.ones(6, "f4"), shapes)[0].shape == (2, 3)


def test_members_that_only_look_large_are_not_packed_to_less():
    wide = np.broadcast_to(np.int8(0), (2**31, 2**31))
    with pytest.raises(ValueError, match="member 0 is \\(2147483648, 2147483648\\)"):
        rd.Ragged.from_list([wide] * 4)


def test_members_taken_several_times_and_layouts_read_back_are_counted_anew():
    large = Layout.of(np.array([2**30]), np.array([2**30]))
    with pytest.raises(ValueError, match=r"at most 2\*\*62"):
        large.take(np.zeros(16, np.int64))
    content = bytes(2) + np.array([2**32, 2**32], "<i8").tobytes()
    with pytest.raises(ValueError, match=r"at most 2\*\*62"):
        from_bytes(content)


def test_a_product_of_empty_matrices_that_would_be_too_large_is_refused_before_it_is_planned():
    tall = rd.Ragged.from_packed(np.ones(0, "f4"), [(2**40, 0)])
    with pytest.raises(rd.RmmError, match="no machine can address it"):
        tall @ tall.T
    b = rd.Builder()
    W = b.input("W", shape=(2**40, 0))
    with pytest.raises(rd.RmmError, match=r"RMM318.*`W @ W.T` takes about 2\*\*82 bytes"):
        W @ W.T
    with pytest.raises(rd.RmmError, match=r"RMM402.*1099511627776 members"):
        b.input("V", shape=(2, 2), count=2**40)
    with pytest.raises(rd.RmmError, match=r"RMM405.*9223372036854775808 for member 1"):
        b.input("U", shapes=[(1, 1), (2**63, 2)])
