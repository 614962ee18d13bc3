"""A document of compile times in, the rows of its two tables out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raggeddsl.bench.report.layout import Row, seconds_text, times_text

XLA = ("trace", "lower", "compile")
MATMUL = "a @ b, jitted"


def xla_rows(document: Mapping[str, Any]) -> list[Row]:
    """Trace, lower and compile, a row a workload: against the first one, and against a jitted `a @ b`."""
    matmul = document["matmul"]
    head = ["workload", "products", "shapes", *XLA, "together", "to the first", "to a @ b"]
    rows: list[Row] = [head]
    for each in document["workloads"]:
        timing = each["compile"]
        counts = [f"{each['products']:,}", f"{each['distinct_shapes']:,}"]
        ratios = [times_text(timing["to_first"]), times_text(timing["to_matmul"])]
        rows.append([each["name"], *counts, *_parts(timing), *ratios])
    return [*rows, [MATMUL, "1", "1", *_parts(matmul), "", times_text(1.0)]]


def _parts(timing: Mapping[str, Any]) -> list[str]:
    seconds = [*(timing["parts_s"].get(part, 0.0) for part in XLA), timing["xla_s"]]
    return [seconds_text(each) for each in seconds]


def whole_rows(document: Mapping[str, Any]) -> list[Row]:
    """What comes before, the whole from text to program, and what the program is; gradients where timed."""
    workloads = document["workloads"]
    parts = dict.fromkeys(part for each in workloads for part in each["compile"]["parts_s"])
    before = [part for part in parts if part not in XLA]
    with_gradient = any(each["compile"]["gradient_s"] is not None for each in workloads)
    head = ["workload", *before, "all"] + (["gradient", "to forward"] if with_gradient else [])
    rows: list[Row] = [[*head, "computed FLOP", "XLA operations"]]
    for each in workloads:
        timing, facts = each["compile"], each["facts"]
        seconds = [*(timing["parts_s"].get(part, 0.0) for part in before), timing["total_s"]]
        ratio, operations = facts["computed_flop_ratio"], facts["xla_operations"]
        rows.append(
            [
                each["name"],
                *map(seconds_text, seconds),
                *(_gradient_cells(timing) if with_gradient else []),
                "" if ratio is None else f"{ratio:.2f}x",
                "" if operations is None else f"{operations:,}",
            ]
        )
    return rows


def _gradient_cells(timing: Mapping[str, Any]) -> list[str]:
    """Seconds to compile value and gradient, and that against the program's own from graph to compile.

    The gradient is a graph of its own that is planned too: so much of the program counts beside compiling.
    """
    seconds = timing["gradient_s"]
    if seconds is None:
        return ["", ""]
    forward = timing["xla_s"] + sum(timing["parts_s"].get(part, 0.0) for part in ("graph", "plan", "tables"))
    return [seconds_text(seconds), times_text(seconds / forward if forward else None)]
