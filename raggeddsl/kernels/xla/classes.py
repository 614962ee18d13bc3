"""The shapes of a group of products in, at most a budget of shape classes out, chosen by measured cost.

A class is *exact* (all of its products have one shape) or a *box* bm x bn x bk into tiles of which
its products are cut.  Products of a box at least as large as they are, are merely padded.
Greedy: the class that saves most is taken next, then each is exchanged for a better one while
that helps (the usual heuristic for facility location).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.kernels.xla import cost
from raggeddsl.tuning import XlaTuning

HEIGHTS = np.array([8, 16, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512])
WIDTHS = np.array([16, 32, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 1024])
DEPTHS = np.array([8, 16, 24, 32, 48, 64, 96, 128, 160, 192, 256, 384, 512])
STRIP = 16
"""Elements of a strip of results: boxes are multiples of it across."""


@dataclass(frozen=True, eq=False)
class Shapes:
    """The distinct shapes of some products, columns of int64[S], and how many products have each."""

    m: np.ndarray
    n: np.ndarray
    k: np.ndarray
    count: np.ndarray

    def __len__(self) -> int:
        return len(self.m)

    def take(self, chosen: np.ndarray) -> Shapes:
        """Some of them."""
        return Shapes(self.m[chosen], self.n[chosen], self.k[chosen], self.count[chosen])

    @property
    def flop(self) -> np.ndarray:
        """Operations of all products of each shape."""
        return 2.0 * self.m * self.n * self.k * self.count


@dataclass(frozen=True, eq=False)
class Candidates:
    """Classes to choose from: int64[C] sizes, and whether each is exact."""

    m: np.ndarray
    n: np.ndarray
    k: np.ndarray
    exact: np.ndarray

    def take(self, chosen: np.ndarray) -> Candidates:
        """Some of them."""
        return Candidates(self.m[chosen], self.n[chosen], self.k[chosen], self.exact[chosen])

    def __len__(self) -> int:
        return len(self.m)


@dataclass(frozen=True, eq=False)
class Chosen:
    """The chosen classes and, for each distinct shape, which of them serves it."""

    classes: Candidates
    of_shape: np.ndarray


def distinct(m: np.ndarray, n: np.ndarray, k: np.ndarray) -> tuple[Shapes, np.ndarray]:
    """The distinct shapes, and the number of each product's."""
    # One sort of one column is many times faster than np.unique over three.
    names = (m * (int(n.max(initial=0)) + 1) + n) * (int(k.max(initial=0)) + 1) + k
    if float(m.max(initial=0)) * float(n.max(initial=0)) * float(k.max(initial=0)) > 2.0**60:
        names = np.unique(np.stack([m, n, k]), axis=1, return_inverse=True)[1].reshape(-1)
    _, first, which, count = np.unique(names, return_index=True, return_inverse=True, return_counts=True)
    return Shapes(m[first], n[first], k[first], count), which.reshape(-1)


def choose(shapes: Shapes, budget: int, worthwhile: float, tuning: XlaTuning) -> Chosen:
    """The classes that should take least time: at most `budget`, none that saves less than `worthwhile`."""
    if len(shapes) <= budget and _worth_exact(shapes, tuning):
        exact = Candidates(shapes.m, shapes.n, shapes.k, np.ones(len(shapes), bool))
        return Chosen(exact, np.arange(len(shapes)))
    candidates = _candidates(shapes, tuning)
    sample = _sample(shapes, tuning.most_samples)
    times = _times(sample, candidates)
    most = min(budget, tuning.most_mixed)
    greedy = _greedy(times, candidates.exact, most, worthwhile, tuning)
    picked = _serving_all(greedy, most, shapes, candidates)
    classes = candidates.take(np.array(picked))
    times = _times(shapes, classes)
    of_shape = np.argmin(times, axis=1)
    assert (times[np.arange(len(shapes)), of_shape] < np.inf).all(), "a shape is in a class of another shape"
    used, of_shape = np.unique(of_shape, return_inverse=True)
    return Chosen(classes.take(used), of_shape.reshape(-1))


def _worth_exact(shapes: Shapes, tuning: XlaTuning) -> bool:
    """Whether a class for each shape is sensible without more thought: they are few, or they are large."""
    average = float(np.sum(shapes.flop)) / len(shapes)
    return len(shapes) <= tuning.few_shapes or average > tuning.large_flop


