"""Command-line words in, an exit code out: chooses the subcommand and answers whatever it raises."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from raggeddsl.cli import streams
from raggeddsl.cli.parser import (
    EXIT_FINDINGS,
    EXIT_INTERNAL,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    Parser,
    WrongUsage,
    add_report_options,
    did_you_mean,
)

COMMANDS = {
    "check": "find every error of a spec, without compiling it",
    "compile": "compile a spec, say what it will do, write its stages",
    "run": "compile a spec and run it on arrays from a file or on random ones",
    "explain": "say what a spec will do, or what a diagnostic code means",
    "graph": "draw the product graph of a spec",
    "fmt": "format specs",
    "init": "write a first spec for the matrices of a file",
    "bench": "time workloads against what else could be used",
}

REPORT_TO = "the issue tracker of the project"


def main(words: Sequence[str] | None = None) -> int:
    """Run `raggeddsl words…` and return its exit code.

    0: fine; 1: findings (an error in a spec, in its data, or a result that does not agree);
    2: wrong usage; 3: an internal error; 130: interrupted; 141: whoever read the output left.
    """
    words = list(sys.argv[1:] if words is None else words)
    args = argparse.Namespace(color="auto", diagnostic_format="human")
    streams.prepare()
    try:
        code = dispatch(words, args)
        sys.stdout.flush()
    except SystemExit as leave:  # argparse has printed already
        code = leave.code if isinstance(leave.code, int) else EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except OSError as error:
        code = streams.failed(error) or answer(error, args)
    except WrongUsage as refusal:
        print(f"raggeddsl: {refusal}", file=sys.stderr)
        code = EXIT_USAGE
    except Exception as error:
        code = answer(error, args)
    return code


def dispatch(words: list[str], args: argparse.Namespace) -> int:
    """Parse the words into `args` with the parser of their subcommand, and run that."""
    name = words[0] if words else ""
    if name not in COMMANDS:
        return without_command(words)
    command = importlib.import_module(f"raggeddsl.cli.{name}")
    parser = Parser(prog=f"raggeddsl {name}", description=COMMANDS[name].capitalize() + ".")
    command.add(parser)
    add_report_options(parser)
    parser.parse_args(words[1:], args)
    return int(command.run(args))


def without_command(words: list[str]) -> int:
    """Answer `--help`, `--version`, no words at all, or a command that does not exist."""
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:{width}}  {what}" for name, what in COMMANDS.items())
    parser = Parser(
        prog="raggeddsl",
        description="Compile graphs of ragged matrix products, written as .rmm specs, to JAX programs.",
    )
    parser.usage = "raggeddsl COMMAND [options]"
    parser.epilog = (
        f"commands:\n{listing}\n\n`raggeddsl COMMAND --help` says more about one.\n\n"
        "exit codes:\n"
        "  0 fine · 1 findings · 2 wrong usage · 3 internal error · 130 interrupted"
    )
    parser.add_argument("--version", action="version", version=f"raggeddsl {version('raggeddsl')}")
    if not words:
        parser.print_help(sys.stderr)
    elif words[0].startswith("-"):
        parser.parse_args(words[:1])
        parser.error(f"a command comes first: one of {', '.join(COMMANDS)}")
    else:
        parser.error(f"there is no command `{words[0]}`{did_you_mean(words[0], COMMANDS)}")
    return EXIT_USAGE


def answer(error: Exception, args: argparse.Namespace) -> int:
    """Say on stderr what went wrong; findings are exit code 1, anything unforeseen is 3."""
    from raggeddsl.cli.report import report
    from raggeddsl.diagnostics.errors import RmmError

    if isinstance(error, RmmError):
        report(error.diagnostics, error.source, args)
        return EXIT_FINDINGS
    if os.environ.get("RAGGEDDSL_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if fault := fault_of_jax():
        print(f"raggeddsl: {fault}", file=sys.stderr)
        return EXIT_USAGE
    versions = ", ".join(f"{name} {version(name)}" for name in ("raggeddsl", "jax", "jaxlib", "numpy"))
    print(
        f"raggeddsl: internal error: {type(error).__name__}: {error}\n"
        f"  This is a fault of raggeddsl, not of your spec. Please report it to {REPORT_TO}, with\n"
        f"  the spec, the command and these versions:\n"
        f"  {versions}, Python {sys.version.split()[0]}, {platform_name()}\n"
        "  RAGGEDDSL_DEBUG=1 prints where it happened.",
        file=sys.stderr,
    )
    return EXIT_INTERNAL


def fault_of_jax() -> str | None:
    """Why jax, if it has been loaded, finds no device to run on."""
    if "jax" not in sys.modules:
        return None
    try:
        sys.modules["jax"].devices()
    except Exception as error:  # RuntimeError, or what the plugin of a platform raises
        chosen = os.environ.get("JAX_PLATFORMS")
        mend = f" (JAX_PLATFORMS is {chosen!r}: unset it to let jax choose)" if chosen else ""
        return f"jax finds no device to run on: {str(error) or type(error).__name__}{mend}"
    return None


def version(distribution: str) -> str:
    """The installed version of a distribution, without importing it."""
    from importlib import metadata

    try:
        return metadata.version(distribution)
    except Exception:  # whatever is wrong with an installation, the report of a fault must get out
        return "(not installed)"


def platform_name() -> str:
    import platform

    return platform.platform()
