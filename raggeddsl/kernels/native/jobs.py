"""Pieces of work in, jobs and phases out: what a worker takes at a time, and in which order.

Heavy groups come first, heaviest foremost (longest processing time first: Graham, Bounds on
multiprocessing timing anomalies, 1969); small ones keep the order of memory and are taken many at
a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.kernels.native.distinct import distinct
from raggeddsl.tuning import ScheduleTuning


@dataclass(frozen=True, eq=False)
class Pieces:
    """Columns, one entry a task: its row in the plan's table, cost, phase, level within the phase, group,
    and whether it `carries`: adds what other tasks of the row have summed to where it belongs, and no
    term.  Tasks of one group run one after another in the order they have here."""

    tasks: np.ndarray
    source: np.ndarray
    cost: np.ndarray
    phase: np.ndarray
    level: np.ndarray
    group: np.ndarray
    carries: np.ndarray


@dataclass(frozen=True, eq=False)
class Jobs:
    """`order` of the tasks, `jobs` int64[J, 2] (first, count) and `phases` int64[P + 1]."""

    order: np.ndarray
    jobs: np.ndarray
    phases: np.ndarray


def group_into_jobs(pieces: Pieces, workers: int, tuning: ScheduleTuning) -> Jobs:
    """Jobs of whole groups, by (phase, level), heavy ones first."""
    if not len(pieces.tasks):
        return Jobs(np.zeros(0, np.int64), np.zeros((0, 2), np.int64), np.zeros(1, np.int64))
    step = pieces.phase * (int(pieces.level.max()) + 1) + pieces.level
    group, index = distinct(pieces.group)
    tasks = np.arange(len(index))
    first = np.empty(len(group), np.int64)
    first[index[::-1]] = tasks[::-1]
    group_cost = np.bincount(index, pieces.cost)
    group_step = step[first]
    step_cost = np.bincount(group_step, group_cost)
    wanted = np.clip(step_cost / (workers * tuning.jobs_a_worker), *tuning.job_cost)[group_step]
    big = group_cost >= wanted
    heavy, light = np.flatnonzero(big), np.flatnonzero(~big)
    heavy = heavy[np.argsort(-group_cost[heavy], kind="stable")]
    by_rank = np.concatenate([heavy, light[np.argsort(first[light], kind="stable")]])
    by_rank = by_rank[np.argsort(group_step[by_rank], kind="stable")]
    rank = np.empty(len(group), np.int64)
    rank[by_rank] = np.arange(len(group))
    # The stable order by rank; sorting numbers is several times as fast as `np.argsort`.
    order = np.sort(rank[index] * len(tasks) + tasks) % len(tasks)

    cost, steps, alone, wanted = group_cost[by_rank], group_step[by_rank], big[by_rank], wanted[by_rank]
    sizes = np.bincount(index, minlength=len(group))[by_rank]
    # A new job opens at each step, at each big group and after it, and where the small ones
    # before have filled one.
    filled = np.floor(np.cumsum(np.where(alone, 0.0, cost)) / wanted)
    opens = np.ones(len(group), bool)
    opens[1:] = (steps[1:] != steps[:-1]) | alone[1:] | alone[:-1] | (filled[1:] != filled[:-1])
    starts = (np.cumsum(sizes) - sizes)[opens]
    counts = np.diff(np.append(starts, len(order)))
    job_steps = steps[opens]
    phases = np.append(np.flatnonzero(np.diff(job_steps, prepend=-1)), len(job_steps))
    return Jobs(order, np.stack([starts, counts], axis=1), phases.astype(np.int64))
