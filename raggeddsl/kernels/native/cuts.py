"""Tasks too heavy for one worker in, the same tasks cut into panels of rows or columns out.

Each panel of C is a task of its own on the same operands; every entry still sums the same terms
in the same order, so cutting changes no bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.kernels.native.table import item_sizes
from raggeddsl.tuning import ScheduleTuning


@dataclass(frozen=True, eq=False)
class Panels:
    """`tasks` after cutting; `source[T']` is the row each came from and `panel[T']` its number."""

    tasks: np.ndarray
    source: np.ndarray
    panel: np.ndarray


def cut_into_panels(
    tasks: np.ndarray, parts: np.ndarray, triangular: np.ndarray, tuning: ScheduleTuning
) -> Panels:
    """Cut row t into at most `parts[t]` panels: of rows, or of columns where it has few rows.

    Each panel of a row that is `triangular[t]` ends at its own diagonal: what is above it, products
    that are mirrored write.
    """
    by_columns = (tasks["m"] < 2 * tuning.fewest_rows) & (tasks["n"] >= 2 * tuning.fewest_columns)
    by_columns &= ~triangular
    length = np.where(by_columns, tasks["n"], tasks["m"])
    fewest = np.where(by_columns, tuning.fewest_columns, tuning.fewest_rows)
    count = np.clip(np.minimum(parts, length // fewest), 1, None)
    source = np.repeat(np.arange(len(tasks)), count)
    panel = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    cut = tasks[source]
    start = length[source] * panel // count[source]
    size = length[source] * (panel + 1) // count[source] - start
    items = item_sizes(cut)
    rows = ~by_columns[source]
    cut["n"] = np.where(triangular[source], start + size, np.where(rows, cut["n"], size))
    cut["m"] = np.where(rows, size, cut["m"])
    cut["a_offset"] += np.where(rows, start * cut["a_row"], 0) * items["a"]
    across = np.where(cut["op"] == 0, 0, start * cut["a_col"])  # a combine's A has C's columns
    cut["a_offset"] += np.where(rows, 0, across) * items["a"]
    cut["b_offset"] += np.where(rows, 0, start * cut["b_col"]) * items["b"]
    cut["c_offset"] += np.where(rows, start * cut["c_row"], start) * items["c"]
    return Panels(cut, source, panel)
