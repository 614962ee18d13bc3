"""A plan and its launches in; nothing out, or a `ScheduleFault` that names the launches at fault."""

from __future__ import annotations

import numpy as np

from raggeddsl.diagnostics.units import count_text
from raggeddsl.lowering.dispatch.launches import Launches
from raggeddsl.plan.plan import Op, Plan
from raggeddsl.proof import ScheduleFault, Terms, check_plan, compare_terms


def prove(plan: Plan, launches: Launches) -> str:
    """Raise `ScheduleFault` unless `launches` computes what `plan` says; says in a few words what was shown.

    Each launch is followed with the values that members have at its turn: that what it reads is
    complete and not dropped, that it adds to what was there or is the first, that memory that it takes
    over is nobody else's, and that all launches together add what the table says.
    """
    check_plan(plan)
    if not np.array_equal(np.sort(launches.order), np.arange(len(plan.tasks))):
        raise ScheduleFault("the launches are not those of all rows of the task table")
    shapes = _Members(plan, launches)
    left = np.bincount(launches.writes, minlength=len(launches.cells))
    columns: list[dict[str, int | float]] = []
    for number, (kind, reads, write, drops) in enumerate(
        zip(launches.kind, launches.reads, launches.writes, launches.drops, strict=True)
    ):
        term = _Launch(number, shapes, left).run(kind, reads, write)
        if term is not None:
            columns.append(term)
        left[write] -= 1
        for cell in drops:
            shapes.value[cell] = _NONE
    for buffer in plan.outputs:
        sized = np.flatnonzero(plan.type(buffer).sizes) + launches.cells.of_buffer(buffer).start
        if any(shapes.value[cell] == _NONE or left[cell] for cell in sized.tolist()):
            raise ScheduleFault(f"no launch gives a member of output buffer {buffer}")
    terms = {
        name: np.array([column.get(name, 0) for column in columns]) for name in Terms.__dataclass_fields__
    }
    compare_terms(plan, Terms.of(len(columns), **terms))
    return count_text(len(launches.kind), "launch", "launches")


_NONE, _GIVEN = -1, -2
"""What a member holds: nothing, an input (or what is one), or the number of the launch that made it."""


class _Members:
    """Where each numbered member lies in the plan, its stored shape, and what it holds."""

    def __init__(self, plan: Plan, launches: Launches) -> None:
        self.made = launches
        self.buffer = np.zeros(len(launches.cells), np.int64)
        self.place, self.rows, self.cols = (np.zeros(len(launches.cells), np.int64) for _ in range(3))
        self.value = np.full(len(launches.cells) + len(launches.alphas), _NONE)
        self.value[len(launches.cells) :] = _GIVEN
        for number, buffer in enumerate(plan.buffers):
            span, type = launches.cells.of_buffer(number), plan.type(number)
            self.buffer[span], self.place[span] = number, plan.places[buffer.node].offsets
            self.rows[span], self.cols[span] = type.rows, type.cols
            if buffer.kind == "input":
                self.value[span] = _GIVEN


class _Launch:
    """Launch `number`, after those before it; `left[cell]` launches are still to write each member."""

    def __init__(self, number: int, members: _Members, left: np.ndarray) -> None:
        self.number, self.members, self.left = number, members, left

    def run(self, kind: int, reads: tuple[int, ...], write: int) -> dict[str, int | float] | None:
        """What it adds (None: zeros), after it is checked and done."""
        members, launches = self.members, self.members.made
        if kind < 0:
            return self._move(reads, write)
        what = launches.kinds[kind]
        operands = list(reads)
        adds = operands.pop() if what.c is not None else None
        if (adds is None) != (members.value[write] == _NONE) or adds not in (None, write):
            self._refuse("does not add to what its member holds")
        if what.donated and members.value[write] == _GIVEN:
            self._refuse("takes over memory that is not its own")
        term: dict[str, int | float] = {
            "m": what.m, "n": what.n, "k": 1, "b_buffer": -1, "s_buffer": -1, "alpha": 1.0, "c_j": 1,
            "c_i": what.n, "c_buffer": members.buffer[write], "c": members.place[write],
        }  # fmt: skip
        self._shape(write, what.m, what.n)
        if what.op != Op.ZERO:
            inner = what.k if what.op == Op.PRODUCT else what.n
            i, p = (1, what.m) if what.a_t else (inner, 1)
            self._operand(term, "a", operands.pop(0), (inner, what.m) if what.a_t else (what.m, inner))
            term |= {"a_i": i, "a_p" if what.op == Op.PRODUCT else "a_j": p}
        if what.op == Op.PRODUCT:
            self._operand(term, "b", operands.pop(0), (what.n, what.k) if what.b_t else (what.k, what.n))
            term |= {"k": what.k, "b_j": what.k if what.b_t else 1, "b_p": 1 if what.b_t else what.n}
        if what.s is not None:
            self._operand(term, "s", operands.pop(0), (1, 1))
        if what.alpha:
            cell = operands.pop(0) - len(launches.cells)
            if not 0 <= cell < len(launches.alphas):
                self._refuse("has no factor")
            term["alpha"] = launches.alphas[cell][0]
        if operands:
            self._refuse("has an operand too many")
        members.value[write] = self.number
        return None if what.op == Op.ZERO else term

    def _move(self, reads: tuple[int, ...], write: int) -> dict[str, int | float]:
        """One member is another as it is, and shares its memory."""
        members = self.members
        if len(reads) != 1 or members.value[write] != _NONE:
            self._refuse("copies over what its member holds")
        m, n = int(members.rows[write]), int(members.cols[write])
        term: dict[str, int | float] = {
            "m": m, "n": n, "k": 1, "b_buffer": -1, "s_buffer": -1, "alpha": 1.0, "a_i": n, "a_j": 1,
            "c_i": n, "c_j": 1, "c_buffer": members.buffer[write], "c": members.place[write],
        }  # fmt: skip
        self._operand(term, "a", reads[0], (m, n))
        members.value[write] = _GIVEN
        return term

    def _operand(self, term: dict[str, int | float], name: str, cell: int, shape: tuple[int, int]) -> None:
        members = self.members
        if cell >= len(self.members.made.cells) or members.value[cell] == _NONE or self.left[cell] > 0:
            self._refuse(f"reads {name.upper()} when that is not there")
        self._shape(cell, *shape)
        term[f"{name}_buffer"], term[name] = int(members.buffer[cell]), int(members.place[cell])

    def _shape(self, cell: int, rows: int, cols: int) -> None:
        if (self.members.rows[cell], self.members.cols[cell]) != (rows, cols):
            self._refuse("has an operand of another shape")

    def _refuse(self, what: str) -> None:
        row = int(self.members.made.order[self.number])
        raise ScheduleFault(f"launch {self.number}, of row {row} of the task table, {what}")
