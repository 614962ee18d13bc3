"""Definitions in, the turns to work them out in: like lines together, all that a line reads before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.elaborate.names import Reads
from raggeddsl.elaborate.state import State
from raggeddsl.language import ast


@dataclass(frozen=True, eq=False)
class Turn:
    """Item `item` of the program; of like lines only `lines`, int64[n]."""

    item: int
    lines: np.ndarray | None = None


def turns(state: State, reads: Reads, rows: dict[int, np.ndarray]) -> list[Turn]:
    """All definitions, by how many definitions deep they are and then by their place.

    `rows[k]` are the symbol rows that item k of the program defines: one, or one a line.
    """
    items = state.program.items
    definitions = [k for k, item in enumerate(items) if _is_definition(item)]
    if not any(isinstance(items[k], ast.LineGroup) for k in definitions):
        return [Turn(k) for k in sorted(definitions, key=lambda k: int(state.symbols.turns[rows[k][0]]))]
    depth = _depths(state, reads, rows, definitions)
    placed: list[tuple[int, int, Turn]] = []
    for k in definitions:
        depths = depth[rows[k]]
        starts = state.symbols.turns[rows[k]]
        if not isinstance(items[k], ast.LineGroup):
            placed.append((int(depths[0]), int(starts[0]), Turn(k)))
            continue
        order = np.argsort(depths, kind="stable")
        edges = np.flatnonzero(np.diff(depths[order])) + 1
        placed += [
            (int(depths[lines[0]]), int(starts[lines[0]]), Turn(k, lines)) for lines in np.split(order, edges)
        ]
    return [turn for _, _, turn in sorted(placed, key=lambda entry: entry[:2])]


def _is_definition(item: ast.Statement | ast.LineGroup) -> bool:
    statement = item.template if isinstance(item, ast.LineGroup) else item
    return isinstance(statement, ast.Definition)


def _depths(state: State, reads: Reads, rows: dict[int, np.ndarray], definitions: list[int]) -> np.ndarray:
    """int64[D]: 0 for inputs, for a definition one more than the deepest thing that it reads."""
    depth = [0] * len(state.symbols) + [-1]
    defined: list[int] = []
    read: list[list[int]] = []
    for k in definitions:
        defined += rows[k].tolist()
        read += reads.lines[k].rows.T.tolist() if k in reads.lines else [reads.plain[k]]
    for at in np.argsort(state.symbols.turns[defined], kind="stable").tolist():
        depth[defined[at]] = 1 + max([depth[row] for row in read[at]], default=-1)
    return np.array(depth[:-1], np.int64)
