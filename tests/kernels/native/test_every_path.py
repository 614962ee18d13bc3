"""Small random graphs meet every path of the native kernel: thresholds are drawn, and visits counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import seed as run_as
from hypothesis import strategies as st

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, Input, Operand, Product, Term
from raggeddsl.kernels.native.census import all_paths, census
from raggeddsl.kernels.native.schedule import NativeSchedule, schedule
from raggeddsl.kernels.native.table import ACCUMULATE, MIRROR, summed_wider
from raggeddsl.native.library import register
from raggeddsl.plan import Plan
from raggeddsl.plan.plan import Op
from raggeddsl.tuning import Tuning
from tests.kernels.native.running import check_in_every_isa, isas, pairs, planned, show, sized
from tests.strategies import ALL_DTYPES, graphs, inputs_for, seeds
from tests.tunings import LEAST_VISITS, ROUNDS, tunings, workers

pytestmark = pytest.mark.skipif(register() is not None, reason="there is no native library")

OF_SCHEDULES = (
    "parts of sums", "parts in two stages", "parts along k", "panels of rows", "panels of columns",
    "mirrored whole", "mirrored steps", "local memory", "arena", "sums kept wide",
    "several phases", "several levels beside light members", "many components in a job",
)  # fmt: skip


@st.composite
def products(draw: st.DrawFn) -> Graph:
    """Products of all heights and widths that tiles have, of a short, a long or any k, in one form.

    So whatever decides the kind of tile (dtype, transposes, thresholds) is met with every size of it.
    """
    dtype = draw(st.sampled_from(("f32", "f32", "f64", "i32", "c64")))
    accum = draw(st.sampled_from((None, None, {"f32": "f64", "c64": "c128"}.get(dtype))))
    a_t, b_t = draw(
        st.sampled_from(((False, False), (False, False), (True, False), (False, True), (True, True)))
    )
    rng = np.random.default_rng(draw(seeds))
    columns = [*range(1, 9), *rng.choice(WIDTHS, 4, replace=False), *rng.integers(1, 100, 2)]
    rows, columns = (sizes.reshape(-1) for sizes in np.meshgrid(HEIGHTS, columns))
    inner = rng.choice(draw(st.sampled_from(((1, 2, 5, 40, 150), (150,)))), len(rows))
    shapes = list(zip(rows, inner, columns, strict=True))
    return pairs(shapes, dtype, a_t, b_t, arithmetic=Arithmetic(accum=accum))


WIDTHS = (4, 8, 12, 16, 24, 32, 48, 64)
"""Columns that are whole vectors of some type and instruction set."""
HEIGHTS = tuple(range(1, 18))
"""Rows: those of every tile, and one more, which takes two."""


@st.composite
def squares(draw: st.DrawFn) -> Graph:
    """S = X @ X.T, T = S @ S + S and U = T @ Y, of a few large members and some small ones beside them."""
    dtype = draw(st.sampled_from(("f32", "f64", "i32", "bf16")))
    rng = np.random.default_rng(draw(seeds))
    large, small = draw(st.integers(1, 3)), draw(st.integers(0, 3))
    rows = np.concatenate([rng.integers(12, 40, large), rng.integers(1, 4, small)])
    graph = Graph()
    x = graph.add(Input(sized(rows, rng.integers(1, 140, len(rows)), dtype), ("X",), True))
    y = graph.add(Input(sized(rows, rng.integers(1, 9, len(rows)), dtype), ("Y",), True))
    square = sized(rows, rows, dtype)
    s = graph.add(Product(square, Operand(x), Operand(x, transposed=True)))
    t = graph.add(Product(square, Operand(s), Operand(s), addends=(Term(Operand(s), 1),)))
    show(graph, s, t, graph.add(Product(graph.type(y), Operand(t), Operand(y))))
    return graph


def schedule_paths(plan: Plan, made: NativeSchedule) -> list[str]:
    """The ways that a schedule takes, of those of `OF_SCHEDULES`."""
    t, found = made.tasks, []
    terms = ~made.carries
    stages = plan.stage_of_task[made.source]
    in_parts = made.in_parts & terms
    found += ["parts of sums"] * bool(in_parts.any())
    found += ["parts in two stages"] * (len(np.unique(stages[in_parts])) > 1)
    products = terms & (t["op"] == Op.PRODUCT)
    found += ["parts along k"] * bool((t["k"] < plan.tasks.k[made.source])[in_parts & products].any())
    panels = made.is_panel
    found += ["panels of rows"] * bool((panels & (t["m"] < plan.tasks.m[made.source])).any())
    found += ["panels of columns"] * bool((panels & (t["m"] == plan.tasks.m[made.source])).any())
    mirrored = (t["flags"] & MIRROR) != 0
    found += ["mirrored whole"] * bool((mirrored & ~panels).any())
    found += ["mirrored steps"] * bool((mirrored & panels).any())
    found += ["local memory"] * bool(made.scratch.is_local.any())
    found += ["arena"] * bool((t["c_buffer"] == made.local_buffer - 1)[terms & ~in_parts].any())
    carried = made.carries & summed_wider(t) & (t["a_buffer"] == made.local_buffer)
    found += ["sums kept wide"] * bool(carried.any())
    found += ["several phases"] * (len(made.phases) > 2)
    job = np.repeat(np.arange(len(made.jobs)), made.jobs[:, 1])
    heavy = np.unique(job[panels])
    phase = np.searchsorted(made.phases, np.arange(len(made.jobs)), side="right")
    beside = np.setdiff1d(np.flatnonzero(np.isin(phase, phase[heavy])), heavy)
    found += ["several levels beside light members"] * bool(len(beside) and len(np.unique(phase[heavy])) > 1)
    stores = ((t["flags"] & ACCUMULATE) == 0) & terms
    several = np.bincount(job[stores], minlength=1).max(initial=0) > 1
    found += ["many components in a job"] * bool(several)
    return found


def test_every_path_is_met_by_graphs_of_small_members():
    visits: Counter[str] = Counter()

    def agrees(graph: Graph, seed: int, tuning: Tuning, workers: int) -> None:
        plan = planned(graph)
        made = schedule(plan, workers, tuning.schedule)
        visits.update(schedule_paths(plan, made))
        for isa in isas():
            met = census(made.tasks, isa, tuning.blocks)
            visits.update({f"{isa}: {name}": count for name, count in met.items()})
        check_in_every_isa(graph, inputs_for(graph, seed), plan, workers=workers, tuning=tuning)

    how = seeds, tunings(), workers
    small = graphs(normal=True, dtypes=ALL_DTYPES, max_operations=5, max_members=5, max_size=24)
    drawn = ((small, 40), (products(), 20), (squares(), 15))
    runs = [settings(max_examples=count)(given(kind, *how)(agrees)) for kind, count in drawn]
    wanted = [*OF_SCHEDULES, *(f"{isa}: {name}" for isa in isas() for name in all_paths(isa))]
    wanted = [name for name in wanted if not name.endswith("provider")]
    for number in range(ROUNDS):
        for run in runs:
            run_as(number)(run)()
        if all(visits[name] >= LEAST_VISITS for name in wanted):
            break
    assert {name: visits[name] for name in wanted if visits[name] < LEAST_VISITS} == {}
