"""Specs in; programs, trees, formatted text and diagnostics out: the functions behind `raggeddsl.…`.

`check`, `parse` and `format` never import jax.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics, RmmError
from raggeddsl.options import KernelName, Options, Target
from raggeddsl.tuning import DEFAULT, Tuning

if TYPE_CHECKING:
    from raggeddsl.language import ast
    from raggeddsl.program.program import Program


def compile(
    text: str,
    *,
    name: str = "<text>",
    dims: Mapping[str, int] | None = None,
    target: Target = "auto",
    kernel: KernelName = "auto",
    folder: str | PathLike[str] | None = None,
    tables_anywhere: bool = False,
    max_operations: int = 1_000_000,
    memory_limit: int | None = None,
    tuning: Tuning = DEFAULT,
    ahead: bool = True,
) -> Program:
    """Compile the source text of a spec.

    `name` is what errors call it.  `dims` overrides sizes declared by `dim`.  `target` is `auto`,
    `fused` (one program) or `dispatch` (one executable for each exact shape); `kernel` is `auto`,
    `native`, `mkl`, `xla` or `reference`.  `table()` paths start in `folder` and may not leave it unless
    `tables_anywhere`; without a folder no table can be read.  `max_operations` bounds what `def`
    and `iterate` expand to, `memory_limit` (bytes; default: this machine's memory) what a call may
    need.  `tuning` holds the thresholds between ways to compute the same, for tests and measurements.
    With `ahead`, XLA compiles now; without, when the program is first called.

    Raises `RmmError` with every fault found, `TypeError` for what is no text; warnings are in
    `program.diagnostics`.
    """
    _check_text(text, "compile")
    options = Options(
        dims=dict(dims or {}),
        folder=None if folder is None else Path(folder),
        tables_anywhere=tables_anywhere,
        max_operations=max_operations,
        memory_limit=memory_limit,
        target=target,
        kernel=kernel,
        tuning=tuning,
    )
    program = planned(text, name, options)
    return program.compile() if ahead else program


def compile_file(
    path: str | PathLike[str],
    *,
    dims: Mapping[str, int] | None = None,
    target: Target = "auto",
    kernel: KernelName = "auto",
    folder: str | PathLike[str] | None = None,
    tables_anywhere: bool = False,
    max_operations: int = 1_000_000,
    memory_limit: int | None = None,
    tuning: Tuning = DEFAULT,
    ahead: bool = True,
) -> Program:
    """Compile the spec in a file; as `compile`, but `table()` paths start in the file's own folder."""
    from raggeddsl.language.read import read_source

    source = read_source(path)
    return compile(
        source.text,
        name=source.name,
        dims=dims,
        target=target,
        kernel=kernel,
        folder=Path(path).parent if folder is None else folder,
        tables_anywhere=tables_anywhere,
        max_operations=max_operations,
        memory_limit=memory_limit,
        tuning=tuning,
        ahead=ahead,
    )


def check(
    text: str,
    *,
    name: str = "<text>",
    dims: Mapping[str, int] | None = None,
    folder: str | PathLike[str] | None = None,
    tables_anywhere: bool = False,
    max_operations: int = 1_000_000,
) -> list[Diagnostic]:
    """Every error and warning of a spec, by position; an empty list if there is nothing to say.

    Nothing is planned or compiled, and f64 is taken to be enabled.
    """
    from raggeddsl.elaborate import elaborate
    from raggeddsl.language.parse import parse as parse_text

    _check_text(text, "check")
    options = Options(
        dims=dict(dims or {}),
        folder=None if folder is None else Path(folder),
        tables_anywhere=tables_anywhere,
        max_operations=max_operations,
    )
    found = Diagnostics()
    try:
        elaborate(parse_text(text, name=name, diagnostics=found), options, found)
    except RmmError as error:
        found.found.extend(d for d in error.diagnostics if d not in found.found)
    return list(RmmError(found.found).diagnostics)


def check_file(
    path: str | PathLike[str],
    *,
    dims: Mapping[str, int] | None = None,
    folder: str | PathLike[str] | None = None,
    tables_anywhere: bool = False,
    max_operations: int = 1_000_000,
) -> list[Diagnostic]:
    """`check` for a spec in a file; that it cannot be read is a finding too."""
    from raggeddsl.language.read import read_source

    try:
        source = read_source(path)
    except RmmError as error:
        return list(error.diagnostics)
    return check(
        source.text,
        name=source.name,
        dims=dims,
        folder=Path(path).parent if folder is None else folder,
        tables_anywhere=tables_anywhere,
        max_operations=max_operations,
    )


def parse(text: str, *, name: str = "<text>") -> ast.Program:
    """The syntax tree of a spec; raises `RmmError` with every syntax error."""
    from raggeddsl.language.parse import parse as parse_text

    _check_text(text, "parse")
    return parse_text(text, name=name)


def format(text: str, *, name: str = "<text>") -> str:
    """The spec in the one form that the formatter gives, comments kept; raises `RmmError`."""
    from raggeddsl.language.format import format as format_text

    _check_text(text, "format")
    return format_text(text, name=name)


def _check_text(text: object, function: str) -> None:
    """`TypeError` for what is not the text of a spec."""
    if isinstance(text, str):
        path = text.strip()
        if path.endswith(".rmm") and "\n" not in path and "#" not in path:
            mend = _FOR_PATHS.get(function, "read the file")
            raise TypeError(f"`{function}` takes the text of a spec, not the path {path!r}; {mend}")
        return
    if isinstance(text, bytes | bytearray):
        mend = "decode it: `text.decode()`"
    elif isinstance(text, PathLike):
        mend = _FOR_PATHS.get(function, "read it: `path.read_text()`")
    else:
        mend = f'as in `{function}("input A : f32[2, 3] ...")`'
        mend += f"; {_FOR_PATHS[function]}" if function in _FOR_PATHS else ""
    raise TypeError(
        f"`{function}` takes the text of a spec, not a value of type `{type(text).__name__}`; {mend}"
    )


_FOR_PATHS = {"compile": "a path goes to `compile_file`", "check": "a path goes to `check_file`"}


def planned(text: str, name: str, options: Options) -> Program:
    """The program of a text, not compiled by XLA yet; whether x64 is on is asked anew."""
    from raggeddsl.configuration import x64_enabled
    from raggeddsl.elaborate import elaborate
    from raggeddsl.graph.passes import normalise
    from raggeddsl.language.parse import parse as parse_text
    from raggeddsl.plan import plan_graph
    from raggeddsl.program.program import Program

    options = replace(options, x64=x64_enabled())
    found = Diagnostics()
    timings: dict[str, float] = {}
    passes: list[tuple[str, int, int]] = []
    with _timed(timings, "parse"):
        tree = parse_text(text, name=name, diagnostics=found)
    with _timed(timings, "graph"):
        spec = elaborate(tree, options, found)
        found.raise_if_failed()
        graph = normalise(spec, options.tuning.graph, trace=passes)
    with _timed(timings, "plan"):
        plan = plan_graph(graph, options, found)
    return Program(plan, options, spec=spec, tree=tree, diagnostics=found, timings=timings, passes=passes)


@contextmanager
def _timed(timings: dict[str, float], part: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[part] = time.perf_counter() - start
