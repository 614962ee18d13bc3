"""A plan, how it was lowered and what else is known in; an `Explanation`, for people and machines, out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.explain.report import full_text, summary_text
from raggeddsl.explain.times import add_times
from raggeddsl.graph.describe import Words, describe
from raggeddsl.graph.nodes import Input, Join, Node, Product
from raggeddsl.plan.cost import count_distinct, itemsizes, moved_bytes
from raggeddsl.plan.plan import Op, Plan, Stage, TaskTable

if TYPE_CHECKING:
    from raggeddsl.kernels.kernel import Lowering, ShapeClass, StageTime

FACTS = ("kernel", "kernel_why", "target", "target_why", "xla_operations", "timings", "passes")


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a program does and costs.  `str()` is the text, `to_dict()` the same for machines.

    Every number of the text is in the dict, whose keys are stable.
    """

    data: dict[str, Any]

    def __str__(self) -> str:
        return full_text(self.data)

    def summary(self) -> str:
        """The first lines of the text: what it does, what that costs, and what runs it."""
        return summary_text(self.data)

    def to_dict(self) -> dict[str, Any]:
        """JSON-serialisable.  Bytes are plain bytes, times seconds, FLOP floating-point operations.

        `summary`: totals (`padded_flop`, `padded_bytes`: what padding to the largest shape of each
        stage would take; `computed_flop`: what the kernel computes; `workspace_bytes`: the
        kernel's own at most, beside the plan's peak; `kernel_scratch_bytes`: what intermediates take
        at most in a kernel that does not keep them level by level, as `scratch_bytes` has them).
        `outputs`: `name`, `members`, `dtype`.  `stages`: one each, with `m`, `k`, `n` as
        `[least, largest]` (`k` null without products) and the kernel's shape `classes`.  `chains`:
        for each definition that is a chain of products, how many members take which order.
        `kernel`, `target`, `xla_operations`, `timings`, `passes`, `notes`: present where known.

        `time`: `measured` (else all shares of time are estimates by the kernel's cost model, or null
        where it has none), `call_s` (the fastest of some calls) and `busy_s` (all threads together).
        Of each stage: `time_share`, `busy_s`, `span_s` (from its first task's begin to its last
        one's end), `spread` (how tasks are shared out) and `code`: for each kind of code its `kind`,
        `arithmetic`, `tasks`, `time_share` and `busy_s`.
        """
        return self.data


def explain(
    plan: Plan,
    lowered: Lowering | None,
    *,
    facts: Mapping[str, Any],
    call_s: float | None = None,
    times: Sequence[StageTime] = (),
) -> Explanation:
    """Explain `plan`; `lowered` adds the kernel's shape classes, `facts` what only a program knows.

    `call_s` and `times` are what was measured, if anything was.

    `facts` may have the keys of `FACTS`: names and reasons (str) of kernel and target,
    `xla_operations` (int), `timings` (name → seconds) and `passes` (name, nodes before, nodes
    after), as `normalise` traces them.
    """
    unknown = set(facts) - set(FACTS)
    assert not unknown, f"facts {sorted(unknown)} are not among {FACTS}"
    words = describe(plan.graph, {stage.node: number for number, stage in enumerate(plan.stages)})
    classes, sizes = _classes(lowered), itemsizes(plan.buffers)
    data: dict[str, Any] = {
        "summary": _summary(plan, lowered),
        "outputs": _outputs(plan),
        "stages": [_stage(plan, words, n, sizes, classes.get(n, [])) for n in range(len(plan.stages))],
        "chains": _chains(plan, words),
    }
    add_times(data, lowered, call_s, times)
    for name in ("kernel", "target"):
        if name in facts:
            data[name] = {"name": facts[name], "why": facts.get(f"{name}_why")}
    if lowered is not None:
        data.setdefault("kernel", {"name": lowered.kernel, "why": None})
        data["notes"] = list(lowered.notes)
    data |= {name: facts[name] for name in ("xla_operations", "timings") if name in facts}
    if "passes" in facts:
        data["passes"] = [{"name": n, "before": b, "after": a} for n, b, a in facts["passes"]]
    return Explanation(data)


def _summary(plan: Plan, lowered: Lowering | None) -> dict[str, Any]:
    cost = plan.cost
    moved = cost.bytes_read + cost.bytes_written
    summary = asdict(cost) | {
        "stages": len(plan.stages),
        "tasks": len(plan.tasks),
        "products": int(np.count_nonzero(plan.tasks.op == Op.PRODUCT)),
        "flop_per_byte": cost.flop / moved if moved else 0.0,
        "padded_flop_ratio": _ratio(cost.padded_flop, cost.flop),
        "padded_bytes_ratio": _ratio(cost.padded_bytes, cost.peak_bytes),
    }
    if lowered is not None and lowered.scratch_bytes is not None:
        summary["kernel_scratch_bytes"] = lowered.scratch_bytes
    if lowered is not None and lowered.stages:
        classes = [c for report in lowered.stages for c in report.classes]
        computed = float(sum(c.padded_flop for c in classes))
        summary["computed_flop"] = computed
        summary["computed_flop_ratio"] = _ratio(computed, float(sum(c.flop for c in classes)))
        summary["workspace_bytes"] = max(report.workspace_bytes for report in lowered.stages)
    return summary


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 1.0


