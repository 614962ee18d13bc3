"""A node and the places of what it reads in, the rows of the task table that compute it out.

Every step works on whole columns; the rows of one member of the result are neighbours, in the
order in which they add up: the first stores, the others accumulate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, FamilyType, Operand, Product, Term
from raggeddsl.plan.plan import Op, Place, TaskTable

COLUMNS: dict[str, type] = {
    "op": np.int8,
    "m": np.int64,
    "n": np.int64,
    "k": np.int64,
    "a_buffer": np.int32,
    "a_offset": np.int64,
    "a_t": np.bool_,
    "b_buffer": np.int32,
    "b_offset": np.int64,
    "b_t": np.bool_,
    "c_buffer": np.int32,
    "c_offset": np.int64,
    "s_buffer": np.int32,
    "s_offset": np.int64,
    "alpha": np.float64,
    "accumulate": np.bool_,
}
"""The element type of each column of a `TaskTable`."""

assert list(COLUMNS) == [field.name for field in fields(TaskTable)]

Values = dict[str, Any]
"""Column name → one value for all rows, or one a row; what is not named is 0."""


@dataclass(frozen=True, eq=False)
class Rows:
    """`count` rows: row r adds to member `member[r]` of the result (None: member r)."""

    count: int
    member: np.ndarray | None
    values: Values

    def members(self) -> np.ndarray:
        """int64[count]: the member of each row."""
        return np.arange(self.count) if self.member is None else self.member

    def column(self, name: str) -> np.ndarray:
        """One column, for reading only: a constant one may be a view of one value."""
        value: np.ndarray = np.asarray(self.values.get(name, 0), COLUMNS[name])
        return value if value.ndim else np.broadcast_to(value, self.count)

    def take(self, chosen: np.ndarray) -> Rows:
        """The chosen rows, by mask or by index."""
        member = self.members()[chosen]
        values = {k: v[chosen] if np.ndim(v) else v for k, v in self.values.items()}
        return Rows(len(member), member, values)


def node_rows(graph: Graph, key: int, places: dict[int, Place]) -> Rows:
    """The rows that compute node `key`, a `Product` or a `Combine`, in the order they run."""
    op = graph.op(key)
    build = _Blocks(graph, places, places[key])
    match op:
        case Product():
            for addend in op.addends:
                build.combine(addend, None)
            build.product(op)
        case Combine():
            for term in op.terms:
                build.combine(term, op.target)
        case _:
            raise AssertionError(f"node {key} is {type(op).__name__}: no rows compute it")
    return _ordered(_with_zeros(build.blocks, op.type, places[key]))


def table(pieces: Sequence[Rows]) -> TaskTable:
    """All rows of all stages, one after another, as the columns of one table."""
    return TaskTable(*(_joined(name, [piece.column(name) for piece in pieces]) for name in COLUMNS))


def _joined(name: str, pieces: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(pieces) if pieces else np.zeros(0, COLUMNS[name])


class _Blocks:
    """The rows of one node, a block for each product or term, still by term."""

    def __init__(self, graph: Graph, places: dict[int, Place], result: Place) -> None:
        self.graph = graph
        self.places = places
        self.result = result
        self.blocks: list[Rows] = []

    def product(self, op: Product) -> None:
        """One row a term; a term with k = 0 adds nothing, and is dropped."""
        lhs, rhs = self.graph.operand_type(op.lhs), self.graph.operand_type(op.rhs)
        assert len(lhs) == len(rhs), "the factors of a product differ in number"
        values = {"op": Op.PRODUCT, "m": lhs.rows, "n": rhs.cols, "k": lhs.cols, "alpha": op.factor}
        values |= self._operand("a", op.lhs) | self._operand("b", op.rhs) | self._scalar(op.by)
        self._add(len(lhs), op.target, values, (lhs.rows > 0) & (rhs.cols > 0) & (lhs.cols > 0))

    def combine(self, term: Term, target: np.ndarray | None) -> None:
        """One row a member of the term."""
        x = self.graph.operand_type(term.x)
        values = {"op": Op.COMBINE, "m": x.rows, "n": x.cols, "alpha": term.factor}
        values |= self._operand("a", term.x) | self._scalar(term.by) | {"b_buffer": -1}
        self._add(len(x), target, values, (x.rows > 0) & (x.cols > 0))

    def _add(self, count: int, target: np.ndarray | None, values: Values, kept: np.ndarray) -> None:
        offsets = self.result.offsets
        values["c_buffer"] = self.result.buffer
        values["c_offset"] = offsets if target is None else offsets[target]
        rows = Rows(count, target, values)
        self.blocks.append(rows if kept.all() else rows.take(kept))

    def _operand(self, side: str, operand: Operand) -> Values:
        place = self.places[operand.node]
        return {
            f"{side}_buffer": place.buffer,
            f"{side}_offset": place.offsets if operand.members is None else place.offsets[operand.members],
            f"{side}_t": operand.transposed,
        }

    def _scalar(self, by: Operand | None) -> Values:
        if by is None:
            return {"s_buffer": -1}
        operand = self._operand("s", by)
        return {"s_buffer": operand["s_buffer"], "s_offset": operand["s_offset"]}


def _with_zeros(blocks: list[Rows], type: FamilyType, result: Place) -> list[Rows]:
    """The blocks, and one more of ZERO rows for the members that no row reaches."""
    reached = np.zeros(len(type), np.bool_)
    for block in blocks:
        reached[slice(None) if block.member is None else block.member] = True
    missing = np.flatnonzero(~reached & (type.rows > 0) & (type.cols > 0))
    if not len(missing):
        return blocks
    values = {
        "op": Op.ZERO,
        "m": type.rows[missing],
        "n": type.cols[missing],
        "a_buffer": -1,
        "b_buffer": -1,
        "c_buffer": result.buffer,
        "c_offset": result.offsets[missing],
        "s_buffer": -1,
    }
    return [*blocks, Rows(len(missing), missing, values)]


def _ordered(blocks: list[Rows]) -> Rows:
    """One block whose rows are sorted by member, keeping the order within each, with `accumulate` set."""
    blocks = [block for block in blocks if block.count]
    if not blocks:
        return Rows(0, None, {})
    rows = blocks[0] if len(blocks) == 1 else _stacked(blocks)
    if rows.member is None:
        return rows
    if np.any(rows.member[1:] < rows.member[:-1]):
        rows = rows.take(np.argsort(rows.member, kind="stable"))
    assert rows.member is not None
    accumulate = np.zeros(rows.count, np.bool_)
    np.equal(rows.member[1:], rows.member[:-1], out=accumulate[1:])
    return Rows(rows.count, rows.member, rows.values | {"accumulate": accumulate})


def _stacked(blocks: list[Rows]) -> Rows:
    named = {name for block in blocks for name in block.values}
    values: Values = {name: _stack(name, blocks) for name in named}
    member = np.concatenate([block.members() for block in blocks])
    return Rows(len(member), member, values)


def _stack(name: str, blocks: list[Rows]) -> Any:
    """A column of all blocks: written out only where it is not one value."""
    values = [block.values.get(name, 0) for block in blocks]
    if not any(np.ndim(value) for value in values) and all(value == values[0] for value in values):
        return values[0]
    return np.concatenate([block.column(name) for block in blocks])
