"""Packing copies every element to its place, whatever the members are and wherever their elements lie."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.native import copy_members as native
from raggeddsl.packing.pack import fresh, pack
from raggeddsl.ragged import Ragged

TYPES = ["int8", "float16", "bfloat16", "float32", "float64", "complex64", "complex128"]

needs_library = pytest.mark.skipif(native._functions() is None, reason="no native library that packs")


@st.composite
def views(draw, dtype):
    """A matrix inside a larger array: any order, step and direction, or one row repeated by broadcasting."""
    rows, cols = draw(st.integers(0, 40)), draw(st.integers(0, 40))
    steps = [draw(st.sampled_from([1, 1, 2, 3, -1, -2])) for _ in range(2)]
    base = np.arange(1, 1 + rows * cols * 36).reshape(rows * 6, cols * 6).astype(dtype)
    view = base[1 :: steps[0], ::-1] if steps[0] < 0 else base[:: steps[0], :]
    view = view[:, :: steps[1]][:rows, :cols]
    if draw(st.booleans()):
        view = view.T
    if draw(st.integers(0, 5)) == 0 and view.size:
        view = np.broadcast_to(view[:1], view.shape)
    return view


@settings(max_examples=60)
@given(st.data())
def test_every_element_lands_in_its_place(data):
    dtype = jnp.dtype(data.draw(st.sampled_from(TYPES)))
    members = data.draw(st.lists(views(dtype), max_size=6))
    expected = np.concatenate([np.zeros(0, dtype), *[np.array(m).ravel() for m in members]])
    buffer = fresh(expected.size, dtype)
    if native.Packing(members, buffer).run():
        np.testing.assert_array_equal(buffer, expected)
    if dtype.itemsize < 8 or dtype == jnp.complex64:
        np.testing.assert_array_equal(np.asarray(pack(members, dtype, expected.size)), expected)


@needs_library
@pytest.mark.parametrize("dtype", ["int8", "float32", "complex128"])
def test_large_totals_are_shared_among_threads_at_any_row(dtype):
    rng = np.random.default_rng(0)
    shapes = [(1, 700_000), (5, 3), (900_000, 1), (0, 9), (1500, 700), (700, 1500), (1, 1), (3, 500_001)]
    members = [rng.integers(-9, 9, shape).astype(dtype) for shape in shapes]
    members[5] = members[5].T
    buffer = np.full(sum(m.size for m in members), 77, dtype)
    assert native.Packing(members, buffer).run()
    np.testing.assert_array_equal(buffer, np.concatenate([m.ravel() for m in members]))


@needs_library
def test_numbers_and_rows_are_members_too():
    buffer = np.zeros(4, "f")
    members = [np.array(1, "f"), np.array([2, 3], "f"), np.array([[4]], "f")]
    assert native.Packing(members, buffer).run()
    assert buffer.tolist() == [1, 2, 3, 4]


@needs_library
def test_what_does_not_fit_the_buffer_is_refused():
    ones = [np.ones((2, 2), "f")] * 3
    for size in (11, 13, 0):
        buffer = np.zeros(size, "f")
        with pytest.raises(ValueError, match="buffer"):
            native.Packing(ones, buffer).run()
    for strange in (np.ones((2, 2), "f8"), np.ones((1, 2, 2), "f"), [[1, 2], [3, 4]], np.array([[None]])):
        packing = native.Packing([ones[0], strange, ones[0]], np.zeros(12, "f"))
        assert not packing.run() and packing.done == 1


def test_the_fallback_packs_the_same(monkeypatch):
    members = [np.arange(6, dtype="f").reshape(2, 3).T, jnp.ones((1, 4)), np.zeros((0, 2), "f")]
    packed = np.asarray(Ragged.from_list(members).data)
    monkeypatch.setattr("raggeddsl.packing.pack.Packing.run", lambda _: False)
    np.testing.assert_array_equal(np.asarray(Ragged.from_list(members).data), packed)


def test_members_of_many_kinds_pack_together():
    members = [np.ones((2, 2), "f"), jnp.full((1, 2), 2.0), [[3, 3]], np.full((1, 1), 4, "int8")]
    assert np.asarray(Ragged.from_list(members).data).tolist() == [1, 1, 1, 1, 2, 2, 3, 3, 4]
    found = jax.jit(lambda x: Ragged.from_list([members[0], x]).data)(members[1])
    assert found.tolist() == [1, 1, 1, 1, 2, 2]