def _outputs(plan: Plan) -> list[dict[str, Any]]:
    outputs = []
    for output in plan.results:
        type = plan.graph.type(output.operand.node)
        dtype = type.dtype
        if output.family:
            outputs.append({"name": output.names[0], "members": len(type), "dtype": dtype, "family": True})
        else:
            outputs += [
                {"name": name, "members": 1, "dtype": dtype, "family": False} for name in output.names
            ]
    return outputs


def _stage(
    plan: Plan, words: Words, number: int, sizes: np.ndarray, classes: list[dict[str, Any]]
) -> dict[str, Any]:
    stage = plan.stages[number]
    rows = plan.tasks.rows(stage.start, stage.stop)
    products = rows.op == Op.PRODUCT
    sized = products if products.any() else np.ones(len(rows), np.bool_)
    flop = float(np.sum(rows.flop))
    type = plan.graph.type(stage.node)
    read, written = moved_bytes(rows, sizes)
    scratch = plan.buffers[stage.buffer].kind == "scratch"
    return {
        "stage": number,
        "level": stage.level,
        "label": stage.label,
        "name": words.name(stage.node),
        "operation": words.operation(stage.node),
        "dtype": type.dtype,
        "precision": stage.arithmetic.precision,
        "accumulate": _accumulate(plan, stage),
        "members": len(type),
        "tasks": len(rows),
        "products": int(np.count_nonzero(products)),
        "m": _range(rows.m[sized]),
        "k": _range(rows.k[products]),
        "n": _range(rows.n[sized]),
        "distinct_shapes": _distinct(rows, sized),
        "flop": flop,
        "share": flop / plan.cost.flop if plan.cost.flop else 0.0,
        "bytes_read": read,
        "bytes_written": written,
        "scratch_bytes": int(np.sum(type.sizes)) * DTYPES[type.dtype].itemsize if scratch else 0,
        "classes": classes,
    }


def _accumulate(plan: Plan, stage: Stage) -> str | None:
    """The type that the stage's products sum in; None where it has none."""
    if not isinstance(plan.graph.op(stage.node), Product):
        return None
    return DTYPES[stage.kept].accumulate


def _range(sizes: np.ndarray) -> list[int] | None:
    return [int(np.min(sizes)), int(np.max(sizes))] if len(sizes) else None


def _distinct(rows: TaskTable, chosen: np.ndarray) -> int:
    return count_distinct(rows.m[chosen], rows.n[chosen], rows.k[chosen])


def _classes(lowered: Lowering | None) -> dict[int, list[dict[str, Any]]]:
    """Each stage's shape classes, those with the most work first."""
    classes: dict[int, list[dict[str, Any]]] = {}
    for report in () if lowered is None else lowered.stages:
        ordered = sorted(report.classes, key=lambda c: -c.padded_flop)
        classes.setdefault(report.stage, []).extend(map(_class, ordered))
    return classes


def _class(shape_class: ShapeClass) -> dict[str, Any]:
    return asdict(shape_class) | {"ratio": _ratio(shape_class.padded_flop, shape_class.flop)}


def _chains(plan: Plan, words: Words) -> list[dict[str, Any]]:
    """For each node that is a chain of products, its orders and how many members take each."""
    graph, chains = plan.graph, []
    parts = {part for key in graph for part in _parts(graph.op(key))}
    for key in graph.order():
        op = graph.op(key)
        if isinstance(op, Input) or key not in words.names or key in parts:
            continue
        pieces = _pieces(plan, key) if isinstance(op, Join) else [(key, len(op.type))]
        orders: dict[str, int] = {}
        for piece, members in pieces:
            if isinstance(graph.op(piece), Product):
                order = words.order(piece, op.origin.label)
                orders[order] = orders.get(order, 0) + members
        if not any("(" in order for order in orders):
            continue
        most_first = sorted(orders.items(), key=lambda pair: -pair[1])
        chains.append(
            {
                "name": words.name(key),
                "members": len(op.type),
                "orders": [{"order": order, "members": members} for order, members in most_first],
            }
        )
    return chains


def _parts(op: Node) -> tuple[int, ...]:
    return op.parts if isinstance(op, Join) else ()


def _pieces(plan: Plan, key: int) -> list[tuple[int, int]]:
    """(node, members) of the parts of a join, joins inside it taken apart."""
    op = plan.graph.op(key)
    assert isinstance(op, Join)
    pieces = []
    for part, members in zip(op.parts, op.places, strict=True):
        inner = isinstance(plan.graph.op(part), Join)
        pieces += _pieces(plan, part) if inner else [(part, len(members))]
    return pieces
