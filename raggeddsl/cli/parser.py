"""Command-line words in, an `argparse.Namespace` out; a misspelt word is answered with the nearest one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import NoReturn

from raggeddsl.diagnostics.suggest import suggest

EXIT_FINE = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 3
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it
EXIT_BROKEN_PIPE = 141  # 128 + SIGPIPE


class WrongUsage(Exception):
    """The command cannot be carried out as it was given; the message is for the user (exit code 2)."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean x?` for the nearest known word, or nothing; dashes in front make no likeness."""
    names = {name.lstrip("-"): name for name in known}
    near = suggest(word.lstrip("-"), names)
    return f"; did you mean `{names[near]}`?" if near else ""


class Parser(argparse.ArgumentParser):
    """`argparse.ArgumentParser` whose errors are short and name what was probably meant.

    Abbreviated options are refused, so that a new option never changes what an old script says.
    """

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def parse_args(self, words: Sequence[str] | None = None, namespace=None):  # type: ignore[no-untyped-def, override]
        args, unknown = self.parse_known_args(words, namespace)
        if unknown:
            first = unknown[0]
            options = (o for action in self._actions for o in action.option_strings)
            kind = "option" if first.startswith("-") else "argument"
            self.error(f"unknown {kind} `{first}`{did_you_mean(first.split('=')[0], options)}")
        return args

    def error(self, message: str) -> NoReturn:
        """Print one line and where to read more, and leave with exit code 2."""
        self.exit(EXIT_USAGE, f"{self.prog}: {message}\nTry `{self.prog} --help`.\n")


def add_report_options(parser: argparse.ArgumentParser) -> None:
    """`--color` and `--diagnostic-format`, which every command has."""
    group = parser.add_argument_group("what is printed")
    group.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour in diagnostics (auto: on a terminal, unless NO_COLOR is set)",
    )
    group.add_argument(
        "--diagnostic-format",
        choices=("human", "short", "json", "github"),
        default="human",
        help="how findings are written: for people, one a line, as JSON, as GitHub annotations",
    )
