"""Planning: a product graph in normal form in, a `Plan` and its explanation out."""

from raggeddsl.plan.plan import Buffer, Cost, Op, Place, Plan, Stage, TaskTable
from raggeddsl.plan.planner import plan_graph
from raggeddsl.plan.validate import validate

__all__ = ["Buffer", "Cost", "Op", "Place", "Plan", "Stage", "TaskTable", "plan_graph", "validate"]
