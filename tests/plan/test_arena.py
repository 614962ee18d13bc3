"""The arena: aligned, no byte shared by two buffers that live together, and no larger than need be."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.plan.arena import Lifetimes, place_in_arena

buffers = st.lists(
    st.tuples(st.integers(0, 1000), st.integers(0, 12), st.integers(0, 5)), min_size=0, max_size=20
)


def columns(drawn) -> tuple[np.ndarray, Lifetimes]:
    sizes, birth, length = (np.array([d[i] for d in drawn], np.int64) for i in range(3))
    return sizes, Lifetimes(birth, birth + length)


@given(buffers)
@settings(max_examples=300)
def test_no_two_that_live_together_share_a_byte(drawn):
    sizes, lives = columns(drawn)
    arena = place_in_arena(sizes, lives)
    ends = arena.bases + sizes
    assert np.all(arena.bases % 64 == 0) and np.all(ends <= arena.peak)
    for i in range(len(sizes)):
        for j in range(i):
            apart = lives.death[i] < lives.birth[j] or lives.death[j] < lives.birth[i]
            apart |= ends[i] <= arena.bases[j] or ends[j] <= arena.bases[i]
            assert apart or 0 in (sizes[i], sizes[j])


@given(buffers)
@settings(max_examples=100)
def test_peak_lies_between_what_lives_at_once_and_the_sum(drawn):
    sizes, lives = columns(drawn)
    rounded = -(-sizes // 64) * 64
    alive = [(lives.birth <= level) & (level <= lives.death) for level in range(20)]
    at_once = max(int(np.sum(rounded[chosen])) for chosen in alive)
    assert at_once <= place_in_arena(sizes, lives).peak <= int(np.sum(rounded))


def test_the_smallest_gap_that_fits_is_taken():
    sizes = np.array([1024, 640, 256, 512, 128, 128], np.int64)
    # The first five live together at first; those of 640 and 256 end before the last is born.
    lives = Lifetimes(np.array([0, 0, 0, 0, 0, 5]), np.array([9, 3, 3, 9, 9, 9]))
    arena = place_in_arena(sizes, lives)
    assert arena.bases[5] == arena.bases[2] and arena.peak == int(np.sum(sizes[:5]))


def test_sizes_beyond_32_bits_are_placed():
    sizes = np.array([1 << 60, 1 << 60, 3], np.int64)
    arena = place_in_arena(sizes, Lifetimes(np.zeros(3, np.int64), np.zeros(3, np.int64)))
    assert arena.peak == (1 << 61) + 64
