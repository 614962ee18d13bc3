"""Hypothesis strategies for thresholds: `tunings` draws every field of a `Tuning`, most of them tiny.

So small graphs, which a person can read and hypothesis can shrink, meet every path that large ones take.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
from hypothesis import strategies as st

from raggeddsl.tuning import (
    DEFAULT,
    BlockTuning,
    GraphTuning,
    ScheduleTuning,
    Tuning,
    XlaTuning,
)

workers = st.integers(1, 9)
"""How many threads to schedule for."""

LEAST_VISITS = 20
"""How often a random run must meet each path."""
ROUNDS = 40
"""How many runs of hypothesis it may take for that, each with its own number for a seed: chance decides
which paths a run meets, and the same chance everywhere."""

COSTS = (1.0, 3e3, 1e4, 1e5)
"""Of tasks: one costs some 2,000 by being one."""

_SCHEDULE = {
    "heavy_cost": COSTS,
    "panels_a_worker": (1, 2, 4),
    "fewest_rows": (1, 2, 24),
    "fewest_columns": (1, 3, 128),
    "part_cost": COSTS,
    "most_parts": (2, 3, 32),
    "largest_block": (1, 30, 4096),
    "least_share": (0.0, 1 / 32, 0.5),
    "shortest": (1, 2, 64),
    "job_cost": ((1.0, 1.0), (3e3, 1e4), (2e5, 4e6)),
    "jobs_a_worker": (1, 64),
    "largest_share": (0.0, 1 / 32, 0.3, 1.0),
    "phase_cost": (1.0, 1e4, 2e6),
    "mirrored_row": (0, 8, 256),
}
_BLOCKS = {
    "run_bytes": (1, 16, 64, 1536),
    "group_bytes": (1, 256, 384 * 1024),
    "fetch_bytes": (1, 16 * 1024),
    "direct_bytes": (1, 64, 24 * 1024),
    "sum_side": (1, 3, 256),
    "complex_run": (1, 3, 512),
    "complex_blocks": (1, 2, 64),
    "narrow_bytes": (1, 64, 128 * 1024),
    "huge_bytes": (1, 8 << 20),
}
_XLA = {
    "most_classes": (1, 2, 16),
    "most_mixed": (1, 3, 4),
    "worthwhile": (0.0, 0.0, 0.01, 0.5),
    "class_time": (0.0, 0.0, 0.0, 1e5),
    "most_samples": (1, 3, 400),
    "most_exact": (0, 1, 40),
    "share_exact": (0.0, 0.03, 1.0),
    "few_shapes": (0, 1, 4),
    "large_flop": (0.0, 5e6, 1e18),
    "singly_flop": (1.0, 5e7),
    "exact_bytes": (1, 256, 8 << 20),
    "tile_bytes": (1, 1 << 12, 6 << 20),
    "workspace_bytes": (1, 1 << 12, 12 << 20),
    "deepest": (1, 16, 1024),
    "most_ranges": (0, 1, 8),
    "short_strip": (1, 4, 16),
    "long_strip": (1, 8, 64),
    "chunk_elements": (1, 64, 4 << 20),
    "most_factors": (0, 1, 2),
}
_GRAPH = {
    "few_inputs": (0, 1, 8),
    "own_buffer_bytes": (1, 64, 4 << 20),
    "most_own_buffers": (0, 1, 16),
    "copied_flop": (0.0, 100.0, 1e18),
    "most_terms": (1, 2, 64),
    "longest_chain": (2, 3, 64),
    "chain_cells": (1, 1 << 22),
    "most_orders": (1, 2, 16),
    "chain_products": (1, 64),
    "weighed_orders": (1, 2, 64),
    "weighed_members": (1, 4096),
}
_DRAWN = ((GraphTuning, _GRAPH), (ScheduleTuning, _SCHEDULE), (BlockTuning, _BLOCKS), (XlaTuning, _XLA))

for _kind, _choices in _DRAWN:
    assert set(_choices) == {field.name for field in fields(_kind)}, (
        f"{_kind.__name__}: a threshold is not drawn"
    )


def _drawn(kind: type, choices: dict) -> st.SearchStrategy:
    return st.builds(kind, **{name: st.sampled_from(values) for name, values in choices.items()})


def tunings() -> st.SearchStrategy[Tuning]:
    """Every threshold drawn."""
    graph, schedule, blocks, xla = (_drawn(kind, choices) for kind, choices in _DRAWN)
    return st.builds(Tuning, graph=graph, schedule=schedule, blocks=blocks, xla=xla)


def tuning_of(seed: int) -> Tuning:
    """The thresholds of passes and schedule drawn by a seed: those that cost programs of any size little."""
    rng = np.random.default_rng([seed, 2])

    def some(kind: type, choices: dict) -> object:
        return kind(**{name: values[rng.integers(len(values))] for name, values in choices.items()})

    return replace(DEFAULT, graph=some(GraphTuning, _GRAPH), schedule=some(ScheduleTuning, _SCHEDULE))


def tuned(**schedule: object) -> Tuning:
    """The measured thresholds but for these of the native schedule."""
    return replace(DEFAULT, schedule=replace(DEFAULT.schedule, **schedule))
