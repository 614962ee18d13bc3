"""Sums of much work into one small block in, partial sums of it that run side by side out.

How a sum is cut depends on the plan alone, never on the number of threads, and its parts are added
in a fixed order: so the bits are the same for any number of threads.
"""

from __future__ import annotations

import numpy as np

from raggeddsl.kernels.native.distinct import distinct
from raggeddsl.kernels.native.jobs import Pieces
from raggeddsl.kernels.native.table import ACCUMULATE, ITEM_SIZES, combines, summed_wider
from raggeddsl.plan.arena import ALIGNMENT
from raggeddsl.plan.cells import Cells
from raggeddsl.plan.plan import Op, Plan
from raggeddsl.tuning import ScheduleTuning


def parts_of_sums(plan: Plan, cells: Cells, cost: np.ndarray, tuning: ScheduleTuning) -> np.ndarray:
    """int64[T]: into how many parts the sum that each row belongs to is cut; 0 where it is not.

    `cost[T]` is that of each row (`row_costs`).
    """
    least = tuning.part_cost
    parts = np.zeros(len(plan.tasks), np.int64)
    for stage in plan.stages:
        rows = slice(stage.start, stage.stop)
        if not float(cost[rows].sum()) > 2 * least:
            continue
        cell, index = distinct(cells.written[rows])
        total = np.bincount(index, cost[rows])
        large = (total >= 2 * least) & (total > tuning.least_share * total.sum())
        large &= cells.elements[cell] <= tuning.largest_block
        if not large.any():
            continue
        # Terms, or stretches of k, that could be apart.
        product = plan.tasks.op[rows] == Op.PRODUCT
        pieces = np.where(product, np.maximum(plan.tasks.k[rows] // tuning.shortest, 1), 1)
        most = np.minimum(np.bincount(index, pieces), tuning.most_parts)
        wanted = np.minimum(total // least, most).astype(np.int64)
        parts[rows] = np.where(large & (wanted > 1), wanted, 0)[index]
    return parts


def sum_in_parts(
    pieces: Pieces, cell: np.ndarray, parts: np.ndarray, arena: int, arena_bytes: int, shortest: int
) -> tuple[Pieces, int]:
    """`pieces` with those sums in parts, and the new size of the arena (buffer number `arena`).

    `cell[T]` is the cell that each piece writes and `parts[T]` what `parts_of_sums` said; a task has
    at least `shortest` steps of k after cutting, if it had them before.  Parts are
    of the type that is computed in, and lie at the arena's end; each stage that has any runs in two
    steps: all parts, then their additions.
    """
    split = np.flatnonzero(parts > 0)
    if not len(split):
        return pieces, arena_bytes
    # By cell, each cell's terms in their order: blocks are numbered as they lie here, whatever the order
    # of stages and buffers is.
    split = split[np.argsort(cell[split], kind="stable")]
    _, block = np.unique(cell[split], return_inverse=True)
    wanted = np.zeros(int(block.max()) + 1, np.int64)
    wanted[block] = parts[split]
    target = np.bincount(block, pieces.cost[split]) / wanted
    terms, source, block, cost = _cut_along_k(pieces, split, block, target, shortest)
    # Rows of one block are neighbours, so a running total tells the part.
    before = np.cumsum(cost) - cost
    opens = np.concatenate([np.ones(1, bool), block[1:] != block[:-1]])
    start = np.zeros(len(target))
    start[block[opens]] = before[opens]
    middle = before - start[block] + cost / 2
    part = np.minimum(middle // target[block], wanted[block] - 1).astype(np.int64)

    _, first, place = np.unique(
        block * (int(wanted.max()) + 1) + part, return_index=True, return_inverse=True
    )
    is_first = np.zeros(len(terms), bool)
    is_first[first] = True
    originals = terms[opens].copy()
    last_of_block = np.append(np.flatnonzero(opens)[1:], len(terms)) - 1
    terms["c_type"] = np.where(summed_wider(terms), terms["compute"], terms["c_type"])
    terms["flags"] = np.where(is_first, terms["flags"] & ~ACCUMULATE, terms["flags"] | ACCUMULATE)
    size = -(-terms["m"] * terms["n"] * ITEM_SIZES[terms["c_type"]] // ALIGNMENT) * ALIGNMENT
    sizes = size[first]
    base = -(-arena_bytes // ALIGNMENT) * ALIGNMENT
    starts = base + np.cumsum(sizes) - sizes
    terms["c_buffer"], terms["c_offset"], terms["c_row"] = arena, starts[place], terms["n"]

    sums, owner = _additions(terms[first], block[first], originals)
    kept = np.flatnonzero(parts == 0)
    group = int(pieces.group.max(initial=0)) + 1
    from_last = source[last_of_block][owner]
    all_pieces = Pieces(
        tasks=np.concatenate([pieces.tasks[kept], terms, sums]),
        source=np.concatenate([pieces.source[kept], pieces.source[source], pieces.source[from_last]]),
        cost=np.concatenate([pieces.cost[kept], cost, 20.0 * sums["m"] * sums["n"]]),
        phase=np.concatenate([pieces.phase[kept], pieces.phase[source], pieces.phase[from_last]]),
        level=np.concatenate(
            [pieces.level[kept], np.zeros(len(terms), np.int64), np.ones(len(sums), np.int64)]
        ),
        group=np.concatenate([pieces.group[kept], group + place, group + len(first) + owner]),
        carries=np.repeat([False, True], [len(kept) + len(terms), len(sums)]),
    )
    return all_pieces, base + int(sizes.sum())


def _cut_along_k(
    pieces: Pieces, split: np.ndarray, block: np.ndarray, target: np.ndarray, shortest: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The terms, products of much more than a part cut along k; the piece, block and cost of each."""
    tasks, cost = pieces.tasks[split], pieces.cost[split]
    wanted = np.ceil(cost / target[block]).astype(np.int64)
    count = np.where(tasks["op"] == Op.PRODUCT, np.clip(wanted, 1, np.maximum(tasks["k"] // shortest, 1)), 1)
    at = np.repeat(np.arange(len(split)), count)
    number = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    terms = tasks[at]
    start = tasks["k"][at] * number // count[at]
    terms["k"] = tasks["k"][at] * (number + 1) // count[at] - start
    terms["a_offset"] += start * terms["a_col"] * ITEM_SIZES[terms["a_type"]]
    terms["b_offset"] += start * terms["b_row"] * ITEM_SIZES[terms["b_type"]]
    return terms, split[at], block[at], (cost / count)[at]


def _additions(parts: np.ndarray, block: np.ndarray, originals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Combines that add each block's later parts to its first and put that where it belongs; their blocks.

    `parts` has one task of each part, by block and in order; `originals` the first task of each
    block, as it was.
    """
    opens = np.concatenate([np.ones(1, bool), block[1:] != block[:-1]])
    head = np.flatnonzero(opens)[block]  # the first part of each part's block
    later = parts[~opens]
    adding = combines(parts[head[~opens]], later, ACCUMULATE)
    final = combines(originals, parts[opens])
    final["flags"] = originals["flags"] & ACCUMULATE
    owner = np.concatenate([block[~opens], block[opens]])
    order = np.argsort(owner, kind="stable")
    return np.concatenate([adding, final])[order], owner[order]
