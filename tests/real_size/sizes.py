"""How many members, how large, and which belongs to which: columns of numbers as real programs have them."""

from __future__ import annotations

import numpy as np

LARGEST = 400
TALL = 2000
"""One axis of a few matrices may be as long as this, as batches of samples are."""


def log_uniform(rng: np.random.Generator, low: float, high: float) -> int:
    return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))


def members(rng: np.random.Generator, most: int = 5000) -> int:
    """1 to `most`, each order of magnitude as likely; now and then none, or a round number of them."""
    if rng.random() < 0.02:
        return 0
    if rng.random() < 0.1:
        return min(int(rng.choice([1, 2, 16, 64, 128, 256, 1024, 1500])), most)
    return log_uniform(rng, 1, most)


def column(rng: np.random.Generator, count: int, most: int) -> np.ndarray:
    """Sizes i64[count] from 0 to about `most`, of one of several kinds."""
    kinds = ("equal", "tiny", "mixed", "skewed", "few", "log")
    match rng.choice(kinds, p=[0.2, 0.15, 0.2, 0.15, 0.15, 0.15]):
        case "equal":
            sizes = np.full(count, log_uniform(rng, max(most // 8, 1), most))
        case "tiny":
            sizes = rng.integers(1, 7, count)
        case "mixed":
            sizes = rng.integers(1, max(most, 1) + 1, count)
        case "skewed":
            sizes = rng.integers(1, 5, count)
            sizes[:1] = rng.integers(1, LARGEST + 1)
            sizes = rng.permutation(sizes)
        case "few":
            sizes = rng.choice([log_uniform(rng, max(most // 16, 1), most) for _ in range(3)], count)
        case _:
            sizes = np.exp(rng.uniform(0, np.log(most + 1), count))
    sizes = np.asarray(sizes, np.int64)
    if rng.random() < 0.25:
        sizes = np.where(rng.random(count) < 0.2, rng.integers(0, 2, count), sizes)
    if count <= 16 and rng.random() < 0.1:
        sizes = sizes + rng.integers(0, TALL - LARGEST, count)
    return sizes


def single(rng: np.random.Generator) -> int:
    """The size of an axis that all members share."""
    if rng.random() < 0.05:
        return int(rng.integers(0, 2))
    low, high = ((1, 16), (8, 64), (16, 128), (32, LARGEST))[int(rng.integers(4))]
    return log_uniform(rng, low, high)


def owners(rng: np.random.Generator, count: int, into: int) -> np.ndarray:
    """For each of `count` a member of `into`: in blocks, at random, a permutation, or mostly one."""
    kind = rng.choice(["blocks", "random", "permutation", "one"])
    if kind == "permutation" and count == into:
        return rng.permutation(count)
    found = rng.integers(0, into, count)
    if kind == "blocks":
        return np.sort(found)
    if kind == "one":
        return np.where(rng.random(count) < 0.9, rng.integers(0, into), found)
    return found
