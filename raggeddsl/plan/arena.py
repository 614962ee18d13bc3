"""Byte sizes and lifetimes of scratch buffers in, their places in one arena and its size out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALIGNMENT = 64
"""Bytes: a cache line, and the widest vector."""


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """int64[B] columns: buffer b is written from level `birth[b]` on and last read in level `death[b]`."""

    birth: np.ndarray
    death: np.ndarray


@dataclass(frozen=True, eq=False)
class Arena:
    """int64[B] byte offsets, each a multiple of 64, and the bytes that hold all buffers."""

    bases: np.ndarray
    peak: int


def place_in_arena(sizes: np.ndarray, lives: Lifetimes) -> Arena:
    """Offsets for buffers of `sizes` bytes (int64[B]) so that two alive together never share a byte.

    Lifetimes are counted in levels, not stages: stages of one level may run at once, so a buffer
    that is last read in a level cannot give its bytes to one that is written in the same level.
    Largest first, each into the smallest gap that holds it among the buffers alive with it:
    "greedy by size for offset calculation" of Pisarchyk and Lee, Efficient Memory Management for
    Deep Neural Net Inference, 2020 (arXiv:2001.03288), algorithm 3.
    """
    needed = -(-sizes // ALIGNMENT) * ALIGNMENT
    bases = np.zeros(len(sizes), np.int64)
    order = np.lexsort((lives.birth, -needed))
    order = order[needed[order] > 0]
    birth, death, placed_need = lives.birth[order], lives.death[order], needed[order]
    placed = np.zeros(len(order), np.int64)
    for turn in range(len(order)):
        alive = np.flatnonzero((birth[:turn] <= death[turn]) & (birth[turn] <= death[:turn]))
        placed[turn] = _best_gap(placed[alive], placed_need[alive], int(placed_need[turn]))
    bases[order] = placed
    return Arena(bases, int(np.max(placed + placed_need, initial=0)))


def _best_gap(starts: np.ndarray, lengths: np.ndarray, need: int) -> int:
    """The start of the smallest gap between the given intervals that holds `need` bytes, or their end."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(starts[order] + lengths[order])
    gap_starts = np.concatenate([np.zeros(1, np.int64), ends])
    gaps = np.append(starts, np.iinfo(np.int64).max) - gap_starts
    fitting = np.where(gaps >= need, gaps, np.iinfo(np.int64).max)
    return int(gap_starts[np.argmin(fitting)])
