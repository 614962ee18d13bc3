"""The native kernel gives what the interpreter says: random graphs, every type, on every instruction set."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.native.kernel import NativeKernel
from tests.kernels.native.running import check, isas, planned, run_buffers_each, same_bits
from tests.strategies import ALL_DTYPES, graphs, inputs_for, seeds
from tests.tunings import tuned, tunings, workers


def on_some_isa(data: st.DataObject) -> str:
    return data.draw(st.sampled_from(isas()))


@settings(max_examples=80)
@given(graphs(max_operations=5), seeds, tunings(), workers, st.data())
def test_agrees_with_the_interpreter_in_floats(graph, seed, tuning, workers, data):
    plan = planned(normalise(graph, tuning.graph))
    how = {"workers": workers, "isa": on_some_isa(data), "tuning": tuning}
    check(graph, inputs_for(graph, seed), plan, **how)


@settings(max_examples=120)
@given(graphs(normal=True, dtypes=ALL_DTYPES, max_operations=6), seeds, tunings(), workers, st.data())
def test_agrees_with_the_interpreter_in_every_dtype(graph, seed, tuning, workers, data):
    check(graph, inputs_for(graph, seed), workers=workers, isa=on_some_isa(data), tuning=tuning)


@settings(max_examples=40)
@given(graphs(normal=True, dtypes=ALL_DTYPES, max_members=3, max_size=40, max_operations=4), seeds, st.data())
def test_agrees_with_the_interpreter_where_members_are_larger_than_a_tile(graph, seed, data):
    check(graph, inputs_for(graph, seed), isa=on_some_isa(data))


@settings(max_examples=60)
@given(graphs(normal=True, dtypes=("i8", "i32"), max_operations=6), seeds, workers, st.data())
def test_integers_are_exact_and_wrap(graph, seed, workers, data):
    check(graph, inputs_for(graph, seed), workers=workers, isa=on_some_isa(data))


@settings(max_examples=60)
@given(graphs(normal=True, dtypes=ALL_DTYPES, max_operations=5, max_size=20), seeds, tunings())
def test_the_number_of_workers_scheduled_for_changes_no_bit(graph, seed, tuning):
    kernels = [NativeKernel(workers=count, tuning=tuning) for count in (1, 2, 7, 9)]
    one, *others = run_buffers_each(planned(graph), inputs_for(graph, seed), kernels)
    assert all(same_bits(one, other) for other in others)


@settings(max_examples=60)
@given(graphs(normal=True, dtypes=ALL_DTYPES, max_operations=5, max_members=3, max_size=60), seeds)
def test_cutting_heavy_components_into_panels_changes_no_bit(graph, seed):
    cut = [NativeKernel(workers=count, tuning=tuned(heavy_cost=1.0)) for count in (2, 8)]
    kernels = [NativeKernel(workers=1), *cut]
    uncut, *others = run_buffers_each(planned(graph), inputs_for(graph, seed), kernels)
    assert all(same_bits(uncut, other) for other in others)
