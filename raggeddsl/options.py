"""The options of a compilation: one frozen dataclass, passed explicitly from the API downwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from raggeddsl.tuning import DEFAULT, Tuning

Target = Literal["auto", "fused", "dispatch"]
KernelName = Literal["auto", "native", "mkl", "xla", "reference"]


@dataclass(frozen=True)
class Options:
    """How to read, check and compile a spec.

    `dims` overrides sizes declared by `dim` (whole numbers); `folder` is where `table()` paths
    start (None: no tables can be read unless `tables_anywhere`, which also lifts the rule that a
    table may not leave the folder); `max_operations` bounds what `def` and `iterate` expand to;
    `x64` says whether f64 and c128 may be used (None: ask jax when a program is compiled,
    accept when it is only checked); `memory_limit` in bytes is what the plan may need at its
    peak (None: the memory of this machine); `tuning` holds the thresholds between ways to compute
    the same, for tests and measurements.
    """

    dims: Mapping[str, int] = field(default_factory=dict)
    folder: Path | None = None
    tables_anywhere: bool = False
    max_operations: int = 1_000_000
    x64: bool | None = None
    memory_limit: int | None = None
    target: Target = "auto"
    kernel: KernelName = "auto"
    tuning: Tuning = DEFAULT
