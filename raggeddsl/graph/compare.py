"""Results and a reference with bounds in, whether they agree out, and where they are furthest off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

Value: TypeAlias = "list[np.ndarray] | np.ndarray"
"""A family's members in order, or the array of a single matrix; a scalar is `f64[]`."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Results by name, and in the same form the largest |C - C_ref| to accept of each entry (f64)."""

    values: dict[str, Value]
    bounds: dict[str, Value]


@dataclass(frozen=True)
class Comparison:
    """How results compare with the reference.

    `error` is the largest of max |C - C_ref| / max |C_ref| over all members (the relative error in
    the maximum norm), `share` the largest |C - C_ref| of an entry as a share of what is allowed
    for that entry (agreed: at most 1); `name` and `member` say where
    that share is reached (member None for a single matrix), `members` how many were compared,
    `unproven` how many of them could be zeros for all that is allowed.
    """

    agreed: bool
    error: float
    share: float
    name: str
    member: int | None
    members: int
    unproven: int = 0

    @property
    def worst(self) -> str:
        """The worst member as it is written in a spec: `Y[3]` or `G`."""
        return self.name if self.member is None else f"{self.name}[{self.member}]"


def compare(results: Mapping[str, Any], reference: Reference) -> Comparison:
    """Hold `results` (lists, Ragged or arrays by name) against a `Reference` with bounds.

    NaN agrees with NaN and an infinity with the same one; a result that is missing or has another
    shape is an infinite error.
    """
    worst = Comparison(True, 0.0, 0.0, next(iter(reference.values), ""), None, 0)
    error, counted, unproven = 0.0, 0, 0
    for name, wanted in reference.values.items():
        single = not isinstance(wanted, list)
        expected = wanted if isinstance(wanted, list) else [wanted]
        bound = reference.bounds[name]
        limits = bound if isinstance(bound, list) else [bound]
        got = _members(results, name, len(expected), single)
        for member, (want, allowed, have) in enumerate(zip(expected, limits, got, strict=True)):
            relative, share, hollow = _errors(have, want, allowed)
            error, counted, unproven = max(error, relative), counted + 1, unproven + hollow
            if share > worst.share:
                worst = Comparison(share <= 1.0, 0.0, share, name, None if single else member, 0)
    return Comparison(worst.agreed, error, worst.share, worst.name, worst.member, counted, unproven)


def _members(results: Mapping[str, Any], name: str, count: int, single: bool) -> Sequence[np.ndarray | None]:
    if name not in results:
        return [None] * count
    if single:
        return [np.asarray(results[name])]
    members = [np.asarray(member) for member in results[name]]
    return members if len(members) == count else [None] * count


def _errors(have: np.ndarray | None, want: np.ndarray, allowed: np.ndarray) -> tuple[float, float, bool]:
    """One member's relative error in the maximum norm, and its largest share of what is allowed.

    Third, whether zeros would be accepted in place of a member that is not zero.
    """
    if have is None or have.shape != want.shape:
        return np.inf, np.inf, False
    if want.size == 0:
        return 0.0, 0.0, False
    with np.errstate(all="ignore"):
        wide = have.astype(want.dtype)
        same = (wide == want) | (np.isnan(wide) & np.isnan(want))
        difference = np.where(same, 0.0, np.abs(wide - want))
        worst, largest = _largest(difference), _largest(np.where(np.isfinite(want), np.abs(want), 0.0))
        share = np.where(difference == 0, 0.0, difference / allowed)
        hollow = bool(want.any() and (np.abs(want) <= allowed).all())
    return worst / largest if worst and largest else worst, _largest(share), hollow


def _largest(x: np.ndarray) -> float:
    """The maximum, where a NaN (a number against none) is the worst there is."""
    return float(np.where(np.isnan(x), np.inf, x).max())