def _candidates(shapes: Shapes, tuning: XlaTuning) -> Candidates:
    """Boxes up to the largest shape, and the heaviest shapes themselves."""
    m, n, k = _sizes(HEIGHTS, shapes.m, 8), _sizes(WIDTHS, shapes.n, STRIP), _sizes(DEPTHS, shapes.k, 8)
    boxes = np.stack(np.meshgrid(m, n, k, indexing="ij")).reshape(3, -1)
    heavy = np.argsort(-shapes.flop, kind="stable")[: tuning.most_exact]
    if len(shapes) > tuning.most_exact:
        heavy = heavy[shapes.flop[heavy] >= tuning.share_exact * float(shapes.flop.sum())]
    exact = np.stack([shapes.m, shapes.n, shapes.k])[:, heavy]
    both = np.concatenate([boxes, exact], axis=1)
    return Candidates(both[0], both[1], both[2], np.arange(both.shape[1]) >= boxes.shape[1])


def _sizes(ladder: np.ndarray, column: np.ndarray, step: int) -> np.ndarray:
    """Sizes of boxes along one axis: no larger than needed, and the axis' own where it has few."""
    up = -(-column // step) * step
    needed = np.unique(up)
    if len(needed) <= 6 and needed[-1] <= ladder[-1]:
        return needed
    return ladder[: int(np.searchsorted(ladder, needed[-1])) + 1]


def _sample(shapes: Shapes, most: int) -> Shapes:
    """At most `most` of them, each standing for as much work as any other, with counts to match."""
    if len(shapes) <= most:
        return shapes
    moved = shapes.m * shapes.k + shapes.k * shapes.n + shapes.m * shapes.n
    work = shapes.count * (cost.TASK + cost.GATHER * moved) + cost.FLOP * shapes.flop
    order = np.argsort(work / shapes.count, kind="stable")
    reached = np.cumsum(work[order])
    share = reached[-1] / most
    chosen = order[np.searchsorted(reached, (np.arange(most) + 0.5) * share)]
    picked = shapes.take(chosen)
    return Shapes(picked.m, picked.n, picked.k, share / work[chosen] * picked.count)


def _times(shapes: Shapes, classes: Candidates) -> np.ndarray:
    """f64[S, C]: nanoseconds that all products of each shape take in each class, infinite where it cannot."""
    m, n, k, count = (column[:, None] for column in (shapes.m, shapes.n, shapes.k, shapes.count))
    boxes = ~classes.exact
    times = np.full((len(shapes), len(classes)), np.inf)
    bm, bn, bk = classes.m[boxes], classes.n[boxes], classes.k[boxes]
    outer = -(-m // bm) * -(-n // bn)
    inner = -(-k // bk)
    times[:, boxes] = outer * inner * cost.tile(bm, bn, bk)
    padding = outer * inner * bm * bn - inner * m * n
    times[:, boxes] += cost.SCATTER * inner * (m * n) + cost.GATHER * padding
    em, en, ek = (column[classes.exact] for column in (classes.m, classes.n, classes.k))
    same = (m == em) & (n == en) & (k == ek)
    times[:, classes.exact] = np.where(same, cost.exact(em, en, ek), np.inf)
    return times * count


def _greedy(
    times: np.ndarray, exact: np.ndarray, budget: int, worthwhile: float, tuning: XlaTuning
) -> list[int]:
    """Columns of `times`, at most `budget`, whose least entries add up to little."""
    best = np.full(len(times), np.inf)
    picked: list[int] = []
    total = np.inf
    while len(picked) < budget:
        sums = np.minimum(best[:, None], times).sum(axis=0) + tuning.class_time * (len(picked) + 1)
        judged = sums + np.where(exact & (len(picked) > 0), 2 * worthwhile * min(total, sums.max()), 0.0)
        column = int(np.argmin(judged))
        if picked and not judged[column] < total * (1 - worthwhile):
            break
        total = float(sums[column])
        picked.append(column)
        best = np.minimum(best, times[:, column])
    return _exchange(times, picked)


def _serving_all(picked: list[int], most: int, shapes: Shapes, candidates: Candidates) -> list[int]:
    """`picked`, with a box among them if there is a shape that none of them serves.

    Classes are chosen by a sample, in which shapes of little work may be missing.
    """
    served = (_times(shapes, candidates.take(np.array(picked))) < np.inf).any(axis=1)
    if served.all():
        return picked
    boxes = np.flatnonzero(~candidates.exact)
    rest = _times(shapes.take(np.flatnonzero(~served)), candidates.take(boxes)).sum(axis=0)
    return [*picked[: most - 1], int(boxes[np.argmin(rest)])]


def _exchange(times: np.ndarray, picked: list[int]) -> list[int]:
    """Each pick in turn replaced by the best one beside the others, twice over."""
    for _ in range(2):
        for place in range(len(picked)):
            others = picked[:place] + picked[place + 1 :]
            rest = times[:, others].min(axis=1, initial=np.inf)
            picked[place] = int(np.argmin(np.minimum(rest[:, None], times).sum(axis=0)))
    return sorted(set(picked))
