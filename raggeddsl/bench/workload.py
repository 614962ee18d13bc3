"""What a benchmark times: `Workload`, shapes and rules in, a spec, inputs and the peers' forms out.

A workload says the same computation three times, once for each kind of way that does it: as a
spec (raggeddsl), as natural code over arrays (NumPy, JAX, torch), and as levels of independent
products (batched BLAS).  The first check of every run is that all three agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

Shapes = np.ndarray
"""An int64[N, 2] array: rows and columns of each member of a family."""

Member = Callable[[Mapping[str, Any]], Any]
"""Natural code for one member: arrays by name (f32[m, k] each) to the result's array."""

Whole = Callable[[Mapping[str, Any]], list[Any]]
"""Natural code for everything: lists of arrays by name to the list of results."""

SEED = 7


@dataclass(frozen=True, eq=False)
class Operand:
    """A factor of a level: row t reads member `members[t]` of `name` (None: member t)."""

    name: str
    members: np.ndarray | None = None
    transposed: bool = False


@dataclass(frozen=True, eq=False)
class Level:
    """Independent products: `out[target[t]] = alpha * a[t] @ b[t] + beta * out[target[t]]`.

    With `copy`, the family of that name is copied into `out` first.  No two rows have one target.
    """

    out: str
    a: Operand
    b: Operand
    target: np.ndarray | None = None
    alpha: float = 1.0
    beta: float = 0.0
    copy: str | None = None


@dataclass(frozen=True, eq=False)
class Workload:
    """One benchmark: its shapes, its spec and its computation in the forms that peers need.

    `tables` are the columns of the npz files that `spec` reads.  `families` are the ragged
    inputs, `shared` the single matrices, `results` the shapes of the result family `out`, and
    `between` the shapes of what only the levels need.  `member` is None where a result needs
    more than its own member of each family; then `whole` is given.
    """

    name: str
    spec: str
    tables: Mapping[str, Mapping[str, np.ndarray]]
    families: Mapping[str, Shapes]
    out: str
    results: Shapes
    levels: tuple[Level, ...]
    shared: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    between: Mapping[str, Shapes] = field(default_factory=dict)
    member: Member | None = None
    whole: Whole | None = None
    normalised: bool = False
    """Divide every input member by its Frobenius norm (what Newton-Schulz starts from)."""

    @cached_property
    def shapes(self) -> dict[str, Shapes]:
        """Every family that the levels name, single matrices as families of one."""
        single = {name: np.array([shape], np.int64) for name, shape in self.shared.items()}
        return {**self.families, **single, **self.between, self.out: self.results}

    def natural(self, inputs: Mapping[str, Any]) -> list[Any]:
        """All results by natural code: `inputs` holds lists of arrays, or single arrays for `shared`."""
        if self.member is None:
            assert self.whole is not None, f"{self.name} has neither member nor whole"
            return self.whole(inputs)
        names = list(self.families)
        alone = {name: inputs[name] for name in self.shared}
        rows = zip(*(inputs[name] for name in names), strict=True)
        return [self.member({**alone, **dict(zip(names, row, strict=True))}) for row in rows]

    def inputs(self) -> dict[str, Any]:
        """Standard normal f32 values from seed 7: lists of views of one flat array, single arrays."""
        rng = np.random.default_rng(SEED)
        inputs: dict[str, Any] = {}
        for name, shapes in self.families.items():
            flat = rng.standard_normal(int(shapes.prod(axis=1).sum()), dtype=np.float32)
            inputs[name] = unpack(flat, shapes)
        for name, shape in self.shared.items():
            inputs[name] = rng.standard_normal(shape, dtype=np.float32)
        if not self.normalised:
            return inputs
        for name in self.families:
            for member in inputs[name]:
                member /= max(float(np.linalg.norm(member)), 1e-30)
        return inputs

    @cached_property
    def triples(self) -> np.ndarray:
        """int64[T, 3]: (m, k, n) of every product of the levels."""
        return np.concatenate([self.level_triples(level) for level in self.levels])

    def level_triples(self, level: Level) -> np.ndarray:
        """int64[T, 3]: (m, k, n) of the products of one level."""
        a, b = self.presented(level.a), self.presented(level.b)
        return np.column_stack([a[:, 0], a[:, 1], b[:, 1]])

    def presented(self, operand: Operand) -> Shapes:
        """The shapes that `operand` has where it is used."""
        shapes = self.shapes[operand.name]
        taken = shapes if operand.members is None else shapes[operand.members]
        return taken[:, ::-1] if operand.transposed else taken

    @property
    def plain_product(self) -> tuple[str, str] | None:
        """The families A and B where the workload is `C[i] = A[i] @ B[i]` and nothing more."""
        match self.levels:
            case (Level(out, Operand(a, None, False), Operand(b, None, False), None, 1.0, 0.0, None),):
                return (a, b) if out == self.out and {a, b} <= set(self.families) else None
        return None

    @property
    def input_bytes(self) -> int:
        """Bytes of the inputs."""
        shapes = [*self.families.values(), np.array([*self.shared.values()], np.int64).reshape(-1, 2)]
        return 4 * int(sum(s.prod(axis=1).sum() for s in shapes))

    @property
    def result_bytes(self) -> int:
        """Bytes of the results."""
        return 4 * int(self.results.prod(axis=1).sum())

    @property
    def flop(self) -> float:
        """2·m·k·n summed over the products of the levels: what every way is credited with."""
        return float(2.0 * self.triples.astype(np.float64).prod(axis=1).sum())

    @property
    def bytes(self) -> int:
        """Inputs once and results once, in bytes: what no way can avoid moving."""
        return self.input_bytes + self.result_bytes

    @property
    def members(self) -> int:
        """Members of the result."""
        return len(self.results)

    @cached_property
    def distinct_shapes(self) -> int:
        """Distinct (m, k, n) among the products."""
        return len(np.unique(self.triples, axis=0))


def unpack(flat: np.ndarray, shapes: Shapes) -> list[np.ndarray]:
    """Views f32[m, k] of a flat packed array, one a member."""
    ends = np.cumsum(shapes.prod(axis=1))
    parts = np.split(flat, ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
