"""A timed workload in, the rows of its tables and the remarks under them out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from raggeddsl.bench.peers import JAX, OURS
from raggeddsl.bench.report.layout import Row, listed, seconds_text, share_text, times_text
from raggeddsl.diagnostics.units import bytes_text, count_text, digits, si

Timed = Mapping[str, Any]
"""An entry of the document's `workloads`."""


def described(each: Timed) -> str:
    """A workload in a line."""
    products = f"{count_text(each['products'], 'product')} of {count_text(each['distinct_shapes'], 'shape')}"
    moved = f"{bytes_text(each['bytes'])} in and out"
    members = count_text(each["members"], "member")
    return f"{each['name']}: {members}, {products}, {si(each['flop'], 'FLOP')}, {moved}"


def time_rows(each: Timed) -> list[Row]:
    """A row a way; of one that was not timed, only what became of it."""
    donated = each["counts"] != OURS
    head = ["way", "first call", "later call", "ratio", *(["to donated"] if donated else [])]
    rows: list[Row] = [[*head, "GFLOP/s", "of peak", "GB/s", "of copy", "error"]]
    for way in each["ways"]:
        if way["steady_s"] is None:
            rows.append([way["name"], way["status"], *[""] * (len(rows[0]) - 2)])
            continue
        rows.append(
            [
                way["name"],
                seconds_text(way["first_s"]),
                seconds_text(way["steady_s"]),
                times_text(way["ratio"]),
                *([times_text(way["ratio_donated"])] if donated else []),
                digits(way["gflops"]),
                share_text(way["peak_share"]),
                digits(way["gbytes_s"]),
                share_text(way["copy_share"]),
                f"{way['error']:.0e}",
            ]
        )
    return rows


def has_memory(each: Timed) -> bool:
    return any(way["memory_bytes"] for way in each["ways"])


def memory_rows(each: Timed) -> list[Row]:
    """A row a way of which memory was measured: the bound, and the peaks of a first and a later call."""
    rows: list[Row] = [["way", "bound", "first call", "of bound", "later call", "of bound"]]
    for way in each["ways"]:
        memory = way["memory_bytes"]
        if not memory:
            continue
        most = memory["bound"]
        cells = ["" if most is None else bytes_text(round(most))]
        for peak in (memory["first"], memory["steady"]):
            cells += [bytes_text(peak), times_text(peak / most if most else None)]
        rows.append([way["name"], *cells])
    return rows


MEMORY = "peak memory above the inputs; the bound is 1.10 x results + intermediates"


def remarks(each: Timed) -> list[str]:
    """What the tables do not say: of single ways first, then of JAX's, and which time counts in means."""
    names: dict[str, list[str]] = {}
    for way in each["ways"]:
        names.setdefault("; ".join(_said(each, way)), []).append(way["name"])
    of_ways = [f"{', '.join(alike)}: {said}" for said, alike in names.items() if said]
    return [*of_ways, *_of_jax(each), *_of_donated(each)]


def _said(each: Timed, way: Mapping[str, Any]) -> list[str]:
    """Notes, what was skipped, failed or wrong, and what raggeddsl chose."""
    said = [way["note"]] if way["note"] else []
    if way["status"] != "timed":
        said.append(f"{way['status']}: {way['reason']}")
    elif way["members"] < each["members"]:
        over = (
            ""
            if way["ratio"] is None
            else f"; raggeddsl's call for all takes {digits(1 / way['ratio'])} times as long"
        )
        said.append(f"does {way['members']} of the {each['members']:,} members{over}")
    return said + ([_chosen(way["facts"])] if way["facts"] else [])


def _chosen(facts: Mapping[str, Any]) -> str:
    """What a program did: target, kernel, padded FLOP."""
    ratio = facts["computed_flop_ratio"]
    padding = "" if ratio is None else f", computes {ratio:.2f} times the FLOP"
    return f"{facts['target']} target, {facts['kernel']} kernel{padding}"


def _of_jax(each: Timed) -> list[str]:
    """Which of JAX's own ways ran, where not all did."""
    by_status: dict[str, list[str]] = {}
    for way in each["ways"]:
        if way["name"] in JAX:
            by_status.setdefault(way["status"], []).append(way["name"])
    timed = by_status.pop("timed", [])
    if not by_status:
        return []
    others = [f"{status}: {listed(names)}" for status, names in by_status.items()]
    return [f"JAX's ways: timed: {listed(timed) or 'none'}; {'; '.join(others)} (for the reasons above)"]


def _of_donated(each: Timed) -> list[str]:
    if each["counts"] == OURS:
        return []
    large = f"results of {bytes_text(each['result_bytes'])} exceed 64 MB"
    return [f"{large}: the ratio to {each['counts']} is the one that counts in geometric means"]


def mean_rows(workloads: list[Timed]) -> list[Row]:
    """Geometric means over the workloads on which both were timed; no way that does a part only."""
    ratios: dict[str, list[float]] = {}
    for each in workloads:
        for way in each["ways"][1:]:
            if way["ratio"] is not None and way["members"] == each["members"]:
                ratios.setdefault(way["name"], []).append(counted_ratio(each, way))
    rows: list[Row] = [["way", "ratio", "workloads", "least", "most"]]
    for name, of_way in ratios.items():
        mean = math.exp(sum(map(math.log, of_way)) / len(of_way))
        rows.append(
            [name, *map(times_text, [mean]), str(len(of_way)), *map(times_text, [min(of_way), max(of_way)])]
        )
    return rows


def counted_ratio(each: Timed, way: Mapping[str, Any]) -> float:
    """A way's ratio to what counts; ways of raggeddsl's own are compared with raggeddsl, like with like."""
    ours = way["name"].partition(":")[0] == OURS
    ratio: float = way["ratio"] if ours or each["counts"] == OURS else way["ratio_donated"]
    return ratio


def means_heading(workloads: list[Timed]) -> str:
    """What the ratios are to."""
    donated = [each["name"] for each in workloads if each["counts"] != OURS]
    over = f" ({listed(donated)}: to its donated call)" if donated else ""
    return f"geometric means of the ratios to raggeddsl{over}"
