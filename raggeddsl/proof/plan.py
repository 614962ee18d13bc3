"""A plan in; nothing out, or a `ScheduleFault` if it breaks what schedulers rely on."""

from __future__ import annotations

from raggeddsl.plan.plan import Plan
from raggeddsl.plan.validate import validate
from raggeddsl.proof.fault import ScheduleFault


def check_plan(plan: Plan) -> None:
    """Raise `ScheduleFault` unless `plan` keeps its promises (`raggeddsl.plan.validate`)."""
    try:
        validate(plan)
    except AssertionError as error:
        raise ScheduleFault(f"the plan is wrong: {error}") from error
