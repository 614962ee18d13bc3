"""The options of a compilation: one frozen dataclass, passed explicitly from the API downwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, TypedDict

from raggeddsl.tuning import DEFAULT, Tuning

Target = Literal["auto", "fused", "dispatch"]
KernelName = Literal["auto", "native", "mkl", "xla", "reference"]


class ReadingOptions(TypedDict, total=False):
    """How a spec is read: the keywords of `check` and `check_file`; see `Options`."""

    dims: Mapping[str, int] | None
    folder: str | PathLike[str] | None
    tables_anywhere: bool
    max_operations: int


class CompileOptions(ReadingOptions, total=False):
    """How a spec is read and compiled: the keywords of `compile`, `compile_file` and `Builder.compile`."""

    target: Target
    kernel: KernelName
    memory_limit: int | None
    tuning: Tuning


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

    @classmethod
    def of(cls, keywords: Mapping[str, Any], known: Any, function: str) -> Self:
        """The options that a caller of `function` has given by keyword, `known` being its `TypedDict`.

        Raises `TypeError` for a keyword that is not known.
        """
        names = list(known.__annotations__)
        for keyword in keywords:
            if keyword not in names:
                raise TypeError(f"{function}() has no option `{keyword}`; there are {', '.join(names)}")
        folder = keywords.get("folder")
        plain = {"dims": dict(keywords.get("dims") or {}), "folder": None if folder is None else Path(folder)}
        return cls(**{**keywords, **plain})
