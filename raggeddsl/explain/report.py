"""The dict of an `Explanation` in, its text out: a summary first, then tables of at most 100 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from raggeddsl.diagnostics.units import bytes_text, count_text, digits, percent, range_text, seconds_text, si
from raggeddsl.graph.describe import some_names

WIDTH = 100
INDENT = 12
"""Where the facts of the summary start."""
LONGEST_NAME = 24
WORTH_SAYING = 1 << 20
"""Bytes of scratch that a kernel must save before the summary says so."""
MOST_STAGES = 40
MOST_CLASSES = 12
MOST_ORDERS = 6
CODE = {
    "small": "tiles on operands as they lie",
    "tiles": "tiles",
    "along-k": "lanes along k",
    "complex": "complex tiles",
    "symmetric": "tiles, one half mirrored",
    "provider": "gemm",
    "combine": "scaled sums",
    "zero": "zeros",
}
"""What kinds of code are called in the text."""
"""How many lines a table has at most; the dict has all."""


def summary_text(data: dict[str, Any]) -> str:
    """The headline and one line each for work, memory, padding, kernel and target."""
    lines = textwrap.wrap(headline(data), WIDTH)
    for name, text in (
        ("work", _work(data["summary"])),
        ("memory", _memory(data["summary"])),
        ("padding", _padding(data["summary"])),
        ("kernel", _choice(data, "kernel")),
        ("target", _choice(data, "target")),
    ):
        lines += _fact(name, text)
    return "\n".join(lines)


def full_text(data: dict[str, Any]) -> str:
    """Everything: the summary, what the compiler did, then stages, shape classes and chain orders."""
    lines = [summary_text(data)]
    if "xla_operations" in data:
        lines += _fact("program", count_text(data["xla_operations"], "XLA operation"))
    if data.get("timings"):
        lines += _fact("timings", ", ".join(f"{k} {seconds_text(v)}" for k, v in data["timings"].items()))
    if data.get("passes"):
        lines += _fact("passes", _passes(data["passes"]))
    for note in data.get("notes", ()):
        lines += _fact("note", note)
    lines += _fact("time", _time(data))
    for section in (_stages(data), _code(data), _classes(data), _orders(data)):
        lines += ["", *section] if section else []
    return "\n".join(lines)


# ---------------------------------------------------------------- the summary


def headline(data: dict[str, Any]) -> str:
    """`Y: 54 matrices from 54 products of 21 different shapes`."""
    summary = data["summary"]
    matrices = count_text(summary["members"], "matrix", "matrices")
    names = some_names(tuple(output["name"] for output in data["outputs"])) or "nothing"
    if summary["products"]:
        work = count_text(summary["products"], "product")
    else:
        work = count_text(summary["tasks"], "scaled sum")
    shapes = count_text(summary["distinct_shapes"], "shape")
    different = shapes if summary["distinct_shapes"] == 1 else shapes.replace("shape", "different shape")
    return f"{names}: {matrices} from {work} of {different}"


def _fact(name: str, text: str | None) -> list[str]:
    """`  name      text`, wrapped with a hanging indent; nothing where nothing is known."""
    if not text:
        return []
    lead = f"  {name}".ljust(INDENT)
    return textwrap.wrap(text, WIDTH, initial_indent=lead, subsequent_indent=" " * INDENT)


def _work(summary: dict[str, Any]) -> str:
    moved = summary["bytes_read"] + summary["bytes_written"]
    return (
        f"{si(summary['flop'], 'FLOP')} in {count_text(summary['stages'], 'stage')}, "
        f"{bytes_text(moved)} read and written, {digits(summary['flop_per_byte'])} FLOP/byte"
    )


def _memory(summary: dict[str, Any]) -> str:
    text = (
        f"{bytes_text(summary['peak_bytes'])} at peak: {bytes_text(summary['input_bytes'])} inputs, "
        f"{bytes_text(summary['output_bytes'])} outputs, {bytes_text(summary['scratch_bytes'])} intermediates"
    )
    held = summary.get("kernel_scratch_bytes", summary["scratch_bytes"])
    if summary["scratch_bytes"] - held >= WORTH_SAYING:
        text += f", of which the kernel holds {bytes_text(held)} at once"
    workspace = summary.get("workspace_bytes", 0)
    return f"{text}; the kernel's own: {bytes_text(workspace)}" if workspace else text


def _padding(summary: dict[str, Any]) -> str:
    memory, work = summary["padded_bytes_ratio"], summary["padded_flop_ratio"]
    if max(memory, work) < 1.005:
        return "none to save: the members of every family have one shape"
    return (
        f"to the largest shapes would take {bytes_text(summary['padded_bytes'])} ({_times(memory)}) "
        f"and {si(summary['padded_flop'], 'FLOP')} ({_times(work)})"
    )


def _times(ratio: float) -> str:
    return f"{digits(ratio)}x"


def _choice(data: dict[str, Any], name: str) -> str | None:
    """`xla: nothing else runs here; computes 14.1 GFLOP (1.15x)`."""
    if name not in data:
        return None
    text: str = data[name]["name"]
    if data[name]["why"]:
        text += f": {data[name]['why']}"
    summary = data["summary"]
    if name == "kernel" and summary.get("computed_flop_ratio", 1.0) > 1.0:
        text += f"; computes {si(summary['computed_flop'], 'FLOP')}"
        text += f" ({_times(summary['computed_flop_ratio'])})"
    return text


def _passes(passes: list[dict[str, Any]]) -> str:
    """Those that changed how many nodes the graph has: `merge 200 to 3 nodes, dead_code 3 to 2 nodes`."""
    changed = [p for p in passes if p["before"] != p["after"]]
    return ", ".join(f"{p['name']} {p['before']:,} to {p['after']:,} nodes" for p in changed)


# ---------------------------------------------------------------- tables


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]], sides: str) -> list[str]:
    """Aligned columns two blanks apart.

    `sides` has a letter for each column: `r` for numbers, `l` for text, and `s` for the one text
    that is shortened where the table is wider than `WIDTH`.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    long = sides.index("s")
    spare = WIDTH - 2 * len(widths) - sum(widths)
    widths[long] = min(widths[long], max(16, widths[long] + spare))
    return ["  ".join(["", *_cells(row, widths, sides)]).rstrip() for row in (header, *rows)]


