"""The figure of packing counts what it packs and reads, whatever the kind of member."""

import numpy as np

from raggeddsl.bench.packing import measured, ways


def test_every_way_gives_all_members():
    for name, (size, work) in ways(5, 3).items():
        made = work()
        if name.startswith("from_list"):
            assert (len(made), made.data.nbytes) == (5, size)
        elif name.startswith("to_"):
            assert sum(np.asarray(member).nbytes for member in made) == size == 5 * 9 * 4


def test_figures_are_rates_and_times_of_a_member():
    for rate, each in measured(5, 3).values():
        assert rate > 0 and each > 0
