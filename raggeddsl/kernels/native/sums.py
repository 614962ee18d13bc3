"""Tasks that add up in a narrow float in, the same sums kept in f32 until their end out.

bf16 and f16 products accumulate in f32.  Stored after each term, a sum of many would soon stop
growing: 256 + 1 is 256 in bf16.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.native.jobs import Pieces
from raggeddsl.kernels.native.table import DTYPE_CODES
from raggeddsl.plan.liveness import ALIGNMENT
from raggeddsl.plan.plan import Op

_ITEMS = np.array([DTYPES[name].itemsize for name in DTYPE_CODES], np.int64)
_NARROW = [DTYPE_CODES["bf16"], DTYPE_CODES["f16"]]


def keep_sums_wide(pieces: Pieces, cell: np.ndarray, local: int, local_bytes: int) -> tuple[Pieces, int]:
    """`pieces` with such sums at the end of local memory (buffer number `local`), and its new size.

    `cell[T]` is the cell that each task writes.  One place serves all sums: the tasks of one
    block run one after another on one worker, and the last of them is followed by the rounding.
    """
    tasks = pieces.tasks
    narrow = np.flatnonzero(np.isin(tasks["c_type"], _NARROW))
    narrow = narrow[np.bincount(cell[narrow])[cell[narrow]] > 1]
    # A panel is told from the others of its cell by where it starts.
    blocks = np.stack([cell[narrow], tasks["c_offset"][narrow]], axis=1)
    _, block, terms = np.unique(blocks, axis=0, return_inverse=True, return_counts=True)
    summed = narrow[terms[block.reshape(-1)] > 1]
    if not len(summed):
        return pieces, local_bytes
    block = block.reshape(-1)[terms[block.reshape(-1)] > 1]
    last_of_block = np.zeros(len(terms), np.int64)
    last_of_block[block] = summed  # ascending, so the last one stays
    is_last = np.zeros(len(tasks), np.int64)
    is_last[last_of_block[terms > 1]] = 1

    place = -(-local_bytes // ALIGNMENT) * ALIGNMENT
    size = int((tasks["m"] * tasks["n"] * _ITEMS[tasks["compute"]])[summed].max())
    wide = tasks.copy()
    wide["c_buffer"][summed], wide["c_offset"][summed] = local, place
    wide["c_type"][summed] = tasks["compute"][summed]
    wide["c_row"][summed] = tasks["n"][summed]

    at = np.repeat(np.arange(len(tasks)), 1 + is_last)
    rounding = np.concatenate([np.zeros(1, bool), at[1:] == at[:-1]])
    found = wide[at]
    found[rounding] = _roundings(wide[at[rounding]], tasks[at[rounding]])
    cost = np.where(rounding, 20.0 * found["m"] * found["n"], pieces.cost[at])
    taken = {name: getattr(pieces, name)[at] for name in ("source", "phase", "level", "group")}
    return replace(pieces, tasks=found, cost=cost, **taken), place + size


def _roundings(wide: np.ndarray, final: np.ndarray) -> np.ndarray:
    """Combines that take what `wide` tasks summed to where the `final` ones would have put it."""
    found = final.copy()
    found["op"], found["flags"], found["k"], found["alpha"] = Op.COMBINE, 0, 0, 1.0
    for name in ("buffer", "offset", "type", "row"):
        found[f"a_{name}"] = wide[f"c_{name}"]
    found["a_col"] = 1
    for name in ("b", "s"):
        found[f"{name}_buffer"], found[f"{name}_offset"] = -1, 0
    return found
