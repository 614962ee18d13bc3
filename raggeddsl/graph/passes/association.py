"""The order of a chain of products: sizes of many members in, the best tree of each group of them out.

The dynamic programme over sub-chains is the textbook one (Godbole, "On efficient computation of
matrix chain products", 1973), with a column of members in place of each number.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from raggeddsl.graph.passes.rewrite import Members
from raggeddsl.tuning import DEFAULT, GraphTuning

Tree = tuple[int, ...]
"""An order in postfix: a factor's number, or `MULTIPLY` for the product of the two before it."""

MULTIPLY = -1

Spans = Mapping[tuple[int, int], np.ndarray]
"""f64[N] for the sub-chain of factors i to j: what a member's product of it counts for."""


def left_tree(factors: int) -> Tree:
    """`((f0 @ f1) @ f2) @ …`"""
    tree = [0]
    for factor in range(1, factors):
        tree += [factor, MULTIPLY]
    return tuple(tree)


def groups(
    sizes: np.ndarray, free: set[int], weights: Spans, most: int, tuning: GraphTuning = DEFAULT.graph
) -> list[tuple[Tree, Members]]:
    """The cheapest order of each member, as at most `most` orders with their members (None: all).

    `sizes` is i64[factors + 1, N], N > 0; the product of the neighbours p and p + 1 costs nothing
    for p in `free`; `weights` as in `Spans`, 1 where there is none.  Equal costs go to the left.
    If members want more orders than `most`, those that save most together are kept and each
    member takes the best of these.
    """
    count = sizes.shape[1]
    if sizes.shape[0] - 1 > tuning.longest_chain:
        return _windowed(sizes, free, tuning)
    pieces_by: dict[Tree, list[np.ndarray]] = {}
    block = max(1, tuning.chain_cells // sizes.shape[0] ** 2)
    for start in range(0, count, block):
        chosen = slice(start, min(start + block, count))
        splits = _splits(sizes[:, chosen], free, {span: w[chosen] for span, w in weights.items()})
        for tree, members in _trees(splits, sizes.shape[0] - 1):
            pieces_by.setdefault(tree, []).append(members + start)
    chosen_by = {tree: np.concatenate(pieces) for tree, pieces in pieces_by.items()}
    if len(chosen_by) > most:
        chosen_by = _fewer(chosen_by, sizes, free, weights, most, tuning)
    if len(chosen_by) == 1:
        return [(tree, None) for tree in chosen_by]
    return [(tree, chosen_by[tree]) for tree in sorted(chosen_by, key=lambda tree: int(chosen_by[tree][0]))]


def _splits(sizes: np.ndarray, free: set[int], weights: Spans) -> dict[tuple[int, int], np.ndarray]:
    """For factors i to j, i64[N]: the last factor of the left part of each member's cheapest order."""
    size = sizes.astype(np.float64)
    factors = len(size) - 1
    zero = np.zeros(size.shape[1])
    cost = {(i, i): zero for i in range(factors)}
    splits = {}
    for length in range(2, factors + 1):
        for i in range(factors - length + 1):
            j = i + length - 1
            if length == 2:
                cost[i, j] = _flop(size, free, weights, i, i, j)
                continue
            best = np.full(size.shape[1], np.inf)
            split = np.zeros(size.shape[1], np.int64)
            for last in range(j - 1, i - 1, -1):
                total = cost[i, last] + cost[last + 1, j] + _flop(size, free, weights, i, last, j)
                better = total < best
                best = np.where(better, total, best)
                split[better] = last
            cost[i, j], splits[i, j] = best, split
    return splits


def _flop(size: np.ndarray, free: set[int], weights: Spans, i: int, last: int, j: int) -> np.ndarray:
    """f64[N]: what the product of factors i … last with last + 1 … j costs."""
    if j == i + 1 and i in free:
        return np.zeros(size.shape[1])
    flop = 2.0 * size[i] * size[last + 1] * size[j + 1]
    return flop * weights[i, j] if (i, j) in weights else flop


def _trees(splits: dict[tuple[int, int], np.ndarray], factors: int) -> list[tuple[Tree, np.ndarray]]:
    """Each different order with the members that want it, in ascending order."""
    assert factors > 2, "there is an order to choose from three factors on"
    count = len(splits[0, factors - 1])
    reached = {(0, factors - 1): np.ones(count, bool)}
    number = np.zeros(count, np.int64)
    for i, j in sorted(splits, key=lambda span: span[0] - span[1]):
        here = reached.get((i, j))
        if here is None:
            continue
        code = np.where(here, splits[i, j] + 1, 0)
        for last in np.unique(code[here]) - 1:
            wanted = here & (splits[i, j] == last)
            for part in ((i, int(last)), (int(last) + 1, j)):
                reached[part] = reached.get(part, False) | wanted
        number = number * (factors + 1) + code
        if number.max() >= 2**31:
            number = np.unique(number, return_inverse=True)[1].reshape(-1)
    order = np.argsort(number, kind="stable")
    starts = np.flatnonzero(np.diff(number[order], prepend=number[order[0]] - 1))
    return [(_tree(splits, members[0], 0, factors - 1), members) for members in np.split(order, starts[1:])]


def _tree(splits: dict[tuple[int, int], np.ndarray], member: int, i: int, j: int) -> Tree:
    """The order of one member's factors i to j."""
    if i == j:
        return (i,)
    last = int(splits[i, j][member]) if j > i + 1 else i
    return _tree(splits, member, i, last) + _tree(splits, member, last + 1, j) + (MULTIPLY,)


def tree_cost(tree: Tree, sizes: np.ndarray, free: set[int], weights: Spans) -> np.ndarray:
    """f64[N]: FLOP of each member in this order."""
    size = sizes.astype(np.float64)
    total = np.zeros(size.shape[1])
    stack: list[tuple[int, int]] = []
    for step in tree:
        if step != MULTIPLY:
            stack.append((step, step))
            continue
        (_, j), (i, last) = stack.pop(), stack.pop()
        total += _flop(size, free, weights, i, last, j)
        stack.append((i, j))
    return total


def _fewer(
    chosen: dict[Tree, np.ndarray],
    sizes: np.ndarray,
    free: set[int],
    weights: Spans,
    most: int,
    tuning: GraphTuning,
) -> dict[Tree, np.ndarray]:
    """At most `most` of the orders, each member with the cheapest of them.

    They are chosen one by one, each time the one that lowers the total most, among the orders
    that most members want and by the members of a sample.
    """
    candidates = sorted(chosen, key=lambda tree: -len(chosen[tree]))[: tuning.weighed_orders]
    every = np.arange(sizes.shape[1])
    sample = every[:: max(1, len(every) // tuning.weighed_members)]

    def costs(trees: list[Tree], members: np.ndarray) -> np.ndarray:
        member_weights = {span: weight[members] for span, weight in weights.items()}
        return np.stack([tree_cost(tree, sizes[:, members], free, member_weights) for tree in trees])

    table = costs(candidates, sample)
    kept: list[int] = []
    best = np.full(len(sample), np.inf)
    for _ in range(min(most, len(candidates))):
        kept.append(int(np.argmin(np.minimum(table, best).sum(axis=1))))
        best = np.minimum(best, table[kept[-1]])
    trees = [candidates[place] for place in dict.fromkeys(kept)]
    choice = np.argmin(costs(trees, every), axis=0)
    chosen_by = {tree: np.flatnonzero(choice == place) for place, tree in enumerate(trees)}
    return {tree: members for tree, members in chosen_by.items() if len(members)}


def _windowed(sizes: np.ndarray, free: set[int], tuning: GraphTuning) -> list[tuple[Tree, Members]]:
    """One order for all members of a very long chain: windows by themselves, then the windows."""
    factors = sizes.shape[0] - 1
    total = sizes.sum(axis=1, keepdims=True)
    window = max(2, tuning.longest_chain // 2)
    starts = list(range(0, factors, window))
    windows = []
    for start in starts:
        stop = min(start + window, factors)
        inner = {place - start for place in free if start <= place < stop - 1}
        windows.append(_any_order(total[start : stop + 1], inner, start, tuning))
    ends = [*starts, factors]
    outer = _any_order(total[ends], set(), 0, tuning)
    tree: list[int] = []
    for step in outer:
        tree += [MULTIPLY] if step == MULTIPLY else windows[step]
    return [(tuple(tree), None)]


def _any_order(sizes: np.ndarray, free: set[int], start: int, tuning: GraphTuning) -> Tree:
    """The cheapest order of a chain of any length of one member, its factors numbered from `start`."""
    factors = sizes.shape[0] - 1
    if factors < 3:
        tree = left_tree(factors)
    else:
        ((tree, _),) = groups(sizes, free, {}, 1, tuning)
    return tuple(step if step == MULTIPLY else step + start for step in tree)
