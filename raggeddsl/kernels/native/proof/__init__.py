"""A plan and its native schedule in; nothing out, or a `ScheduleFault` that names the tasks at fault.

Shares nothing with the scheduler but the formats of the table and of the plan.  What is shown:

- every job and phase is a run of the table, and every address lies inside its buffer, aligned;
- each thing that is written is stored before anything is added to it, by one job at a time, and
  whatever is read is complete: in an earlier phase, or earlier in the same job (`versions`, `order`);
- things that share bytes of scratch are never alive together (`overlap`);
- partial sums are carried to where they belong, each once, and halves of symmetric products are
  copied only where the whole is symmetric (`versions`, `symmetric`);
- of each member every element is written, once (`order`);
- what is added to each block is what the plan says, term by term (`terms`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raggeddsl.diagnostics.units import count_text
from raggeddsl.kernels.native.proof.homes import find_homes
from raggeddsl.kernels.native.proof.order import check_members, check_reads
from raggeddsl.kernels.native.proof.overlap import check_overlaps
from raggeddsl.kernels.native.proof.symmetric import check_mirrors
from raggeddsl.kernels.native.proof.table import check_bounds, timeline
from raggeddsl.kernels.native.proof.terms import check_terms
from raggeddsl.kernels.native.proof.versions import find_versions
from raggeddsl.plan.plan import Plan
from raggeddsl.proof import check_plan

if TYPE_CHECKING:
    from raggeddsl.kernels.native.schedule import NativeSchedule


def prove(plan: Plan, schedule: NativeSchedule) -> str:
    """Raise `ScheduleFault` unless `schedule` computes what `plan` says, whatever workers do when.

    Tells in a few words what was shown.
    """
    check_plan(plan)
    time = timeline(schedule)
    check_bounds(plan, schedule)
    homes = find_homes(plan, schedule)
    versions = find_versions(schedule, time, homes)
    shapes = check_members(schedule, homes, versions)
    shown = f"{count_text(len(schedule.tasks), 'task')} in {count_text(len(schedule.phases) - 1, 'phase')}"
    if not len(schedule.tasks):
        return shown
    check_mirrors(plan, schedule, homes, versions, shapes)
    reads = check_reads(plan, schedule, time, homes, versions)
    check_overlaps(schedule, time, homes, versions, reads)
    check_terms(plan, schedule, homes, versions, shapes)
    return shown
