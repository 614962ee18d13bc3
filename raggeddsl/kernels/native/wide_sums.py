"""Tasks that add up in a float narrower than they compute in, the same sums kept wide until their end out.

bf16 and f16 products accumulate in f32, and any in what `accum` asks for.  Stored after each term, a sum
of many would soon stop growing: 256 + 1 is 256 in bf16.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from raggeddsl.kernels.native.jobs import Pieces
from raggeddsl.kernels.native.table import ITEM_SIZES, combines, summed_wider
from raggeddsl.plan.arena import ALIGNMENT


def keep_sums_wide(pieces: Pieces, cell: np.ndarray, local: int, local_bytes: int) -> tuple[Pieces, int]:
    """`pieces` with such sums at the end of local memory (buffer number `local`), and its new size.

    `cell[T]` is the cell that each task writes.  One place serves all sums: the tasks of one
    block run one after another on one worker, and the last of them is followed by the rounding.
    """
    tasks = pieces.tasks
    narrow = np.flatnonzero(summed_wider(tasks))
    if not len(narrow):
        return pieces, local_bytes
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
    size = int((tasks["m"] * tasks["n"] * ITEM_SIZES[tasks["compute"]])[summed].max())
    wide = tasks.copy()
    wide["c_buffer"][summed], wide["c_offset"][summed] = local, place
    wide["c_type"][summed] = tasks["compute"][summed]
    wide["c_row"][summed] = tasks["n"][summed]

    at = np.repeat(np.arange(len(tasks)), 1 + is_last)
    rounding = np.concatenate([np.zeros(1, bool), at[1:] == at[:-1]])
    with_roundings = wide[at]
    # A rounding takes what was summed to where the last task of the block would have put it.
    with_roundings[rounding] = combines(tasks[at[rounding]], wide[at[rounding]])
    cost = np.where(rounding, 20.0 * with_roundings["m"] * with_roundings["n"], pieces.cost[at])
    taken = {name: getattr(pieces, name)[at] for name in ("source", "phase", "level", "group")}
    carries = pieces.carries[at] | rounding
    return replace(pieces, tasks=with_roundings, cost=cost, carries=carries, **taken), place + size
