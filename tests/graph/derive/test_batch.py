"""Many copies of a graph are one graph: each gives what the graph gives, and what is shared is shared."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raggeddsl.graph.derive import batch
from raggeddsl.graph.passes import normalise
from tests.graph.derive.deriving import flags, random_buffers, run
from tests.programs import pairs
from tests.strategies import graphs, seeds


@settings(max_examples=60)
@given(graphs(dtypes=("f64", "c128", "i32")), seeds, st.integers(0, 255), st.integers(0, 3))
def test_every_copy_is_what_the_graph_gives(graph, seed, bits, size):
    graph = normalise(graph)
    many = flags(len(graph.inputs), bits)
    copies = [random_buffers(graph, seed + copy) for copy in range(max(size, 1))]
    stacked = [
        np.concatenate([copy[place] for copy in copies[:size]] or [copies[0][place][:0]])
        if is_many
        else copies[0][place]
        for place, is_many in enumerate(many)
    ]
    found = batch(graph, many, size)
    results = run(found.graph, stacked)
    for number, copy in enumerate(copies[:size]):
        own = [copy[place] if is_many else copies[0][place] for place, is_many in enumerate(many)]
        for result, is_many, wanted in zip(results, found.outputs, run(graph, own), strict=True):
            given_ = result.reshape(size, -1)[number] if is_many else result
            np.testing.assert_allclose(given_, wanted, rtol=1e-12, atol=1e-12)


def test_what_is_the_same_for_all_copies_is_read_and_not_repeated():
    graph = normalise(pairs())
    found = batch(graph, (True, False), 5)
    members = [len(found.graph.type(key)) for key in found.graph.inputs]
    assert members == [30, 6] and found.outputs == (True,)
    assert batch(graph, (False, False), 5).outputs == (False,)
