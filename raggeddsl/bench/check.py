"""Whether a way is right: its results in, the largest error against the float64 reference out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from raggeddsl.bench.workload import SEED, Workload

SAMPLE = 5000
"""Workloads of more members are checked on this many: the largest ones and random others."""

EPS = 2.0**-23


@dataclass(frozen=True, eq=False)
class Reference:
    """The right results f64[m, n] of the members `members`, and what error is allowed."""

    members: list[int]
    values: list[np.ndarray]
    tolerance: float


def reference(workload: Workload, inputs: Mapping[str, Any]) -> Reference:
    """Natural code in float64, member by member.

    The tolerance, 64·eps a level of products, is about ten times what f32 products sum up to.
    """
    members = _chosen(workload)
    wide: dict[str, Any] = {name: inputs[name].astype(np.float64) for name in workload.shared}
    for name in workload.families:
        value = inputs[name]
        taken = value if workload.member is None else [value[i] for i in members]
        wide[name] = [member.astype(np.float64) for member in taken]
    return Reference(members, workload.natural(wide), 64 * EPS * len(workload.levels))


def error(
    results: list[np.ndarray], right: Reference, workload: Workload, members: int | None = None
) -> float:
    """The largest ‖C - R‖ / ‖R‖ (Frobenius) over the checked members; infinite where shapes differ.

    With `members`, results are only those of the first so many.
    """
    count = workload.members if members is None else members
    if len(results) != count:
        return float("inf")
    pairs = zip(right.members, right.values, strict=True)
    return max((distance(results[i], value) for i, value in pairs if i < count), default=0.0)


def distance(result: np.ndarray, value: np.ndarray) -> float:
    """‖C - R‖ / ‖R‖ in the Frobenius norm; infinite where shapes differ or something is not finite."""
    if result.shape != value.shape:
        return float("inf")
    apart = float(np.linalg.norm(result.astype(np.float64) - value))
    if apart == 0.0:
        return 0.0
    size = float(np.linalg.norm(value))
    return apart / size if size > 0 and np.isfinite(apart) else float("inf")


def _chosen(workload: Workload) -> list[int]:
    count = workload.members
    if count <= SAMPLE or workload.member is None:
        return list(range(count))
    heaviest = np.argsort(-workload.results.prod(axis=1), kind="stable")[: SAMPLE // 10]
    others = np.random.default_rng(SEED).choice(count, SAMPLE - len(heaviest), replace=False)
    return np.unique(np.concatenate([heaviest, others])).tolist()
