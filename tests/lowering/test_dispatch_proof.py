"""The prover accepts every list of launches that is made, and none with a fault planted in it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from raggeddsl.graph.passes import normalise
from raggeddsl.lowering.dispatch.launches import Launches, launches
from raggeddsl.lowering.dispatch.proof import prove
from raggeddsl.options import Options
from raggeddsl.plan import Plan, plan_graph
from raggeddsl.proof import ScheduleFault
from tests.strategies import ALL_DTYPES, graphs, seeds
from tests.tunings import tunings

OPTIONS = Options(memory_limit=1 << 40)


def made_for(graph, tuning=None) -> tuple[Plan, Launches]:
    plan = plan_graph(graph if tuning is None else normalise(graph, tuning.graph), OPTIONS)
    return plan, launches(plan)


@settings(max_examples=150)
@given(graphs(normal=True, dtypes=ALL_DTYPES, max_operations=6, views=False))
def test_every_list_of_launches_is_proved(graph):
    prove(*made_for(graph))


@settings(max_examples=60)
@given(graphs(max_operations=5, views=False), tunings())
def test_every_list_of_a_normalised_graph_is_proved(graph, tuning):
    prove(*made_for(graph, tuning))


plans = st.builds(made_for, graphs(normal=True, dtypes=("f32", "bf16"), max_operations=5, views=False))


def refused(plan: Plan, made: Launches) -> None:
    with pytest.raises(ScheduleFault, match=r"launch|row"):
        prove(plan, made)


def moved(column: list, at: int, to: int) -> list:
    """The column with one entry taken out and put in again elsewhere."""
    rest = [*column[:at], *column[at + 1 :]]
    return [*rest[:to], column[at], *rest[to:]]


@given(plans, seeds)
def test_a_launch_left_out_is_found(made, seed):
    plan, found = made
    assume(found.kind)
    at = seed % len(found.kind)
    less = {name: [*column[:at], *column[at + 1 :]] for name, column in columns(found).items()}
    refused(plan, replace(found, order=np.delete(found.order, at), **less))


def columns(made: Launches) -> dict[str, list]:
    return {name: getattr(made, name) for name in ("kind", "reads", "writes", "drops")}


@given(plans, seeds)
def test_a_launch_that_comes_before_what_it_reads_is_found(made, seed):
    plan, found = made
    written = set(found.writes)
    readers = [at for at, reads in enumerate(found.reads) if written & set(reads)]
    assume(readers)
    at = readers[seed % len(readers)]
    refused(
        plan,
        replace(
            found,
            order=np.array(moved(found.order.tolist(), at, 0)),
            **{name: moved(column, at, 0) for name, column in columns(found).items()},
        ),
    )


@given(plans, seeds)
def test_an_operand_that_is_another_is_found(made, seed):
    plan, found = made
    launches = [at for at, reads in enumerate(found.reads) if reads]
    assume(launches)
    at = launches[seed % len(launches)]
    place = seed // 7 % len(found.reads[at])
    cell = seed // 49 % (len(found.cells) + len(found.alphas))
    assume(cell != found.reads[at][place])
    reads = [list(one) for one in found.reads]
    reads[at][place] = cell
    assume(not _equal_factors(found, cell, found.reads[at][place]))
    refused(plan, replace(found, reads=[tuple(one) for one in reads]))


def _equal_factors(made: Launches, one: int, other: int) -> bool:
    """Whether both are factors of one value, in two types: the same to a sum."""
    total = len(made.cells)
    return min(one, other) >= total and made.alphas[one - total][0] == made.alphas[other - total][0]


@given(plans, seeds)
def test_a_result_in_another_place_is_found(made, seed):
    plan, found = made
    assume(found.kind and len(found.cells) > 1)
    at = seed % len(found.kind)
    cell = seed // 7 % len(found.cells)
    assume(cell != found.writes[at])
    refused(plan, replace(found, writes=[*found.writes[:at], cell, *found.writes[at + 1 :]]))


@given(plans, seeds)
def test_a_member_that_is_dropped_too_early_is_found(made, seed):
    plan, found = made
    written = {cell: at for at, cell in enumerate(found.writes)}
    needed = [
        (at, cell) for at, reads in enumerate(found.reads) for cell in reads if written.get(cell, at) < at
    ]
    assume(needed)
    reader, cell = needed[seed % len(needed)]
    drops = list(found.drops)
    drops[written[cell]] = (*drops[written[cell]], cell)
    assume(reader > written[cell])
    refused(plan, replace(found, drops=drops))


@given(plans, seeds)
def test_another_kind_of_launch_is_found(made, seed):
    plan, found = made
    assume(len(found.kinds) and any(kind >= 0 for kind in found.kind))
    at = [at for at, kind in enumerate(found.kind) if kind >= 0][seed % sum(kind >= 0 for kind in found.kind)]
    kind = found.kinds[found.kind[at]]
    field, value = (("m", kind.m + 1), ("k", kind.k + 1), ("a_t", not kind.a_t))[seed // 7 % 3]
    assume(field != "k" or kind.k)
    square = kind.m == (kind.k or kind.n) or min(kind.m, kind.k or kind.n) == 1
    assume(field != "a_t" or (kind.a is not None and square and max(kind.m, kind.k, kind.n) > 1))
    assume(field != "a_t" or min(kind.m, kind.k or kind.n) > 1)
    kinds = (*found.kinds, replace(kind, **{field: value}))
    refused(
        plan, replace(found, kinds=kinds, kind=[*found.kind[:at], len(found.kinds), *found.kind[at + 1 :]])
    )
