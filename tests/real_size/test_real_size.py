"""Half a minute of random programs of real size: new ones at each run, whose seed is printed."""

from __future__ import annotations

from tests.real_size.campaign import COMMAND, campaign, fresh_seed


def test_random_programs_are_what_the_reference_says(say):
    seed = fresh_seed()
    report = campaign(seed, minutes=0.5)
    say(str(report))
    failed = [failure for failure in report.failures if not failure.near]
    assert not failed, "\n".join([f"{COMMAND} --seed {seed}", *map(str, failed)])
