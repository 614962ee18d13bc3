"""Cells in, phases of independent components out: what one worker runs without asking others.

Rows that touch a common cell belong to one component.  Components of a phase share nothing, so
workers run them in any order; where following the graph further would tie many components into
one (a sum over a family, a shared result), the phase ends and the next begins.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from raggeddsl.kernels.native.distinct import distinct
from raggeddsl.plan.cells import Cells
from raggeddsl.plan.plan import Plan
from raggeddsl.tuning import ScheduleTuning


@dataclass(frozen=True, eq=False)
class Components:
    """`phase[T]` and `component[T]` of each row; components are numbered from 0 in each phase.

    `label[T]` numbers them through all phases, without gaps; `phase_of_cell` is the phase that
    writes each cell.
    """

    phase: np.ndarray
    component: np.ndarray
    label: np.ndarray
    phase_of_cell: np.ndarray
    phases: int


def row_costs(plan: Plan) -> np.ndarray:
    """f64[T]: what each row takes, in units of about one floating-point operation.

    Bytes and the entry of a task count too: a product of 4 x 4 is not free.
    """
    t = plan.tasks
    return t.flop + 10.0 * (t.m * t.k + t.k * t.n + t.m * t.n) + 2000.0


def find_components(
    plan: Plan, cells: Cells, cost: np.ndarray, alone: np.ndarray, tuning: ScheduleTuning
) -> Components:
    """Follows the stages in order, merging labels of cells until a merge would cost parallelism.

    Stages with rows that are `alone[T]` are phases of their own.
    """
    phase = np.zeros(len(plan.tasks), np.int64)
    component = np.zeros(len(plan.tasks), np.int64)
    label = np.zeros(len(plan.tasks), np.int64)
    open_phase = _Phase(len(cells), tuning)
    phase_of_cell = np.full(len(cells), -1, np.int64)
    number, labels, closed = 0, 0, False
    for stage in plan.stages:
        rows = slice(stage.start, stage.stop)
        if stage.start == stage.stop:
            continue
        read, written = cells.read[rows], cells.written[rows]
        apart = bool(alone[rows].any())
        # The first phase is open and empty.
        shut = (closed or apart) and bool(open_phase.rows)
        closed = apart
        if shut or not open_phase.add(rows, read, written, cost[rows]):
            labels = _close(open_phase, component, label, labels)
            number += 1
            open_phase.renew()
            open_phase.add(rows, read, written, cost[rows], anyway=True)
        phase[rows] = number
        phase_of_cell[written] = number
    _close(open_phase, component, label, labels)
    return Components(phase, component, label, phase_of_cell, number + 1)


def _close(phase: _Phase, component: np.ndarray, label: np.ndarray, first: int) -> int:
    """Write the columns of the phase's rows, labels from `first` on; returns the next free label."""
    for rows, labels in phase.rows:
        component[rows] = phase.final[labels]
        label[rows] = component[rows] + first
    return first + len(phase.cost)


class _Phase:
    """The open phase: labels of its cells, merged labels, and the cost of each."""

    def __init__(self, cells: int, tuning: ScheduleTuning) -> None:
        self._tuning = tuning
        self.label = np.full(cells, -1, np.int64)
        self.cost: np.ndarray = np.zeros(0)
        self.final = np.zeros(0, np.int64)
        self.rows: list[tuple[slice, np.ndarray]] = []
        self._touched: list[np.ndarray] = []

    def renew(self) -> None:
        """Start the next phase; the column of labels is kept, its entries are not."""
        for cells in self._touched:
            self.label[cells] = -1
        self.cost, self.final = np.zeros(0), np.zeros(0, np.int64)
        self.rows, self._touched = [], []

    def add(
        self, rows: slice, read: np.ndarray, written: np.ndarray, cost: np.ndarray, *, anyway: bool = False
    ) -> bool:
        """Take a stage's rows in; False, with nothing changed, if that would tie too much together."""
        known = np.where(read >= 0, self.label[read], -1)
        known = np.where(known >= 0, self.final[known] if len(self.final) else -1, -1)
        cell, row_cell = distinct(written)
        before = len(self.cost)
        # Vertices: the labels so far, then one for each cell that the stage writes.
        links_from, links_to = [], []
        for column in range(read.shape[1]):
            linked = known[:, column] >= 0
            links_from.append(known[linked, column])
            links_to.append(before + row_cell[linked])
        old = self.label[cell]
        linked = old >= 0
        links_from.append(self.final[old[linked]] if len(self.final) else old[linked])
        links_to.append(before + np.flatnonzero(linked))
        sources, targets = np.concatenate(links_from), np.concatenate(links_to)
        count, merged = _merged(before + len(cell), sources, targets)
        new_cost = np.bincount(merged[before:][row_cell], cost, count)
        new_cost += np.bincount(merged[:before], self.cost, count)
        tied = self._too_large(new_cost) or self._serial(cost, row_cell, merged[before:][row_cell])
        if before and not anyway and tied:
            return False
        self.final = merged[:before][self.final] if len(self.final) else self.final
        first = len(self.final)
        self.final = np.concatenate([self.final, merged[before:]])
        self.label[cell] = first + np.arange(len(cell))
        self._touched.append(cell)
        self.rows.append((rows, first + row_cell))
        self.cost = new_cost
        return True

    def _too_large(self, new_cost: np.ndarray) -> bool:
        had = float(self.cost.max(initial=0.0)) / max(float(self.cost.sum()), 1.0)
        has = float(new_cost.max(initial=0.0)) / max(float(new_cost.sum()), 1.0)
        return has > max(self._tuning.largest_share, 1.5 * had)

    def _serial(self, cost: np.ndarray, cell: np.ndarray, merged: np.ndarray) -> bool:
        """Whether much of a stage, independent by itself, would be tied together as the phase's are."""
        total = float(cost.sum())
        by_itself = float(np.bincount(cell, cost).max()) / total
        as_merged = float(np.bincount(merged, cost).max()) / total
        return total > self._tuning.phase_cost and as_merged > max(self._tuning.largest_share, 2 * by_itself)


def _merged(vertices: int, sources: np.ndarray, targets: np.ndarray) -> tuple[int, np.ndarray]:
    """How many connected components the links leave, and the number of each vertex's."""
    if not len(sources):
        return vertices, np.arange(vertices)
    graph = coo_array((np.ones(len(sources), np.int8), (sources, targets)), shape=(vertices, vertices))
    count, merged = connected_components(graph, directed=False)
    return count, merged
