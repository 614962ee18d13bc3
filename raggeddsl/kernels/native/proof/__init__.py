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


def prove(plan: Plan, made: NativeSchedule) -> str:
    """Raise `ScheduleFault` unless `made` computes what `plan` says, whatever workers do when.

    Tells in a few words what was shown.
    """
    check_plan(plan)
    time = timeline(made)
    check_bounds(plan, made)
    homes = find_homes(plan, made)
    versions = find_versions(made, time, homes)
    shapes = check_members(made, homes, versions)
    shown = f"{count_text(len(made.tasks), 'task')} in {count_text(len(made.phases) - 1, 'phase')}"
    if not len(made.tasks):
        return shown
    check_mirrors(plan, made, homes, versions, shapes)
    reads = check_reads(plan, made, time, homes, versions)
    check_overlaps(made, time, homes, versions, reads)
    check_terms(plan, made, homes, versions, shapes)
    return shown
