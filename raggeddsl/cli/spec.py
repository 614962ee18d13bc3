"""The words that say which spec is meant and how it is read (`FILE`, `-D`, …) in, a compiled program out."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from raggeddsl.cli.report import report

if TYPE_CHECKING:
    from raggeddsl import Program


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
        choices=("auto", "fused", "dispatch"),
        default="auto",
        help="one jitted program, or one executable a shape (default: auto)",
    )
    group.add_argument(
        "--kernel",
        choices=("auto", "native", "mkl", "xla", "reference"),
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
