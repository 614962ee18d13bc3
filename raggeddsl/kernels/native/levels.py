"""Components in; which of them all workers run together, level by level, and when the others run, out.

A component that would leave other workers waiting is *heavy*: its tasks are cut, and it runs stage by
stage.  The stages of a phase that have heavy rows are its *levels*.  Light components, each of them
one worker's, are spread over the levels, so that whoever finds no more panels has something to do.
"""

from __future__ import annotations

import numpy as np

from raggeddsl.kernels.native.components import Components


def heavy_rows(
    parts: Components, stage: np.ndarray, cost: np.ndarray, workers: int, least: float
) -> np.ndarray:
    """bool[T]: rows of components, of cost `least` or more, that would leave other workers waiting.

    `stage[T]` is the stage of each row and `cost[T]` its `row_costs`.  Where a phase has levels, a
    component that is much of one level would keep the others waiting at its end.
    """
    if workers < 2 or not len(cost):
        return np.zeros(len(cost), bool)
    totals = np.bincount(parts.label, cost)
    if not (totals > least).any():
        return np.zeros(len(cost), bool)
    component = totals[parts.label]
    phase = np.bincount(parts.phase, cost)[parts.phase]
    heavy: np.ndarray = (component > least) & (component > phase / (2 * workers))
    levels = _level_counts(parts, stage, heavy)[parts.phase]
    return heavy | ((component > least) & (component * levels > phase / workers) & (levels > 1))


def levels(parts: Components, stage: np.ndarray, cost: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    """int64[T]: the level of each row in its phase; 0 throughout where a phase has nothing heavy.

    A light component is at one level.  The lights of a phase take the levels in their order, as much
    of them beside each as the heavy rows there cost.
    """
    level = np.zeros(len(cost), np.int64)
    # Phases are runs of stages, so the rows of one are neighbours.
    for phase in np.unique(parts.phase[heavy]).tolist():
        first, end = np.searchsorted(parts.phase, [phase, phase + 1])
        rows = np.arange(first, end)
        cut, light = rows[heavy[first:end]], rows[~heavy[first:end]]
        level[cut] = np.unique(stage[cut], return_inverse=True)[1]
        ends = np.cumsum(np.bincount(level[cut], cost[cut]))
        _, component = np.unique(parts.component[light], return_inverse=True)
        each = np.bincount(component, cost[light])
        middle = (np.cumsum(each) - each / 2) * (ends[-1] / max(float(each.sum()), 1.0))
        level[light] = np.searchsorted(ends[:-1], middle)[component]
    return level


def _level_counts(parts: Components, stage: np.ndarray, heavy: np.ndarray) -> np.ndarray:
    """int64[P]: how many stages of each phase have heavy rows."""
    pairs = np.unique(np.stack([parts.phase[heavy], stage[heavy]]), axis=1)
    return np.bincount(pairs[0], minlength=parts.phases)
