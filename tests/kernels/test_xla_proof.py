"""The prover accepts every recipe that the xla kernel makes, and none with a fault planted in it."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, seed, settings
from hypothesis import strategies as st

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Operand, Product
from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.xla import XlaKernel
from raggeddsl.kernels.xla.classes import choose, distinct
from raggeddsl.kernels.xla.proof import prove, terms_of
from raggeddsl.kernels.xla.steps import ExactStep, Picked, RangeStep, Recipe, Step, StripStep, TileStep
from raggeddsl.options import Options
from raggeddsl.plan import Plan, plan_graph
from raggeddsl.proof import ScheduleFault, Terms
from raggeddsl.tuning import DEFAULT, Tuning, XlaTuning
from tests.kernels.native.test_schedule import chain
from tests.plan.graphs import family, show
from tests.plan.graphs import given as declared
from tests.strategies import ALL_DTYPES, graphs, seeds
from tests.tunings import LEAST_VISITS, ROUNDS, tunings

OPTIONS = Options(memory_limit=1 << 40)
Made = tuple[Plan, Recipe, list[np.ndarray]]


def made_for(plan: Plan, tuning: XlaTuning) -> Made:
    lowered = XlaKernel(tuning).lower(plan)
    return plan, lowered.key[1], list(lowered.tables)


def paths(recipe: Recipe) -> Counter[str]:
    """How often a recipe takes each way there is."""
    found: Counter[str] = Counter()
    for stage in recipe.stages:
        found["summed wide"] += stage.wide != recipe.buffers[stage.buffer][0]
        for step in stage.steps:
            found.update(_paths_of(step))
    return found


def _paths_of(step: Step) -> list[str]:
    found = [f"factors of {type(step).__name__}"] * (step.scale.factors >= 0)
    found += [f"scalars of {type(step).__name__}"] * (step.scale.s_buffer >= 0)
    match step:
        case TileStep():
            found += ["tiles"] + ["tiles in chunks"] * (step.chunks > 1) + ["tiles repeat"] * step.repeats
            found += ["several boxes"] * (len(step.boxes) > 1)
            for box in step.boxes:
                found += ["stretches joined"] * (box.pieces > 1) + ["strips at the end"] * (box.last >= 0)
                found += ["A at its end"] * box.a_ends + ["B at its end"] * box.b_ends
                found += ["A gathered whole"] * (not box.a_ends) + ["B gathered whole"] * (not box.b_ends)
        case ExactStep():
            found += [f"{name} {type(getattr(step, name)).__name__}" for name in "abc"]
            found += ["exact in chunks"] * (step.chunks > 1) + ["singly"] * step.singly
        case RangeStep():
            found += ["range"]
        case StripStep():
            found += ["strips"] + ["strips in chunks"] * (step.chunks > 1)
    return found


ALL_PATHS = (
    "summed wide", "tiles", "tiles in chunks", "tiles repeat", "several boxes", "stretches joined",
    "strips at the end", "A at its end", "B at its end", "A gathered whole", "B gathered whole", "a Whole",
    "a Shared", "a Picked", "b Whole", "b Shared", "b Picked", "c Whole", "c Shared", "c Picked",
    "exact in chunks", "singly", "range", "strips", "strips in chunks", "factors of TileStep",
    "scalars of TileStep", "factors of ExactStep", "scalars of ExactStep", "factors of StripStep",
    "scalars of StripStep",
)  # fmt: skip


@st.composite
def sums(draw: st.DrawFn) -> Graph:
    """Many products of ragged sizes, apart or summed for few results: what random graphs rarely have."""
    rng = np.random.default_rng(draw(seeds))
    terms = draw(st.integers(10, 60))
    results = draw(st.sampled_from((1, 3, terms)))
    rows, columns = rng.integers(1, draw(st.sampled_from((5, 40))), (2, results))
    target = np.arange(terms) if results == terms else np.sort(rng.integers(0, results, terms))
    k = rng.integers(1, 40, terms)
    graph = Graph()
    a = declared(graph, "A", family(rows[target], k))
    b = declared(graph, "B", family(k, columns[target]))
    summed = None if results == terms else target
    return show(graph, Y=graph.add(Product(family(rows, columns), Operand(a), Operand(b), target=summed)))


def test_every_recipe_is_proved_and_every_path_is_met():
    visits: Counter[str] = Counter()

    def proved(graph: Graph, tuning: Tuning) -> None:
        made = made_for(plan_graph(graph, OPTIONS), tuning.xla)
        prove(*made)
        visits.update(paths(made[1]))

    small = graphs(normal=True, dtypes=ALL_DTYPES, max_operations=6, max_members=9, max_size=20)
    drawn = ((small, 100), (sums(), 20))
    runs = [settings(max_examples=count)(given(kind, tunings())(proved)) for kind, count in drawn]
    for number in range(ROUNDS):
        for run in runs:
            seed(number)(run)()
        if all(visits[name] >= LEAST_VISITS for name in ALL_PATHS):
            break
    assert set(visits) <= set(ALL_PATHS)
    assert {name: visits[name] for name in ALL_PATHS if visits[name] < LEAST_VISITS} == {}


@settings(max_examples=60)
@given(graphs(max_operations=5), tunings())
def test_every_recipe_of_a_normalised_graph_is_proved(graph, tuning):
    prove(*made_for(plan_graph(normalise(graph, tuning.graph), OPTIONS), tuning.xla))


# ------------------------------------------------------------ planted faults

made = st.builds(
    lambda graph, tuning: made_for(plan_graph(graph, OPTIONS), tuning.xla),
    graphs(normal=True, dtypes=("f32", "bf16"), max_operations=3, max_members=3, max_size=3),
    tunings(),
)


def live(made: Made) -> list[int]:
    """The tables of which some step reads offsets, in stages that do something."""
    recipe, tables = made[1], made[2]
    found = set()
    for stage in recipe.stages:
        for step in stage.steps:
            match step:
                case TileStep():
                    found |= {step.pieces, step.tiles}
                case StripStep():
                    found.add(step.strips)
                case ExactStep():
                    found |= {
                        blocks.table for blocks in (step.a, step.b, step.c) if isinstance(blocks, Picked)
                    }
    return sorted(number for number in found if tables[number].size)


@given(made, seeds, st.sampled_from((-1, 1)))
def test_another_number_in_a_table_is_found_or_is_of_nothing(made, seed, by):
    """What fills up a chunk may hold any numbers; all others matter."""
    plan, recipe, tables = made
    numbers = live(made)
    assume(numbers)
    number = numbers[seed % len(numbers)]
    changed = tables[number].copy()
    place = seed // 7 % changed.size
    changed.flat[place] += by
    spoilt = [*tables[:number], changed, *tables[number + 1 :]]
    try:
        prove(plan, recipe, spoilt)
    except ScheduleFault:
        return
    assert _adds(made) == _adds((plan, recipe, spoilt))


def _adds(made: Made) -> list[tuple]:
    """Every element that a recipe adds, with what it reads for it: spelt out, sorted."""
    _, recipe, tables = made
    found: list[tuple] = []
    for stage in recipe.stages:
        terms = terms_of(stage, recipe, tables)
        for t in map(np.array, range(len(terms))):
            found += _elements(terms.take(t))
    return sorted(found)


def _elements(t: Terms) -> list[tuple]:
    i, j, p = (x.reshape(-1) for x in np.meshgrid(*map(np.arange, (t.m, t.n, t.k)), indexing="ij"))
    c, a, b = (
        t.c + i * t.c_i + j * t.c_j,
        t.a + i * t.a_i + j * t.a_j + p * t.a_p,
        t.b + j * t.b_j + p * t.b_p,
    )
    same = tuple(x.item() for x in (t.c_buffer, t.a_buffer, t.b_buffer, t.s_buffer, t.s, t.alpha))
    return [(*same, *each) for each in zip(c.tolist(), a.tolist(), b.tolist(), strict=True)]


@given(made, seeds)
def test_a_step_left_out_or_done_twice_is_found(made, seed):
    plan, recipe, tables = made
    stages = [number for number, stage in enumerate(recipe.stages) if stage.steps]
    assume(stages)
    number = stages[seed % len(stages)]
    stage = recipe.stages[number]
    step = stage.steps[seed // 7 % len(stage.steps)]
    less = tuple(one for one in stage.steps if one is not step)
    for steps in (less, (*stage.steps, step)):
        spoilt = replace(stage, steps=steps)
        with pytest.raises(ScheduleFault, match=r"row|overwrites"):
            prove(
                plan,
                replace(recipe, stages=(*recipe.stages[:number], spoilt, *recipe.stages[number + 1 :])),
                tables,
            )


def test_stages_in_another_order_are_found():
    """Of a chain of products, each of which reads the one before."""
    plan = plan_graph(chain(12, 4), OPTIONS)
    plan, recipe, tables = made_for(plan, DEFAULT.xla)
    assert len(recipe.stages) == 4
    for order in itertools.permutations(recipe.stages):
        if order != recipe.stages:
            with pytest.raises(ScheduleFault, match="before that is complete"):
                prove(plan, replace(recipe, stages=order), tables)


# ------------------------------------------------------------ what it found


def test_shapes_of_little_work_have_a_class_that_fits_them():
    """Classes are chosen by a sample of the work: four large shapes left nothing of it for 500 small ones."""
    sizes = np.array(
        [*[(600 + i, 500, 700) for i in range(4)], *[(1 + i % 25, 1 + i // 25, 3) for i in range(500)]]
    )
    shapes, _ = distinct(*sizes.T)
    chosen = choose(shapes, DEFAULT.xla.most_classes, DEFAULT.xla.worthwhile, DEFAULT.xla)
    classes = chosen.classes.take(chosen.of_shape)
    same = (classes.m == shapes.m) & (classes.n == shapes.n) & (classes.k == shapes.k)
    assert (same | ~classes.exact).all() and same.any() and not classes.exact.all()
