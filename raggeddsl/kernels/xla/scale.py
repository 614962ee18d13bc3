"""The factors of some tasks in, a `Scale` out: constant where they agree, tables where they do not."""

from __future__ import annotations

import numpy as np

from raggeddsl.kernels.xla.rows import Group
from raggeddsl.kernels.xla.steps import Scale
from raggeddsl.kernels.xla.tables import Tables, in_chunks


def is_constant(group: Group) -> bool:
    """Whether every row of the group has the same factor and no runtime scalar."""
    return group.alpha is not None and group.s_buffer < 0


def scale_of(tables: Tables, group: Group, rows: list[np.ndarray], chunks: int) -> Scale:
    """What multiplies the results of tasks that are rows `rows[q][t]` of the group.

    Each of the lists of tasks is cut into `chunks` of its own, which then stand side by side.
    """

    def spread(column: np.ndarray) -> np.ndarray:
        return np.concatenate([in_chunks(column[chosen], chunks) for chosen in rows], axis=1)

    factors = -1 if group.alpha is not None else tables.add(spread(group.table.alpha))
    s_offsets = -1 if group.s_buffer < 0 else tables.add(spread(group.table.s_offset))
    return Scale(1.0 if group.alpha is None else group.alpha, factors, group.s_buffer, s_offsets)
