"""`raggeddsl fmt`: specs in, the same specs in the one layout out: on stdout, as a diff, or in place."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path

from raggeddsl.cli.parser import EXIT_FINDINGS, EXIT_FINE, WrongUsage
from raggeddsl.cli.write import write_text

EXAMPLE = """\
examples:
  raggeddsl fmt -w model.rmm
  raggeddsl fmt --check --diff *.rmm

Without -w, --check or --diff the formatted text goes to stdout.  A spec with syntax errors is left alone.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="a .rmm spec, or - for standard input")
    parser.add_argument("--check", action="store_true", help="name the files that would change (exit code 1)")
    parser.add_argument("--diff", action="store_true", help="print what would change")
    parser.add_argument("-w", "--write", action="store_true", help="write the files in place")
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    if args.write and (args.check or args.diff):
        raise WrongUsage("fmt -w writes; --check and --diff do not: choose one")
    if args.write and "-" in args.files:
        raise WrongUsage("fmt -w cannot write to standard input; leave -w out to format it to stdout")
    # All are formatted before any is written: one bad file leaves every file as it was.
    texts = [(file, *formatted(file)) for file in args.files]
    changed = [(file, before, after) for file, before, after in texts if before != after]
    if args.write:
        for file, _, after in changed:
            write_text(Path(file), after)
            print(f"formatted {file}")
        return EXIT_FINE
    if not (args.check or args.diff):
        sys.stdout.write("".join(after for _, _, after in texts))
        return EXIT_FINE
    for file, before, after in changed:
        if args.diff:
            sys.stdout.writelines(difference(file, before, after))
        if args.check:
            print(f"would format {file}")
    return EXIT_FINDINGS if changed and args.check else EXIT_FINE


def formatted(file: str) -> tuple[str, str]:
    """The text of a spec as it is and as it should be; its kind of line ending is kept.

    Raises `RmmError` if it cannot be read or has syntax errors.
    """
    import raggeddsl as rd
    from raggeddsl.language.read import read_source

    source = read_source(file)
    after = rd.format(source.text, name=source.name)
    first = source.text.find("\n")
    if source.text[max(first - 1, 0) : first + 1] == "\r\n":
        after = after.replace("\r\n", "\n").replace("\n", "\r\n")
    return source.text, after


def difference(file: str, before: str, after: str) -> Iterator[str]:
    """The lines of a unified diff; line endings are not part of what is compared."""
    pairs = before.splitlines(), after.splitlines()
    for line in difflib.unified_diff(*pairs, fromfile=file, tofile=f"{file} (formatted)", lineterm=""):
        yield line + "\n"
