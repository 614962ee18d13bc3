"""A benchmark's document in, text out: aligned tables for a terminal, or Markdown for a README."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from raggeddsl.plan.units import bytes_text, digits, si

Row = Sequence[str]
Document = Mapping[str, Any]


def text(document: Document) -> str:
    """Everything that was measured, one table a workload (or one table of compile times)."""
    lines = heading(document)
    if document["kind"] == "compile":
        return "\n".join([*lines, "", *aligned(compile_rows(document))])
    for each in document["workloads"]:
        lines += ["", described(each), *aligned(_rows(each)), *_remarks(each)]
    if len(document["workloads"]) > 1:
        lines += ["", "geometric means of the ratios to raggeddsl", *aligned(_means(document))]
    return "\n".join(lines)


def markdown(document: Document) -> str:
    """One table of steady times with ratios and one of first calls, a row a workload, then the remarks."""
    lines = [f"{line}  " for line in heading(document)]
    if document["kind"] == "compile":
        return "\n".join([*lines, "", *piped(compile_rows(document))])
    each_remark = [(each["name"], line) for each in document["workloads"] for line in _remarks(each)]
    remarks = [f"- {name}: {line.strip()}" for name, line in each_remark]
    return "\n".join(
        [
            *lines,
            *("", "A later call (and how many times as long as raggeddsl's):", ""),
            *piped(_matrix(document, _steady_cell)),
            *("", "The first call, with all the compiling that it needs:", ""),
            *piped(_matrix(document, lambda way, _: _seconds(way["first_s"]))),
            *_memory_matrix(document),
            *(["", *remarks] if remarks else []),
        ]
    )


def heading(document: Document) -> list[str]:
    """The machine, its peak where it was measured, and the versions."""
    on, versions = document["machine"], document["versions"]
    memory = bytes_text(on["memory_bytes"]) if on["memory_bytes"] else "unknown memory"
    packages = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    lines = [
        f"{on['cpu']}, {on['cores']} cores, {memory}, {on['system']}, backend {on['backend']}",
        f"Python {on['python']}, {packages}",
    ]
    if document["settings"]["keeps_memory"]:
        lines.append("freed memory is kept in the process (rd.keep_memory)")
    if "peak" in document:
        peak = document["peak"]
        product = f"one large f32 product {peak['gflops']:.0f} GFLOP/s"
        lines.append(f"peak: {product}, one large copy {peak['gbytes_s']:.1f} GB/s")
    return lines


def described(each: Mapping[str, Any]) -> str:
    """A workload in a line."""
    return (
        f"{each['name']}: {each['members']:,} members, {each['products']:,} products of "
        f"{each['distinct_shapes']:,} shapes, {si(each['flop'], 'FLOP')}, "
        f"{bytes_text(each['bytes'])} in and out"
    )


def _memory_matrix(document: Document) -> list[str]:
    """Markdown of the peak memory of a later call, where it was measured."""
    if not any(way["memory_bytes"] for each in document["workloads"] for way in each["ways"]):
        return []
    rows = _matrix(document, lambda way, _: _memory_cells(way)[1])
    return ["", "Peak memory of a later call above its inputs:", "", *piped(rows)]


def _rows(each: Mapping[str, Any]) -> list[Row]:
    """The table of one workload: a row a way that was timed."""
    with_memory = any(way["memory_bytes"] for way in each["ways"])
    head = ["way", "first call", "later call", "ratio", "GFLOP/s", "GB/s", "of peak", "error"]
    rows: list[Row] = [head + (["memory first", "memory later"] if with_memory else [])]
    for way in each["ways"]:
        if way["steady_s"] is None:
            continue
        row = [
            way["name"],
            _seconds(way["first_s"]),
            _seconds(way["steady_s"]),
            "" if way["ratio"] is None else f"{digits(way['ratio'])}x",
            digits(way["gflops"]),
            digits(way["gbytes_s"]),
            f"{100 * way['peak_share']:.0f}%",
            f"{way['error']:.0e}",
        ]
        rows.append(row + (_memory_cells(way) if with_memory else []))
    return rows


def _memory_cells(way: Mapping[str, Any]) -> list[str]:
    found = way["memory_bytes"]
    return ["", ""] if found is None else [bytes_text(found["first"]), bytes_text(found["steady"])]


def _remarks(each: Mapping[str, Any]) -> list[str]:
    """What the table does not say: notes, what was skipped, failed or wrong, and what raggeddsl chose."""
    lines = []
    for way in each["ways"]:
        said = [way["note"]] if way["note"] else []
        if way["status"] != "timed":
            said.append(f"{way['status']}: {way['reason']}")
        if way["facts"]:
            said.append(chosen(way["facts"]))
        if said:
            lines.append(f"  {way['name']}: {'; '.join(said)}")
    return lines


def chosen(facts: Mapping[str, Any]) -> str:
    """What a program did: target, kernel, padded FLOP."""
    ratio = facts["computed_flop_ratio"]
    padding = "" if ratio is None else f", computes {ratio:.2f} times the FLOP"
    return f"{facts['target']} target, {facts['kernel']} kernel{padding}"


def _matrix(document: Document, cell: Any) -> list[Row]:
    names = list(dict.fromkeys(way["name"] for each in document["workloads"] for way in each["ways"]))
    rows: list[Row] = [["workload", *names]]
    for each in document["workloads"]:
        ways = {way["name"]: way for way in each["ways"]}
        cells = [_cell(ways[name], name, cell) for name in names]
        rows.append([each["name"], *cells])
    return rows


def _cell(way: Mapping[str, Any], name: str, cell: Any) -> str:
    return str(cell(way, name)) if way["status"] == "timed" else way["status"]


def _steady_cell(way: Mapping[str, Any], name: str) -> str:
    ratio = "" if way["ratio"] is None or way["ratio"] == 1.0 else f" ({digits(way['ratio'])}x)"
    return _seconds(way["steady_s"]) + ratio


def _means(document: Document) -> list[Row]:
    """Geometric means over the workloads on which both were timed."""
    ratios: dict[str, list[float]] = {}
    for each in document["workloads"]:
        for way in each["ways"][1:]:
            if way["ratio"] is not None:
                ratios.setdefault(way["name"], []).append(way["ratio"])
    rows: list[Row] = [["way", "ratio", "workloads", "least", "most"]]
    for name, found in ratios.items():
        mean = math.exp(sum(map(math.log, found)) / len(found))
        least, most = digits(min(found)), digits(max(found))
        rows.append([name, f"{digits(mean)}x", str(len(found)), f"{least}x", f"{most}x"])
    return rows


def compile_rows(document: Document) -> list[Row]:
    """A row a workload: seconds of each part, trace to compile together, and against the first row's."""
    parts = list(dict.fromkeys(part for each in document["workloads"] for part in each["compile"]["parts_s"]))
    head = ["workload", "products", "shapes", *parts, "trace..compile", "ratio", "all"]
    with_gradient = any(each["compile"]["gradient_s"] is not None for each in document["workloads"])
    head += ["gradient", "to forward"] if with_gradient else []
    rows: list[Row] = [[*head, "computed FLOP", "XLA operations"]]
    base = document["workloads"][0]["compile"]["xla_s"]
    for each in document["workloads"]:
        found, facts = each["compile"], each["facts"]
        ratio = facts["computed_flop_ratio"]
        rows.append(
            [
                each["name"],
                f"{each['products']:,}",
                f"{each['distinct_shapes']:,}",
                *(_seconds(found["parts_s"].get(part, 0.0)) for part in parts),
                _seconds(found["xla_s"]),
                f"{digits(found['xla_s'] / base)}x" if base else "",
                _seconds(found["total_s"]),
                *(_gradient_cells(found) if with_gradient else []),
                "" if ratio is None else f"{ratio:.2f}x",
                "" if facts["xla_operations"] is None else f"{facts['xla_operations']:,}",
            ]
        )
    return rows


def _gradient_cells(found: Mapping[str, Any]) -> list[str]:
    """Seconds to compile value and gradient, and that against the program's own from graph to compile.

    The gradient is a graph of its own that is planned too: so much of the program counts beside compiling.
    """
    seconds = found["gradient_s"]
    if seconds is None:
        return ["", ""]
    forward = found["xla_s"] + sum(found["parts_s"].get(part, 0.0) for part in ("graph", "plan", "tables"))
    return [_seconds(seconds), f"{digits(seconds / forward)}x" if forward else ""]


def aligned(rows: Sequence[Row]) -> list[str]:
    """Columns side by side, the first to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def piped(rows: Sequence[Row]) -> list[str]:
    """A Markdown table."""
    rule = ["---", *("---:" for _ in rows[0][1:])]
    return [f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]]]


def _seconds(seconds: float) -> str:
    """Three digits, from microseconds up."""
    if seconds < 0.9995e-3:
        return f"{digits(1e6 * seconds)} µs"
    return f"{digits(1e3 * seconds)} ms" if seconds < 0.9995 else f"{digits(seconds)} s"
