"""A plan in, its launches out: for every task which executable runs on which members, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.nodes import Arithmetic
from raggeddsl.lowering.dispatch.kind import Form, Kind
from raggeddsl.plan.cells import Cells, find_cells
from raggeddsl.plan.plan import Op, Plan


@dataclass(frozen=True, eq=False)
class Launches:
    """What a call does: launch l runs `kinds[kind[l]]` on the cells `reads[l]` and fills cell `writes[l]`.

    A launch whose kind is -1 only gives its one operand another number.  Cells from `len(cells)`
    on hold the factors `alphas` (value, work type).  After launch l, the cells `drops[l]` have no
    reader left.  `order[l]` is the task's row.
    """

    cells: Cells
    kinds: tuple[Kind, ...]
    order: np.ndarray
    kind: list[int]
    reads: list[tuple[int, ...]]
    writes: list[int]
    drops: list[tuple[int, ...]]
    alphas: tuple[tuple[float, str], ...]


def launches(plan: Plan) -> Launches:
    """Choose an executable for each task, and an order: stage levels first, then the heaviest members."""
    cells = find_cells(plan, inputs=True)
    turns = _turns(plan, cells)
    forms = _forms(plan)
    rows = _rows(plan, cells, turns, forms)
    distinct, kind = np.unique(rows.table, axis=0, return_inverse=True)
    kinds = tuple(_kind(row, rows) for row in distinct.tolist())
    alphas, alpha_cell = _alphas(plan, rows, len(cells))

    order = _order(plan, cells)
    kind = np.where(turns.moved, -1, kind.reshape(-1))[order]
    added = np.where(plan.tasks.accumulate, cells.written, -1)
    operands = np.column_stack([cells.read, alpha_cell, added])[order]
    writes = cells.written[order]
    return Launches(
        cells=cells,
        kinds=kinds,
        order=order,
        kind=kind.tolist(),
        reads=[tuple(cell for cell in row if cell >= 0) for row in operands.tolist()],
        writes=writes.tolist(),
        drops=_drops(plan, cells, operands),
        alphas=alphas,
    )


@dataclass(frozen=True, eq=False)
class _Turns:
    """How each row stands among the rows that write the same cell, bool one a row.

    `last`: no other follows.  `moved`: it only copies, so its operand itself serves.  `fresh`: it
    adds to a value that an executable made, whose memory it may take.
    """

    last: np.ndarray
    moved: np.ndarray
    fresh: np.ndarray
    previous: np.ndarray
    """int64: the row that wrote the cell before, -1 for the first."""


def _turns(plan: Plan, cells: Cells) -> _Turns:
    tasks = plan.tasks
    count = len(tasks)
    by_cell = np.lexsort((np.arange(count), cells.written))
    same = cells.written[by_cell][1:] == cells.written[by_cell][:-1]
    last = np.ones(count, np.bool_)
    last[by_cell[:-1][same]] = False
    previous = np.full(count, -1, np.int64)
    previous[by_cell[1:][same]] = by_cell[:-1][same]
    assert np.array_equal(previous >= 0, tasks.accumulate), "the first row of a member stores, others add"

    dtype = np.array([_storage(plan, buffer) for buffer in range(len(plan.buffers))] or [0])
    whole = (tasks.op == Op.COMBINE) & ~tasks.a_t & ~tasks.accumulate
    plain = (tasks.alpha == 1) & (tasks.s_buffer < 0)
    moved = whole & plain & (dtype[tasks.a_buffer] == dtype[tasks.c_buffer])
    return _Turns(last, moved, tasks.accumulate & ~moved[previous], previous)


def _storage(plan: Plan, buffer: int) -> int:
    """Equal for buffers whose members are stored alike."""
    type = plan.type(buffer)
    return 2 * list(DTYPES).index(type.dtype) + type.scalar


def _form(plan: Plan, buffer: int) -> Form:
    return Form(plan.type(buffer).dtype, plan.type(buffer).scalar)


@dataclass(frozen=True, eq=False)
class _Rows:
    """`table`: int64[tasks, columns], everything a kind depends on, as numbers."""

    table: np.ndarray
    forms: tuple[Form, ...]
    arithmetics: tuple[tuple[str, str], ...]
    work: np.ndarray


def _forms(plan: Plan) -> tuple[Form, ...]:
    """One for each buffer, then one for each type that sums are kept in."""
    stored = [_form(plan, b) for b in range(len(plan.buffers))]
    return tuple(dict.fromkeys(stored + [Form(name) for name in DTYPES]))


def _rows(plan: Plan, cells: Cells, turns: _Turns, forms: tuple[Form, ...]) -> _Rows:
    tasks = plan.tasks
    # One more at the end, so that buffer -1 has no form.
    of_buffer = np.array([*(forms.index(_form(plan, b)) for b in range(len(plan.buffers))), -1])
    works = [_work(plan, stage.buffer, stage.arithmetic) for stage in plan.stages]
    arithmetics = tuple(dict.fromkeys(works))
    arithmetic = np.array([arithmetics.index(work) for work in works], np.int64)[plan.stage_of_task]
    work = np.array([forms.index(Form(name)) for name, _ in arithmetics] or [0])[arithmetic]

    # Between the first and the last row of a member, its value is kept in the type of its sums.
    written = np.where(turns.last | turns.moved, of_buffer[tasks.c_buffer], work)
    added = np.where(tasks.accumulate, written[turns.previous], -1)
    columns = [
        tasks.op,
        tasks.m,
        tasks.n,
        tasks.k,
        of_buffer[tasks.a_buffer],
        tasks.a_t,
        of_buffer[tasks.b_buffer],
        tasks.b_t,
        of_buffer[tasks.s_buffer],
        (tasks.alpha != 1) & (tasks.op != Op.ZERO),
        added,
        turns.fresh & (added == written),
        written,
        of_buffer[tasks.c_buffer],
        arithmetic,
    ]
    return _Rows(np.stack([c.astype(np.int64) for c in columns], axis=1), forms, arithmetics, work)


def _work(plan: Plan, buffer: int, arithmetic: Arithmetic) -> tuple[str, str]:
    """The type that a stage's sums are kept in, and the precision of its products."""
    return arithmetic.accum or DTYPES[plan.buffers[buffer].dtype].accumulate, arithmetic.precision


