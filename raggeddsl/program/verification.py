"""A program and inputs in, how one call of it compares with the float64 reference out: `verify`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, Any

import numpy as np

from raggeddsl.diagnostics.units import count_text, digits, percent
from raggeddsl.graph.compare import Comparison, Value, compare

if TYPE_CHECKING:
    from raggeddsl.program.program import Program

_NAMED = 3
"""How many members a line names."""

_WIDE = "after so many operations the bound is wider than the values; judge them by the largest error"


@dataclass(frozen=True)
class Verification:
    """How the results of one call compare with the float64 reference; `str` of it says so in words.

    `agreed` says whether every entry is within what rounding explains, and is the truth value of the
    whole.  `error`, `share` and `worst` are those of `raggeddsl.graph.compare.Comparison`: the largest
    error as a part of a member's largest entry, the largest share of what is allowed, and where that is.
    `members` were compared, `outputs[name]` of each output (None: a single matrix).  Of `unproven` of
    them zeros would have agreed as well; `not_finite` hold NaN or inf in the reference, `hollow` nothing
    else, and such entries are compared only as such.  `nan_inputs` and `inf_inputs` name members of the
    inputs.  `ran` says what computed the results, `schedule` what is proved of its schedule, if anything.
    """

    agreed: bool
    error: float
    share: float
    worst: str
    members: int
    unproven: int
    not_finite: int
    hollow: int
    outputs: Mapping[str, int | None]
    nan_inputs: tuple[str, ...]
    inf_inputs: tuple[str, ...]
    ran: str
    schedule: str = ""

    @property
    def proven(self) -> int:
        """How many members have been found to be right: of the others agreement says little."""
        return max(self.members - self.unproven - self.hollow, 0) if self.agreed else 0

    def __bool__(self) -> bool:
        return self.agreed

    def __str__(self) -> str:
        lines = [*self._difference(), *self._not_finite()]
        if self.schedule:
            lines.append(f"schedule: {self.schedule}")
        return "\n  ".join([self._headline(), f"compared {self._compared()}", *lines])

    def _headline(self) -> str:
        if not self.agreed:
            return (
                f"NOT verified: {self.worst} is off the float64 reference by {self._excess()}; "
                "please report it with the spec and the inputs"
            )
        if self.members == 0:
            return "nothing to verify: the outputs have no members"
        if self.unproven:
            return f"agrees, but proves nothing of {self._of(self.unproven)}: {_WIDE}"
        if self.hollow:
            return (
                f"agrees, but of {self._of(self.hollow)} only in what is NaN or inf: they hold nothing else"
            )
        if self.not_finite:
            return f"verified but for NaN and inf: {self._every()} with the float64 reference elsewhere"
        return f"verified: {self._every()} with the float64 reference"

    def _excess(self) -> str:
        return (
            "more than any rounding explains"
            if isinf(self.share)
            else f"{digits(self.share)} times what is allowed"
        )

    def _of(self, count: int) -> str:
        return f"{count:,} of {count_text(self.members, 'member')}"

    def _every(self) -> str:
        return "the only member agrees" if self.members == 1 else f"all {self.members:,} members agree"

    def _compared(self) -> str:
        shown = [
            name if n is None else f"{name} ({count_text(n, 'member')})" for name, n in self.outputs.items()
        ]
        more = f" and {len(shown) - _NAMED:,} more" if len(shown) > _NAMED else ""
        return f"{', '.join(shown[:_NAMED])}{more} {self.ran} with the spec in float64, member by member"

    def _difference(self) -> Iterator[str]:
        if self.agreed and self.members and self.error == 0:
            yield "no entry differs"
        elif self.agreed and self.members:
            at = f", at {self.worst}" if self.share else ""
            yield (
                f"largest error {self.error:.2g} of a member's largest entry; "
                f"at most {percent(self.share, 1)} of what rounding explains{at}"
            )
        if 0 < self.proven < self.members:
            verb = "is" if self.proven == 1 else "are"
            yield f"the other {count_text(self.proven, 'member')} {verb} verified"

    def _not_finite(self) -> Iterator[str]:
        for what, names in (("NaN", self.nan_inputs), ("inf", self.inf_inputs)):
            if names:
                more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
                yield f"inputs hold {what}: {', '.join(names[:_NAMED])}{more}"
        if self.not_finite:
            alike = "in both, and were" if self.agreed else "in the reference, and were"
            yield f"{self._of(self.not_finite)} hold NaN or inf {alike} only compared as such there"


def verify(
    program: Program, inputs: Mapping[str, Any], results: Mapping[str, Any] | None = None
) -> Verification:
    """Compare one call of `program` on `inputs` with its spec interpreted in float64 by NumPy.

    `results` are those of an earlier call on the same inputs; without them the program is called.  The
    reference is the spec as it was before any pass, member by member in float64, complex128 or int64,
    which takes much longer than the program.  What was compiled is proved besides (`Program.prove`).
    Raises what a call raises (RMM701 to RMM707), and `ScheduleFault`, an internal error, for a wrong one.

        print(rd.verify(program, inputs))
        assert rd.verify(program, inputs)
    """
    outputs = program(inputs) if results is None else results
    reference = program.reference(inputs)
    comparison: Comparison = compare(outputs, reference)
    finite = [np.isfinite(member) for value in reference.values.values() for member in _members(value)]
    return Verification(
        agreed=comparison.agreed,
        error=comparison.error,
        share=comparison.share,
        worst=comparison.worst,
        members=comparison.members,
        unproven=comparison.unproven,
        not_finite=sum(not whole.all() for whole in finite),
        hollow=sum(whole.size > 0 and not whole.any() for whole in finite),
        outputs={
            name: len(value) if isinstance(value, list) else None for name, value in reference.values.items()
        },
        nan_inputs=tuple(_holding(np.isnan, program, inputs)),
        inf_inputs=tuple(_holding(np.isinf, program, inputs)),
        ran=f"by {program.executable.ran}",
        schedule=_proved(program),
    )


def _members(value: Value) -> list[np.ndarray]:
    return value if isinstance(value, list) else [value]


def _holding(what: np.ufunc, program: Program, inputs: Mapping[str, Any]) -> Iterator[str]:
    """The members of the inputs, as a spec writes them, with an entry for which `what` holds."""
    from raggeddsl.packing.arrays import as_array, as_arrays
    from raggeddsl.ragged import Ragged

    for name, info in program.inputs.items():
        if not info.family:
            if what(np.asarray(as_array(inputs[name]))).any():
                yield name
            continue
        value = inputs[name]
        members = value.to_numpy() if isinstance(value, Ragged) else as_arrays(value)
        yield from (f"{name}[{k}]" for k, member in enumerate(members) if what(np.asarray(member)).any())


def _proved(program: Program) -> str:
    """What is proved of what was compiled, as `N tasks in P phases, proved`."""
    shown = program.prove()
    return f"{shown}, proved to compute what the plan says" if shown else ""
