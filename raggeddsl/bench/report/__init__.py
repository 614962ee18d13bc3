"""A benchmark's document in, text out: aligned tables for a terminal, or Markdown for a README."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from raggeddsl.bench.report.compiling import whole_rows, xla_rows
from raggeddsl.bench.report.layout import Row, aligned, piped, seconds_text, times_text, wrapped
from raggeddsl.bench.report.timing import (
    MEMORY,
    described,
    has_memory,
    mean_rows,
    means_heading,
    memory_rows,
    remarks,
    time_rows,
)
from raggeddsl.diagnostics.units import bytes_text

Document = Mapping[str, Any]
Cell = Callable[[Mapping[str, Any]], str]


def text(document: Document) -> str:
    """Everything that was measured, tables of at most 110 columns."""
    lines = [part for line in heading(document) for part in wrapped(line)]
    if document["kind"] == "compile":
        return "\n".join([*lines, "", *aligned(xla_rows(document)), "", *aligned(whole_rows(document))])
    workloads = document["workloads"]
    for each in workloads:
        lines += ["", described(each), *aligned(time_rows(each))]
        lines += [part for line in remarks(each) for part in wrapped(line, "  ")]
        lines += [f"  {MEMORY}", *aligned(memory_rows(each))] if has_memory(each) else []
    if len(workloads) > 1:
        lines += ["", *wrapped(means_heading(workloads)), *aligned(mean_rows(workloads))]
    return "\n".join(lines)


def markdown(document: Document) -> str:
    """A table of steady times with ratios and one of first calls, a row a workload, means, and remarks."""
    lines = [f"{line}  " for line in heading(document)]
    if document["kind"] == "compile":
        return "\n".join([*lines, "", *piped(xla_rows(document)), "", *piped(whole_rows(document))])
    workloads = document["workloads"]
    said = [f"- {each['name']}: {line}" for each in workloads for line in remarks(each)]
    over = means_heading(workloads)
    means = [f"{over[0].upper()}{over[1:]}:", "", *piped(mean_rows(workloads))]
    return "\n".join(
        [
            *lines,
            *("", "A later call (and how many times as long as raggeddsl's):", ""),
            *piped(_matrix(document, _steady_cell)),
            *("", "The first call, with all the compiling that it needs:", ""),
            *piped(_matrix(document, lambda way: seconds_text(way["first_s"]))),
            *_memory_matrix(document),
            *(["", *means] if len(workloads) > 1 else []),
            *(["", *said] if said else []),
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
    keeps = document["settings"]["keeps_memory"]
    if keeps:
        lines.append("freed memory is kept in the process (rd.keep_memory), for all ways")
    elif keeps is None:
        lines.append("freed memory may go back to the system: only glibc can be told to keep it")
    else:
        lines.append("freed memory goes back to the system as the C library will have it (--no-keep-memory)")
    if "peak" in document:
        peak = document["peak"]
        product = f"one large f32 product {peak['gflops']:.0f} GFLOP/s"
        lines.append(f"peak: {product}, one large copy {peak['gbytes_s']:.1f} GB/s")
    return lines


def _memory_matrix(document: Document) -> list[str]:
    """Markdown of the peak memory of a later call, where it was measured."""
    if not any(map(has_memory, document["workloads"])):
        return []
    title = "Peak memory of a later call above its inputs (and against 1.10 x results + intermediates):"
    return ["", title, "", *piped(_matrix(document, _memory_cell))]


def _matrix(document: Document, cell: Cell) -> list[Row]:
    names = list(dict.fromkeys(way["name"] for each in document["workloads"] for way in each["ways"]))
    rows: list[Row] = [["workload", *names]]
    for each in document["workloads"]:
        ways = {way["name"]: way for way in each["ways"]}
        cells = [_cell(ways[name], cell) if name in ways else "" for name in names]
        rows.append([each["name"], *cells])
    return rows


def _cell(way: Mapping[str, Any], cell: Cell) -> str:
    return cell(way) if way["status"] == "timed" else str(way["status"])


def _steady_cell(way: Mapping[str, Any]) -> str:
    ratio = "" if way["ratio"] in (None, 1.0) else times_text(way["ratio"])
    donated = f"to donated {times_text(way['ratio_donated'])}" if way["ratio_donated"] is not None else ""
    said = ", ".join(filter(None, [ratio, donated]))
    return seconds_text(way["steady_s"]) + (f" ({said})" if said else "")


def _memory_cell(way: Mapping[str, Any]) -> str:
    memory = way["memory_bytes"]
    if not memory:
        return ""
    ratio = times_text(memory["ratio"])
    return bytes_text(memory["steady"]) + (f" ({ratio})" if ratio else "")
