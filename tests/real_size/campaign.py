"""Random programs of real size, one after another, until the time is over or a number of them is done."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import numpy as np

from raggeddsl.caches import clear_caches
from tests.real_size.check import Checks, check, drawn, fitted
from tests.real_size.finding import Finding
from tests.real_size.generate import generate
from tests.real_size.shrink import shrink
from tests.real_size.spec import Spec

COMMAND = "python tests/real_size"
KERNELS = ("native", "xla", "reference", "dispatch")
_KEPT = 40
"""Programs after which compiled code is forgotten, so that memory stays what it is."""


@dataclass(frozen=True)
class Failure:
    """A program that something is wrong with."""

    seed: int
    findings: tuple[Finding, ...]
    spec: str
    kernels: tuple[str, ...] | None

    @property
    def near(self) -> bool:
        return all(finding.near for finding in self.findings)

    def __str__(self) -> str:
        said = "\n".join(f"{finding.check}: {finding.detail}" for finding in self.findings)
        asked = "".join(f" --kernel {kernel}" for kernel in self.kernels or ())
        return f"seed {self.seed}: {said}\n{self.spec}\n{COMMAND} --seed {self.seed} --programs 1{asked}\n"


@dataclass
class Report:
    """What a campaign has run and found."""

    first: int
    programs: int = 0
    features: Counter[str] = field(default_factory=Counter)
    checked: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    def __str__(self) -> str:
        near = [failure for failure in self.failures if failure.near]
        lines = [f"{self.programs} programs from seed {self.first} on"]
        lines += [_counted(counts) for counts in (self.checked, self.features)]
        lines.append(f"{len(self.failures) - len(near)} failures, {len(near)} just over the bound")
        return "\n".join(lines)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def campaign(
    seed: int,
    *,
    minutes: float = float("inf"),
    programs: int | None = None,
    kernels: tuple[str, ...] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Report:
    """Check the programs of `seed`, `seed + 1` …; `kernels` are those to check (None: drawn for each)."""
    end = time.monotonic() + 60 * minutes
    report = Report(seed)
    while (programs is None or report.programs < programs) and time.monotonic() < end:
        own = seed + report.programs
        spec = generate(own)
        checks = fitted(drawn(own, kernels), spec)
        findings = check(spec, checks, own)
        report.programs += 1
        report.features.update(spec.features)
        report.checked.update([f"values by {way}" for way in checks.values])
        report.checked.update([f"derivatives by {way}" for way in checks.derivatives])
        report.checked.update(["bits"] * checks.bits)
        if findings:
            failure = Failure(own, tuple(findings), _smaller(spec, checks, findings[0], own), kernels)
            report.failures.append(failure)
            say(str(failure))
        if report.programs % _KEPT == 0:
            clear_caches()
            jax.clear_caches()
    return report


def _smaller(spec: Spec, checks: Checks, finding: Finding, seed: int) -> str:
    """The text of a smaller spec that fails in the same way."""
    alone = checks.without(finding)

    def fails(candidate: Spec) -> bool:
        try:
            found = check(candidate, alone, seed)
        except Exception:
            return False
        return any(one.check == finding.check and one.near == finding.near for one in found)

    return shrink(spec, fails).render()


def main(arguments: list[str] | None = None) -> int:
    """The command: 1 if a program failed, 0 if none did."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--minutes", type=float, default=None, help="how long to go on (default: 10)")
    parser.add_argument("--programs", type=int, default=None, help="how many programs to run at most")
    parser.add_argument("--seed", type=int, default=None, help="the first program's (default: a new one)")
    parser.add_argument(
        "--kernel", action="append", choices=KERNELS, help="check only this one; may be said again"
    )
    given = parser.parse_args(arguments)
    unsaid = 10.0 if given.programs is None else float("inf")
    report = campaign(
        fresh_seed() if given.seed is None else given.seed,
        minutes=unsaid if given.minutes is None else given.minutes,
        programs=given.programs,
        kernels=None if given.kernel is None else tuple(given.kernel),
        say=lambda text: print(text, flush=True),  # noqa: T201
    )
    print(report)  # noqa: T201
    return int(any(not failure.near for failure in report.failures))


def fresh_seed() -> int:
    """A seed that no earlier run had."""
    return int(np.random.default_rng().integers(2**31))
