"""What a check has found to be wrong with a program."""

from __future__ import annotations

from dataclasses import dataclass

NEAR = 4.0
"""Results that are off by up to this many times what is allowed say something of the allowance."""


@dataclass(frozen=True)
class Finding:
    """`check` is what was checked, `detail` what came of it.

    `share` says how far off results are, as a share of what is allowed: real faults are off by
    orders of magnitude; below `NEAR` the bound may be what is wrong.
    """

    check: str
    detail: str
    share: float = float("inf")

    @property
    def near(self) -> bool:
        return self.share <= NEAR
