"""What a kernel says of its code and what was measured in; where the time goes, added to an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raggeddsl.kernels.kernel import Lowering, StageTime


def add_times(
    data: dict[str, Any], lowered: Lowering | None, call_s: float | None, times: Sequence[StageTime]
) -> None:
    """Add `time`, and to each of `stages` its code and shares; see `Explanation.to_dict`."""
    took = {(stage_time.stage, stage_time.kind): stage_time for stage_time in times}
    by_stage: dict[int, list[StageTime]] = {}
    for stage_time in times:
        by_stage.setdefault(stage_time.stage, []).append(stage_time)
    busy = sum(stage_time.busy_s for stage_time in times)
    reports = {} if lowered is None else {report.stage: report for report in lowered.stages}
    cost = sum(code.cost for report in reports.values() for code in report.code)
    data["time"] = {"measured": bool(times), "call_s": call_s, "busy_s": busy if times else None}

    def share(stage_time: StageTime | None, estimate: float) -> float | None:
        if times:
            return _part(stage_time.busy_s if stage_time else 0.0, busy)
        return _part(estimate, cost)

    for stage in data["stages"]:
        number, report = stage["stage"], reports.get(stage["stage"])
        stage_times = by_stage.get(number, [])
        stage["code"] = [
            {
                "kind": code.kind,
                "arithmetic": code.arithmetic,
                "tasks": code.tasks,
                "time_share": share(took.get((number, code.kind)), code.cost),
                "busy_s": took[number, code.kind].busy_s if (number, code.kind) in took else None,
            }
            for code in (report.code if report else ())
        ]
        shares = [code["time_share"] for code in stage["code"] if code["time_share"] is not None]
        stage["time_share"] = sum(shares) if shares else None
        stage["busy_s"] = sum(stage_time.busy_s for stage_time in stage_times) if stage_times else None
        stage["span_s"] = (
            max(stage_time.last_s for stage_time in stage_times)
            - min(stage_time.first_s for stage_time in stage_times)
            if stage_times
            else None
        )
        stage["spread"] = list(report.spread) if report else []


def _part(part: float, whole: float) -> float | None:
    return part / whole if whole else None
