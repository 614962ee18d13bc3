"""`raggeddsl check`: specs in, every error and warning in them out; nothing is compiled, no jax imported."""

from __future__ import annotations

import argparse
import sys

from raggeddsl.cli.parser import EXIT_FINDINGS, EXIT_FINE
from raggeddsl.cli.report import report
from raggeddsl.cli.spec import add_reading, reading

EXAMPLE = """\
example:
  raggeddsl check model.rmm
  raggeddsl check --diagnostic-format json -D n=64 model.rmm layers/*.rmm

Findings in the formats short, json and github go to stdout, human ones to stderr.
Warnings alone do not make the exit code 1.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", metavar="FILE", nargs="+", help="a .rmm spec, or - for standard input")
    add_reading(parser)
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    import raggeddsl as rd

    human = args.diagnostic_format == "human"
    diagnostics: list[rd.Diagnostic] = []
    for file in args.files:
        findings = rd.check_file(file, **reading(args))
        diagnostics += findings
        if human and not findings:
            print(f"{file}: no errors")
    if diagnostics or args.diagnostic_format == "json":
        report(diagnostics, None, args, stream=sys.stderr if human else sys.stdout)
    return EXIT_FINDINGS if any(diagnostic.severity == "error" for diagnostic in diagnostics) else EXIT_FINE
