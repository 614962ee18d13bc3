"""The orders that the members of one chain take in, the products they are made of out, each once.

Members with different orders still want some products in common: in `(A @ B) @ (C @ D)` and
`((A @ B) @ C) @ D` the first one is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from raggeddsl.graph.passes.association import MULTIPLY, Tree
from raggeddsl.graph.passes.rewrite import Members

Orders = Sequence[tuple[Tree, Members]]
"""Orders with the members that take them, ascending (None: all); no two have a member in common."""

Repeats = Mapping[tuple[int, int], np.ndarray]
"""i64[N] for factors i to j whose maps repeat together: equal numbers where members read the same."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A product of factors `first` … `middle - 1` with `middle` … `end - 1`, for `members` (None: all).

    `left` and `right` are each the number of a factor, or that of all factors plus the place of a
    piece before this one.
    """

    left: int
    right: int
    first: int
    middle: int
    end: int
    members: Members

    @property
    def neighbours(self) -> bool:
        """Whether it is a product of two factors."""
        return self.end - self.first == 2


def pieces(orders: Orders, factors: int, count: int, free: set[int]) -> tuple[list[Piece], list[int]]:
    """The distinct products of a chain of `count` members, and the place of each order's last one.

    A piece is for the members of all orders that have it; if it is one of the neighbours p and
    p + 1 with p in `free`, for all members, since the graph computes it for all anyway.
    """
    spans = [(factor, factor, factor + 1) for factor in range(factors)]
    numbers: dict[tuple[int, int], int] = {}
    wanted: list[list[Members]] = []
    roots = []
    for tree, members in orders:
        stack: list[int] = []
        for step in tree:
            if step != MULTIPLY:
                stack.append(step)
                continue
            right, left = stack.pop(), stack.pop()
            number = numbers.setdefault((left, right), len(spans))
            if number == len(spans):
                spans.append((spans[left][0], spans[right][0], spans[right][2]))
                wanted.append([])
            wanted[number - factors].append(members)
            stack.append(number)
        roots.append(stack[0] - factors)
    products = []
    for (left, right), span, groups in zip(numbers, spans[factors:], wanted, strict=True):
        whole = span[2] - span[0] == 2 and span[0] in free
        products.append(Piece(left, right, *span, None if whole else _union(groups, count)))
    return products, roots


def _union(groups: list[Members], count: int) -> Members:
    """The members of disjoint groups, ascending; None for all."""
    if len(groups) == 1:
        return groups[0]
    total = np.sort(np.concatenate([np.arange(count) if group is None else group for group in groups]))
    return None if len(total) == count else total


def flop(orders: Orders, sizes: np.ndarray, free: set[int], repeats: Repeats) -> float:
    """What `orders` cost together, each distinct product of each distinct piece counted once.

    `sizes` is i64[factors + 1, N], `free` as in `pieces`.
    """
    size = sizes.astype(np.float64)
    total = 0.0
    for piece in pieces(orders, len(size) - 1, size.shape[1], free)[0]:
        if piece.neighbours and piece.first in free:
            continue
        each = 2.0 * size[piece.first] * size[piece.middle] * size[piece.end]
        same = repeats.get((piece.first, piece.end - 1))
        if piece.members is not None:
            each = each[piece.members]
            same = None if same is None else same[piece.members]
        if same is not None:
            each = each[np.unique(same, return_index=True)[1]]
        total += float(each.sum())
    return total
