"""A random program in, everything that is wrong with it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import jax
import numpy as np

import raggeddsl as rd
from raggeddsl.dtypes import DTYPES
from raggeddsl.native.library import register
from raggeddsl.tuning import DEFAULT, Tuning
from tests.real_size.derivatives import check_derivatives
from tests.real_size.finding import Finding
from tests.real_size.results import check_bits, check_values, compiled
from tests.real_size.spec import Spec
from tests.tunings import tuning_of

MOST_SHAPES = 12
"""A dispatched program compiles an executable for each exact shape; more would take too long."""


@dataclass(frozen=True)
class Checks:
    """What gives values (kernels and `dispatch`), which kernels derivatives, whether bits are compared, and
    the thresholds of all that."""

    values: tuple[str, ...]
    derivatives: tuple[str, ...]
    bits: bool
    tuning: Tuning = DEFAULT

    def without(self, found: Finding) -> Checks:
        """Only the check that gave `found`, for a program that is being made smaller."""
        values = tuple(way for way in self.values if found.check == f"values by {way}")
        derivatives = tuple(way for way in self.derivatives if found.check.endswith(f"wards by {way}"))
        alone = Checks(values, derivatives, found.check == "bits", self.tuning)
        return alone if values or derivatives or alone.bits else self


def drawn(seed: int, kernels: tuple[str, ...] | None = None) -> Checks:
    """The native kernel always; now and then the others, whose programs XLA compiles for a second each."""
    rng = np.random.default_rng([seed, 1])
    native = ("native",) if register() is None else ()
    if kernels is not None:
        compiling = tuple(way for way in kernels if way in ("native", "xla"))
        return Checks(kernels, compiling, "native" in kernels and bool(native))
    shares = {"reference": 0.3, "xla": 0.2, "dispatch": 0.2}
    values = native + tuple(way for way, share in shares.items() if rng.random() < share) or ("xla",)
    derivatives = native if rng.random() < 0.5 else ()
    if rng.random() < 0.06 or not native:
        derivatives += ("xla",)
    bits = bool(native) and rng.random() < 0.5
    return Checks(values, derivatives, bits, tuning_of(seed) if rng.random() < 0.3 else DEFAULT)


def check(spec: Spec, checks: Checks, seed: int) -> list[Finding]:
    """All findings; an error that is raised is one."""
    text = spec.render()
    found = _tried("check", lambda: list(check_valid(text)))
    if found:
        return found
    with jax.enable_x64(wide(text)):
        if checks.values:
            found += _tried("values", lambda: list(check_values(text, checks.values, seed, checks.tuning)))
        if checks.bits:
            found += _tried("bits", lambda: list(check_bits(text, seed, checks.tuning)))
    if checks.derivatives:
        with jax.enable_x64(True):
            ways, tuning = checks.derivatives, checks.tuning
            found += _tried("derivatives", lambda: list(check_derivatives(spec, ways, seed, tuning)))
    return found


def check_valid(text: str) -> Iterator[Finding]:
    """What `rd.check` calls an error, which is a fault of the generator's or of the check's."""
    for one in rd.check(text):
        if one.severity == "error":
            yield Finding("check", f"{one.code}: {one.message}")


def wide(text: str) -> bool:
    """Whether a spec has types that need x64."""
    return any(f": {name}[" in text for name, dtype in DTYPES.items() if dtype.needs_x64)


def fitted(checks: Checks, spec: Spec) -> Checks:
    """`checks` without `dispatch`, where the program has too many shapes for it."""
    if "dispatch" not in checks.values or _few_shapes(spec.render()):
        return checks
    return replace(checks, values=tuple(way for way in checks.values if way != "dispatch"))


def _few_shapes(text: str) -> bool:
    """Also true of what cannot be planned, so that the check itself says so."""
    try:
        with jax.enable_x64(wide(text)):
            return compiled(text, "dispatch").plan.cost.distinct_shapes <= MOST_SHAPES
    except Exception:
        return True


def _tried(what: str, run: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return run()
    except Exception as error:
        return [Finding(f"{what}: {type(error).__name__}", str(error)[:2000])]
