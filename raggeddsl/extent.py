"""Rows and columns of members in, how many elements they have out: never a number that has wrapped.

int64 columns multiply and add modulo 2**64 in NumPy, so that `[2**32, 2**32]` would have no elements.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

MOST_ELEMENTS = 2**62
"""Of all members of a family together; their bytes are counted in int64 where they are known."""

MOST_BYTES = 2**63 - 1
LARGEST_SIZE = 2**63 - 1
_EXACT = 2.0**61
"""Float sums up to here are near enough to what they stand for that int64 holds it."""


def elements(rows: np.ndarray, cols: np.ndarray) -> int:
    """The sum of `rows * cols`, int64[N] each and none below 0, however large it is."""
    about = float(np.sum(rows.astype(np.float64) * cols))
    if about < _EXACT:
        return int(np.sum(rows * cols))
    return sum(row * col for row, col in zip(rows.tolist(), cols.tolist(), strict=True))


def largest(rows: np.ndarray, cols: np.ndarray) -> int:
    """The member with most elements; N > 0."""
    return int(np.argmax(rows.astype(np.float64) * cols))


def check_elements(rows: np.ndarray, cols: np.ndarray) -> None:
    """Raise `ValueError` for a negative size, and for members that have more than 2**62 elements together."""
    negative = (rows < 0) | (cols < 0)
    if negative.any():
        member = int(negative.argmax())
        raise ValueError(f"sizes must be 0 or more; member {member} is {_shape(rows, cols, member)}")
    total = elements(rows, cols)
    if total > MOST_ELEMENTS:
        member = largest(rows, cols)
        raise ValueError(
            f"the members have {total} elements together, and at most 2**62 can be addressed; "
            f"member {member} is {_shape(rows, cols, member)}"
        )


def _shape(rows: np.ndarray, cols: np.ndarray, member: int) -> tuple[int, int]:
    return int(rows[member]), int(cols[member])


def pairs(shapes: Any) -> tuple[np.ndarray, np.ndarray]:
    """The rows and columns, int64[N] each, of an (N, 2) array of integers or a sequence of pairs of them.

    Raises `ValueError` for anything else, which names the first member that is wrong: one that is no
    pair, a size that is not whole, below 0 or above 2**63 - 1.
    """
    table = shapes
    if not isinstance(shapes, np.ndarray):
        try:
            table = np.asarray(shapes)
        except (ValueError, OverflowError):
            table = None
    plain = table is not None and table.ndim == 2 and table.shape[1] == 2 and table.dtype.kind in "iu"
    if not plain or bool((table < 0).any()) or bool((table > LARGEST_SIZE).any()):
        table = _one_by_one(shapes)
    return table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)


def _one_by_one(shapes: Any) -> np.ndarray:
    """The pairs of what NumPy has no integer table for."""
    try:
        members = list(shapes)
    except TypeError:
        _no_pairs(f"got a value of type `{type(shapes).__name__}`")
    sizes = [_pair(member, shape) for member, shape in enumerate(members)]
    return np.array(sizes, np.int64).reshape(-1, 2)


def _pair(member: int, shape: Any) -> tuple[int, ...]:
    try:
        sizes = tuple(shape)
    except TypeError:
        _no_pairs(f"member {member} is {shape!r}")
    shown = str(tuple(size.item() if isinstance(size, np.generic) else size for size in sizes))
    if len(sizes) != 2:
        _no_pairs(f"member {member} is {shown}")
    for size in sizes:
        if isinstance(size, bool | np.bool_) or not isinstance(size, int | np.integer):
            _no_pairs(f"member {member} is {shown}")
        if size < 0:
            raise ValueError(f"sizes must be 0 or more; member {member} is {shown}")
        if size > LARGEST_SIZE:
            raise ValueError(f"sizes are at most 2**63 - 1; member {member} is {shown}")
    return tuple(int(size) for size in sizes)


def _no_pairs(reason: str) -> NoReturn:
    raise ValueError(f"shapes must be whole numbers, one (rows, columns) pair a member; {reason}")