def _kind(row: list[int], rows: _Rows) -> Kind:
    op, m, n, k, a, a_t, b, b_t, s, alpha, c, donated, out, stored, arithmetic = row

    def form(number: int) -> Form | None:
        return None if number < 0 else rows.forms[number]

    work, precision = rows.arithmetics[arithmetic]
    return Kind(
        op=Op(op),
        m=m,
        n=n,
        k=k,
        a=form(a),
        a_t=bool(a_t),
        b=form(b),
        b_t=bool(b_t),
        s=form(s),
        alpha=bool(alpha),
        c=form(c),
        donated=bool(donated),
        out=rows.forms[out],
        dtype=rows.forms[stored].dtype,
        work=work,
        precision=precision,
    )


def _alphas(plan: Plan, rows: _Rows, first: int) -> tuple[tuple[tuple[float, str], ...], np.ndarray]:
    """The distinct factors, and for each task the cell of its own (-1: the factor is 1)."""
    scaled = np.flatnonzero((plan.tasks.alpha != 1) & (plan.tasks.op != Op.ZERO))
    cell = np.full(len(plan.tasks), -1, np.int64)
    pairs = np.stack([plan.tasks.alpha[scaled], rows.work[scaled].astype(np.float64)], axis=1)
    distinct, which = np.unique(pairs, axis=0, return_inverse=True)
    cell[scaled] = first + which.reshape(-1)
    return tuple((value, rows.forms[int(work)].dtype) for value, work in distinct.tolist()), cell


def _order(plan: Plan, cells: Cells) -> np.ndarray:
    """Rows by stage level; within one, the member with most work first, its own rows in their order."""
    tasks = plan.tasks
    level = np.array([stage.level for stage in plan.stages], np.int64)[plan.stage_of_task]
    work = np.bincount(cells.written, tasks.flop, minlength=1)
    return np.lexsort((np.arange(len(tasks)), cells.written, -work[cells.written], level))


def _drops(plan: Plan, cells: Cells, operands: np.ndarray) -> list[tuple[int, ...]]:
    """For each launch, the cells that it is the last to read; results are kept for the caller."""
    last = np.full(len(cells), -1, np.int64)
    turn = np.broadcast_to(np.arange(len(operands))[:, None], operands.shape)
    read = (operands >= 0) & (operands < len(cells))
    np.maximum.at(last, operands[read], turn[read])
    for buffer in plan.outputs:
        last[cells.of_buffer(buffer)] = -1
    dropped = np.flatnonzero(last >= 0)
    dropped = dropped[np.argsort(last[dropped], kind="stable")]
    ends = np.searchsorted(last[dropped], np.arange(len(operands) + 1))
    listed = dropped.tolist()
    return [tuple(listed[start:stop]) for start, stop in pairwise(ends.tolist())]