def _cells(row: tuple[str, ...], widths: list[int], sides: str) -> list[str]:
    cells = []
    for cell, width, side in zip(row, widths, sides, strict=True):
        short = cell if len(cell) <= width else cell[: width - 3] + "..."
        cells.append(short.rjust(width) if side == "r" else short.ljust(width))
    return cells


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."


def _more(total: int, shown: int, what: str) -> list[str]:
    """`  ... and 20 more stages`."""
    return [f"  ... and {total - shown:,} more {what}"] if total > shown else []


def _stages(data: dict[str, Any]) -> list[str]:
    stages = data["stages"]
    rows = [
        (
            str(stage["stage"]),
            f"{stage['name']} = {stage['operation']}",
            f"{stage['tasks']:,}",
            _shape(stage),
            si(stage["flop"], "").strip(),
            percent(stage["flop"], data["summary"]["flop"]),
            _share(stage["time_share"]),
            bytes_text(stage["scratch_bytes"]) if stage["scratch_bytes"] else "-",
        )
        for stage in stages[:MOST_STAGES]
    ]
    header = ("stage", "operation", "tasks", "m x k x n", "FLOP", "share", "time", "scratch")
    return _table(header, rows, "rsrlrrrr") + _more(len(stages), len(rows), "stages") if rows else []


def _time(data: dict[str, Any]) -> str:
    time = data["time"]
    if time["call_s"] is None:
        return "" if not _code(data) else "shares are estimates; --measure runs the program and takes them"
    text = f"{seconds_text(time['call_s'])} a call"
    if not time["measured"]:
        return f"{text}; this kernel cannot tell its stages apart"
    return f"{text}, {seconds_text(time['busy_s'])} of all threads together in the stages"


def _share(share: float | None) -> str:
    return "-" if share is None else percent(share, 1.0)


def _code(data: dict[str, Any]) -> list[str]:
    """Which code runs each stage, and how its tasks are spread; nothing where a kernel does not say."""
    lines = [(stage, code) for stage in data["stages"] for code in stage["code"]]
    rows = [
        (
            str(stage["stage"]),
            f"{code['arithmetic']} {CODE.get(code['kind'], code['kind'])}".strip(),
            ", ".join(word.replace("-", " ") for word in stage["spread"]),
            f"{code['tasks']:,}",
            _share(code["time_share"]),
        )
        for stage, code in lines[:MOST_STAGES]
    ]
    header = ("stage", "code", "spread", "tasks", "time")
    return _table(header, rows, "rslrr") + _more(len(lines), len(rows), "lines of code") if rows else []


def _shape(stage: dict[str, Any]) -> str:
    """`64..2048 x 27 x 64`; m x n where there is no product."""
    sides = [stage[side] for side in ("m", "k", "n") if stage[side] is not None]
    return " x ".join(range_text(*side) for side in sides)


def _classes(data: dict[str, Any]) -> list[str]:
    """The shape classes with the most work, of all stages; nothing where each task runs by itself."""
    classes = [(stage["stage"], c) for stage in data["stages"] for c in stage["classes"]]
    classes = [(stage, c) for stage, c in classes if c["form"] != "member"]
    classes.sort(key=lambda pair: -pair[1]["padded_flop"])
    rows = [
        (
            str(stage),
            c["form"],
            f"{c['tasks']:,}",
            " x ".join(str(size) for size in ((c["m"], c["k"], c["n"]) if c["k"] else (c["m"], c["n"]))),
            si(c["flop"], "").strip(),
            si(c["padded_flop"], "").strip(),
            _times(c["ratio"]),
        )
        for stage, c in classes[:MOST_CLASSES]
    ]
    header = ("stage", "shape class", "tasks", "m x k x n", "FLOP", "computed", "ratio")
    return _table(header, rows, "rsrlrrr") + _more(len(classes), len(rows), "shape classes") if rows else []


def _orders(data: dict[str, Any]) -> list[str]:
    rows: list[tuple[str, ...]] = []
    for chain in data["chains"]:
        for order in chain["orders"][:MOST_ORDERS]:
            share = f"{order['members']:,} of {count_text(chain['members'], 'member')}"
            rows.append((_short(chain["name"]), order["order"], share))
    hidden = sum(max(0, len(chain["orders"]) - MOST_ORDERS) for chain in data["chains"])
    shown = rows[:MOST_STAGES]
    table = _table(("chain", "order", "members"), shown, "lsr") if rows else []
    return table + _more(len(rows) + hidden, len(shown), "orders")
