"""The tables say what the times are that they are given: shares, ratios, bounds, and which ways ran."""

import pytest

from raggeddsl.bench import report, session
from raggeddsl.bench.measure import Outcome
from raggeddsl.bench.memory import bound
from raggeddsl.bench.peers import Work
from raggeddsl.bench.report.layout import WIDTH, listed
from raggeddsl.bench.report.timing import mean_rows, memory_rows, remarks, time_rows
from raggeddsl.bench.workloads import workload

PEAK = {"gflops": 100.0, "gbytes_s": 10.0}
FACTS = {"target": "fused", "kernel": "native", "computed_flop_ratio": 1.0, "scratch_bytes": 1000}


def timed(name, seconds, **more):
    return Outcome(name, "timed", first_s=seconds, error=1e-7, rounds=[seconds], **more)


def entry(name, *outcomes):
    """A workload of the document, from outcomes of given times."""
    chosen = workload(name)
    ways = session._ways(chosen, list(outcomes), PEAK)
    return session.sizes(chosen) | {"counts": session._counts(chosen, outcomes), "ways": ways}


def document(*workloads):
    machine = {"cpu": "a processor of long name " * 5, "cores": 2, "memory_bytes": 1 << 34, "system": "Linux"}
    machine |= {"python": "3.12.0", "backend": "cpu"}
    versions = {f"a-package-of-long-name-{number}": "1.2.3.4" for number in range(8)}
    head = {"kind": "times", "machine": machine, "versions": versions, "settings": {"keeps_memory": False}}
    return head | {"peak": PEAK, "workloads": list(workloads)}


def cells(rows):
    head, *others = rows
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in others}


def test_shares_are_of_the_large_product_and_of_the_large_copy():
    chosen = workload("equal-10-8")
    seconds = 1e-9 * chosen.bytes / 5.0  # half of the copy's 10 GB/s
    each = entry("equal-10-8", timed("raggeddsl", seconds), timed("numpy", 2 * seconds))
    ours = each["ways"][0]
    assert ours["gbytes_s"] == pytest.approx(5.0) and ours["copy_share"] == pytest.approx(0.5)
    assert ours["peak_share"] == pytest.approx(1e-9 * chosen.flop / seconds / 100)
    row = cells(time_rows(each))["numpy"]
    assert row["ratio"] == "2.00x" and row["of copy"] == "25%" and row["GB/s"] == "2.50"


def test_a_way_of_other_work_is_credited_with_that():
    chosen = workload("tiny-3")
    own = Work(3 * chosen.flop, 2 * chosen.bytes)
    each = entry("tiny-3", timed("raggeddsl", 1e-6), timed("raggeddsl:grad", 3e-6, work=own))
    ours, gradient = each["ways"]
    assert gradient["gflops"] == pytest.approx(ours["gflops"])
    assert gradient["gbytes_s"] == pytest.approx(2 / 3 * ours["gbytes_s"])


def test_one_product_is_compared_the_other_way_round_and_left_out_of_means():
    each = entry("equal-10-8", timed("raggeddsl", 9e-6), timed("jit-one", 6e-6, members=1, work=Work(1, 1)))
    assert "jit-one: does 1 of the 10 members; raggeddsl's call for all takes 1.50 times as long" in remarks(
        each
    )
    assert len(mean_rows([each])) == 1


def test_the_donated_call_counts_where_results_are_large(monkeypatch):
    times = [timed("raggeddsl", 2.0), timed("raggeddsl:donate", 1.0), timed("numpy", 4.0)]
    small = entry("equal-2-5", *times)
    monkeypatch.setattr(session, "LARGE", 100)
    large = entry("equal-2-5", *times)
    assert "to donated" not in time_rows(small)[0]
    row = cells(time_rows(large))["numpy"]
    assert (row["ratio"], row["to donated"]) == ("2.00x", "4.00x")
    assert any("counts in geometric means" in line for line in remarks(large))
    means = cells(mean_rows([small, large]))
    assert means["numpy"]["ratio"] == "2.83x"  # of 2 and 4
    assert means["raggeddsl:donate"]["ratio"] == "0.500x", "our ways are compared like with like"
    assert "(equal-2-5: to its donated call)" in report.text(document(small, large))


