"""Tasks in; how often each piece of the library's code runs for them, by name, out: what tests have met.

The library counts in the very loops that run products, so a count cannot differ from what runs.  The names:

- The way a task goes, one each: `zero`, `combine`, `small`, `tiles`, `along k`, `complex`, `provider`.
- `tile 3x6 far`, a register tile of 3 vectors of columns by 6 rows; rows of A are `strided`, `neighbours`
  (packed, or stored transposed), or `far`: strided, while those of a large B are fetched ahead.
  `along k 4x3`, 4 columns by 3 rows with lanes along k.  `complex tile 2x6`, 2 vectors by 6 rows.
- Of products in `tiles`: `several runs of k`, `several groups of columns`, `several panels`,
  `several blocks of rows`, `fetched A`, and `wide sums` (added up wider than they are stored), of which
  `wide sums, several blocks`.
- Of blocks of rows: `direct A`, `packed A, converted`, `packed A, gathered`.  Of groups of columns:
  `direct B`.  Of packed panels: `packed B, copied`, `packed B, transposed`, `packed B, entry by entry`.
- Of tiles: `direct C` or `converted C`, `whole vectors` or `partial vector`, `added to C`, and of those of
  symmetric products `cut at the diagonal`.  `mirrored` products are those whose other half is copied.
- `along k, several runs of k`, `along k, partial vector`, `complex, several runs of k`,
  `complex, several groups of rows`, `complex, partial vector`, `complex, converted C`.
"""

from __future__ import annotations

import ctypes
from functools import cache

import numpy as np

from raggeddsl.kernels.native.table import DTYPE_CODES, TASK
from raggeddsl.native.library import address, block_sizes, library
from raggeddsl.tuning import BlockTuning

COMPUTED = ("f32", "f64", "i32", "c64", "c128")
"""The types that products are computed in, which have code of their own."""


def census(tasks: np.ndarray, isa: str, blocks: BlockTuning) -> dict[str, int]:
    """How often each code runs for these `TASK[T]` in the instruction set `isa` (empty: the best); none of 0.

    Tiles of several types have one name: to tell them apart, take the tasks of one `compute` at a time.

    Raises:
        ValueError: there is no such instruction set here, or a task or block size that no table may have.
    """
    assert tasks.dtype == TASK
    tasks, sizes, counts = np.ascontiguousarray(tasks), block_sizes(blocks), _room()
    count = _loaded().raggeddsl_census
    count.restype = ctypes.c_char_p
    arguments = (address(tasks), ctypes.c_int64(len(tasks)), isa.encode(), address(sizes))
    fault = count(*arguments, address(counts))
    if fault is not None:
        raise ValueError(fault.decode())
    return {_names()[place]: int(counts[place]) for place in np.flatnonzero(counts)}


def all_paths(isa: str, compute: str | None = None) -> tuple[str, ...]:
    """The names of all code that tasks computed in `compute` (None: in any of `COMPUTED`) can run in.

    Raises:
        ValueError: there is no such instruction set here.
    """
    counts = _room()
    for dtype in COMPUTED if compute is None else (compute,):
        paths = _room()
        if _loaded().raggeddsl_all_paths(isa.encode(), DTYPE_CODES[dtype], address(paths)):
            raise ValueError(f"there is no instruction set {isa} here")
        counts += paths
    return tuple(_names()[place] for place in np.flatnonzero(counts))


def _loaded() -> ctypes.CDLL:
    loaded = library()
    assert not isinstance(loaded, str), loaded
    return loaded


@cache
def _names() -> tuple[str, ...]:
    """What the library calls each of its counts."""
    name = _loaded().raggeddsl_census_name
    name.restype = ctypes.c_char_p
    return tuple(name(place).decode() for place in range(len(_room())))


def _room() -> np.ndarray:
    """int64[counts]: zeros."""
    return np.zeros(_loaded().raggeddsl_census_counts(), np.int64)
