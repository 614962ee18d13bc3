"""Specs in; programs, trees, formatted text and diagnostics out: the functions behind `raggeddsl.…`.

`check`, `parse` and `format` never import jax.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics, RmmError
from raggeddsl.options import CompileOptions, Options, ReadingOptions
from raggeddsl.program import pipeline

if TYPE_CHECKING:
    from raggeddsl.language import ast
    from raggeddsl.program.program import Program


def compile(
    text: str, *, name: str = "<text>", ahead: bool = True, **options: Unpack[CompileOptions]
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
    from raggeddsl.program.program import Program

    _check_text(text, "compile")
    program = Program.of(pipeline.compiled(text, name, Options.of(options, CompileOptions, "compile")))
    return program.compile() if ahead else program


def compile_file(
    path: str | PathLike[str], *, ahead: bool = True, **options: Unpack[CompileOptions]
) -> Program:
    """Compile the spec in a file; as `compile`, but `table()` paths start in the file's own folder."""
    from raggeddsl.language.read import read_source

    source = read_source(path)
    if options.get("folder") is None:
        options["folder"] = Path(path).parent
    return compile(source.text, name=source.name, ahead=ahead, **options)


def check(text: str, *, name: str = "<text>", **options: Unpack[ReadingOptions]) -> list[Diagnostic]:
    """Every error and warning of a spec, by position; an empty list if there is nothing to say.

    The options are those of `compile` about reading: `dims`, `folder`, `tables_anywhere`,
    `max_operations`.  Nothing is planned or compiled, and f64 is taken to be enabled.
    """
    _check_text(text, "check")
    reading, diagnostics = Options.of(options, ReadingOptions, "check"), Diagnostics()
    try:
        pipeline.run_stages(text, name, reading, "elaborate", diagnostics)
    except RmmError as error:
        diagnostics.found.extend(d for d in error.diagnostics if d not in diagnostics.found)
    return list(RmmError(diagnostics.found).diagnostics)


def check_file(path: str | PathLike[str], **options: Unpack[ReadingOptions]) -> list[Diagnostic]:
    """`check` for a spec in a file; that it cannot be read is a finding too."""
    from raggeddsl.language.read import read_source

    try:
        source = read_source(path)
    except RmmError as error:
        return list(error.diagnostics)
    if options.get("folder") is None:
        options["folder"] = Path(path).parent
    return check(source.text, name=source.name, **options)


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
