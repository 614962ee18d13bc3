"""What the parts of a class take: nanoseconds on two cores, fitted to measurements.

Measured with jax 0.10.2 (XLA's CPU backend, products by YNNPACK) on two cores of an AMD EPYC (Zen 5),
AVX-512, f32, over 1000 products of 8 to 256 in all three sizes: first the least times of each part
alone, then those of the whole over some hundred choices of these figures, boxes side by side.  They
need only be right relative to each other: they choose classes, and change no result.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Size: TypeAlias = "np.ndarray | int"

GATHER = 0.1
"""An element gathered in whole rows, with its mask, into memory that the next chunk uses again."""
BLOCK = 0.6
"""An element copied as part of a whole block, mostly into fresh memory, which costs page faults."""
SCATTER = 3.5
"""An element masked and scattered in strips; XLA's CPU scatter runs on one core."""
SCATTER_BLOCK = 0.9
"""An element of a result that is made in fresh memory and then copied to its place as part of a block."""
FRESH = 0.8
"""More for an element gathered into memory that is too large to be used again."""
FLOP = 0.017
"""A floating-point operation of a large batched product.

XLA runs each on one core, at 0.005 to 0.01; more than that keeps padding below twice the FLOP.
"""
FLOP_SMALL = 0.1
"""More for one of a box whose least side is b: this / b."""
TASK = 50.0
"""A task, whatever its size."""
LAUNCH = 20_000.0
"""A class in a chunk: launching its operations."""


def flop(m: Size, n: Size, k: Size) -> Any:
    """Nanoseconds for one operation of a batched m x n x k product."""
    return FLOP + FLOP_SMALL / np.minimum(np.minimum(m, n), k)


def tile(bm: Size, bn: Size, bk: Size) -> Any:
    """Nanoseconds for a task of a tiled class, apart from scattering its result."""
    return TASK + GATHER * (bm * bk + bk * bn) + 2.0 * bm * bn * bk * flop(bm, bn, bk)


def exact(m: Size, n: Size, k: Size) -> Any:
    """Nanoseconds for a task of an exact class whose blocks must be gathered and scattered."""
    return TASK + BLOCK * (m * k + k * n) + SCATTER_BLOCK * m * n + 2.0 * m * n * k * flop(m, n, k)


def chunks(count: np.ndarray, each: np.ndarray, taken: np.ndarray, soft: int, hard: int) -> int:
    """How many chunks are fastest for classes of `count` tasks, `each` nanoseconds long, `taken` bytes large.

    A chunk holds as many tasks of a class as every other, so most counts leave places empty.  It
    takes at most about `hard` bytes, and fresh memory if more than `soft`.
    """
    total = int((count * taken).sum())
    longest = int(count.max())
    least, enough = min(longest, max(1, -(-total // hard))), max(1, -(-total // soft))
    most = max(least, min(3 * enough, enough + 64, longest))
    options = np.arange(least, most + 1)
    tasks = -(-count // options[:, None])
    time = (tasks * options[:, None] * each).sum(axis=1) + LAUNCH * len(count) * options
    time += np.where((tasks * taken).sum(axis=1) > soft, FRESH * total / 4, 0.0)
    return int(options[np.argmin(time)])
