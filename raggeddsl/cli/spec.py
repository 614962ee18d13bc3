"""The words that say which spec is meant and how it is read (`FILE`, `-D`, …) in, a compiled program out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from raggeddsl.cli.report import report
from raggeddsl.kernels.registry import KERNELS
from raggeddsl.options import CompileOptions, Options, Target

if TYPE_CHECKING:
    from raggeddsl import Program
    from raggeddsl.program.pipeline import Stages


def add_spec(parser: argparse.ArgumentParser) -> None:
    """One spec, and how to read it."""
    parser.add_argument("file", metavar="FILE", help="a .rmm spec, or - for standard input")
    add_reading(parser)


def add_reading(parser: argparse.ArgumentParser) -> None:
    """How specs are read."""
    group = parser.add_argument_group("how a spec is read")
    group.add_argument(
        "-D",
        dest="dims",
        metavar="NAME=SIZE",
        action="append",
        default=[],
        type=size,
        help="give a `dim` another size; may be repeated",
    )
    group.add_argument(
        "--tables-anywhere",
        action="store_true",
        help="let `table()` read files outside the spec's folder",
    )
    group.add_argument(
        "--max-operations",
        metavar="N",
        type=count,
        default=1_000_000,
        help="how many operations `def` and `iterate` may expand to (default: 1000000)",
    )


def add_backend(parser: argparse.ArgumentParser) -> None:
    """How a spec is compiled."""
    group = parser.add_argument_group("how it is compiled")
    group.add_argument(
        "--target",
        choices=get_args(Target),
        default="auto",
        help="one jitted program, or one executable a shape (default: auto)",
    )
    group.add_argument(
        "--kernel",
        choices=("auto", *KERNELS),
        default="auto",
        help="what computes the products (default: auto)",
    )


def reading(args: argparse.Namespace) -> dict[str, Any]:
    """The options of `add_reading` as keyword arguments of the API."""
    return {
        "dims": dict(args.dims),
        "tables_anywhere": args.tables_anywhere,
        "max_operations": args.max_operations,
    }


def compiled(args: argparse.Namespace, *, ahead: bool = False) -> Program:
    """Plan the spec that `args` names, with `ahead` compile it too; its warnings go to stderr.

    Raises `RmmError`.
    """
    import raggeddsl as rd

    how: dict[str, Any] = {
        "target": getattr(args, "target", "auto"),
        "kernel": getattr(args, "kernel", "auto"),
    }
    program = rd.compile_file(args.file, ahead=ahead, **reading(args), **how)
    report(program.diagnostics, None, args)
    return program


def stopped(args: argparse.Namespace, stage: str) -> Stages:
    """The stages of the spec that `args` names up to `stage`; warnings go to stderr.

    Raises `RmmError`.
    """
    from raggeddsl.language.read import read_source
    from raggeddsl.program import pipeline

    source = read_source(args.file)
    how = {**reading(args), "folder": Path(args.file).parent, "target": args.target, "kernel": args.kernel}
    stages = pipeline.run_stages(source.text, source.name, Options.of(how, CompileOptions, "compile"), stage)
    stages.diagnostics.raise_if_failed()
    report(stages.diagnostics.found, None, args)
    return stages


def size(word: str) -> tuple[str, int]:
    """`n=64` as a pair; raises `argparse.ArgumentTypeError`."""
    name, equals, value = word.partition("=")
    if not equals or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"`{word}` is not of the form NAME=SIZE, as in -D n=64")
    try:
        number = int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"the size in `{word}` is not a whole number") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"the size in `{word}` is negative; sizes are 0 or more")
    return name, number


def count(word: str) -> int:
    """A whole number of at least 1; raises `argparse.ArgumentTypeError`."""
    try:
        number = int(word)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"`{word}` is not a whole number of at least 1")
    return number
