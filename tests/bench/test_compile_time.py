"""Compiling is timed in interleaved rounds, from nothing, beside a jitted `a @ b`."""

import pytest

from raggeddsl.bench import compile_time
from raggeddsl.bench.compile_time import CompileTime, compile_times
from raggeddsl.bench.peers import Limits
from raggeddsl.bench.report.compiling import whole_rows, xla_rows
from raggeddsl.bench.workloads import workload
from tests.programs import compilations


def test_rounds_interleave_and_start_from_nothing(monkeypatch):
    order = []
    monkeypatch.setattr(compile_time, "_forget", lambda: order.append("forget"))
    monkeypatch.setattr(compile_time, "_matmul", lambda times: order.append("a @ b"))
    monkeypatch.setattr(compile_time, "_program", lambda workload, *_: order.append(workload.name))
    compile_times([workload("tiny-2"), workload("tiny-3")], Limits(), 2, order.append)
    one = ["forget", "a @ b", "forget", "tiny-2", "forget", "tiny-3"]
    assert order == ["compiling, round 1 of 2", *one, "compiling, round 2 of 2", *one]


def test_a_program_and_a_product_are_compiled_in_every_round():
    with compilations() as once:
        compile_times([workload("tiny-2")], Limits(kernel="xla"), 1, str)
    with compilations() as twice:
        matmul, (program,) = compile_times([workload("tiny-2")], Limits(kernel="xla"), 2, str)
    assert len(once) >= 2 and len(twice) == 2 * len(once)
    assert len(matmul.timings) == len(program.timings) == 2
    assert all(set(parts) == {"trace", "lower", "compile"} for parts in matmul.timings)


def entry(name, products, trace, lower, compile, first):
    found = CompileTime([{"parse": 0.5, "trace": trace, "lower": lower, "compile": compile}], [9.0])
    over = {"to_first": found.xla_s / first, "to_matmul": found.xla_s / 4.0}
    seconds = {"parts_s": found.parts, "xla_s": found.xla_s, "total_s": found.total_s, "gradient_s": None}
    facts = {"computed_flop_ratio": 1.25, "xla_operations": 12}
    return {"name": name, "products": products, "distinct_shapes": products, "compile": seconds | over} | {
        "facts": facts
    }


def test_the_table_has_the_ratios_of_trace_lower_and_compile_together():
    matmul = {"parts_s": {"trace": 1.0, "lower": 1.0, "compile": 2.0}, "xla_s": 4.0, "total_s": 4.0}
    workloads = [entry("few", 100, 1.0, 2.0, 3.0, 6.0), entry("many", 100_000, 1.0, 2.0, 4.0, 6.0)]
    document = {"workloads": workloads, "matmul": matmul}
    rows = {row[0]: list(row[1:]) for row in xla_rows(document)}
    assert rows["workload"][-3:] == ["together", "to the first", "to a @ b"]
    assert rows["few"] == ["100", "100", "1.00 s", "2.00 s", "3.00 s", "6.00 s", "1.00x", "1.50x"]
    assert rows["many"][0] == "100,000" and rows["many"][-3:] == ["7.00 s", "1.17x", "1.75x"]
    assert rows["a @ b, jitted"][-3:] == ["4.00 s", "", "1.00x"]
    assert [list(row) for row in whole_rows(document)] == [
        ["workload", "parse", "all", "computed FLOP", "XLA operations"],
        ["few", "500 ms", "9.00 s", "1.25x", "12"],
        ["many", "500 ms", "9.00 s", "1.25x", "12"],
    ]


def test_the_whole_is_a_median_of_sums_and_not_a_sum_of_medians():
    rounds = [{"trace": 1.0, "compile": 9.0}, {"trace": 9.0, "compile": 1.0}, {"trace": 1.0, "compile": 1.0}]
    assert CompileTime(rounds).xla_s == pytest.approx(10.0)