def test_where_the_donated_call_failed_the_fresh_one_counts(monkeypatch):
    monkeypatch.setattr(session, "LARGE", 100)
    failed = Outcome("raggeddsl:donate", "failed", "MemoryError")
    each = entry("equal-2-5", timed("raggeddsl", 2.0), failed, timed("numpy", 4.0))
    assert each["counts"] == "raggeddsl" and each["ways"][2]["ratio_donated"] is None
    assert cells(mean_rows([each]))["numpy"]["ratio"] == "2.00x"


def test_peaks_stand_beside_their_bound():
    chosen = workload("equal-2-5")
    assert bound(1000, 50) == pytest.approx(1150)
    most = bound(chosen.result_bytes, FACTS["scratch_bytes"])
    memory = {"first": 4096, "steady": 2048}
    each = entry(
        "equal-2-5",
        timed("raggeddsl", 1.0, memory=memory, facts=FACTS),
        timed("raggeddsl:xla", 1.0, memory=memory, facts=FACTS | {"scratch_bytes": 3000}),
        timed("numpy", 1.0, memory=memory),
        timed("raggeddsl:grad", 1.0, memory=memory, facts=FACTS, work=Work(1, 1)),
        timed("torch-loop", 1.0),
    )
    found = {way["name"]: way["memory_bytes"] for way in each["ways"]}
    assert found["raggeddsl"] == memory | {"bound": most, "ratio": pytest.approx(2048 / most)}
    assert found["numpy"] == found["raggeddsl"]
    assert found["raggeddsl:xla"]["bound"] == pytest.approx(most + 2000), "a kernel of its own has its own"
    assert found["raggeddsl:grad"]["bound"] is None, "more than the workload's results"
    rows = memory_rows(each)
    assert rows[0] == ["way", "bound", "first call", "of bound", "later call", "of bound"]
    assert [row[0] for row in rows[1:]] == ["raggeddsl", "raggeddsl:xla", "numpy", "raggeddsl:grad"]
    assert rows[1][1:] == ["1.19 KiB", "4.00 KiB", "3.36x", "2.00 KiB", "1.68x"]
    assert rows[4][2:] == ["4.00 KiB", "", "2.00 KiB", ""]


def test_what_became_of_jaxs_ways_is_one_line():
    each = entry(
        "tiny-3",
        timed("raggeddsl", 1.0),
        timed("pad-vmap", 1.0),
        timed("pad-map", 1.0),
        Outcome("jit-loop", "skipped", "too many"),
        Outcome("jax-list", "failed", "no room"),
    )
    assert remarks(each)[-1] == (
        "JAX's ways: timed: pad-vmap and pad-map; skipped: jit-loop; failed: jax-list (for the reasons above)"
    )
    rows = cells(time_rows(each))
    assert rows["jit-loop"]["first call"] == "skipped" and rows["jax-list"]["first call"] == "failed"
    ran = entry("tiny-3", timed("raggeddsl", 1.0), timed("pad-vmap", 1.0))
    assert not any("JAX" in line for line in remarks(ran))


def test_ways_of_one_remark_share_a_line():
    each = entry("tiny-3", *(timed(name, 1.0, note="as given") for name in ("raggeddsl", "a", "b")))
    assert remarks(each) == ["raggeddsl, a, b: as given"]


def test_names_are_listed():
    assert [listed("abc"[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_no_line_is_wider_than_a_terminal(monkeypatch):
    monkeypatch.setattr(session, "LARGE", 100)
    memory = {"first": 123 << 20, "steady": 123 << 20}
    reason = "a reason that takes many words to give, " * 5
    names = ["raggeddsl", "raggeddsl:donate", "raggeddsl:loss:native", "openblas-batch", "pad-vmap"]
    ways = [timed(name, 0.0123456, memory=memory, facts=FACTS, note=reason) for name in names]
    ways.append(Outcome("jit-loop", "skipped", reason))
    each = [entry(name, *ways) for name in ("equal-10000-32", "tiny-10000")]
    lines = report.text(document(*each)).splitlines()
    assert max(map(len, lines)) <= WIDTH == 110
