"""`raggeddsl explain`: a spec in, what its program will do out; or a diagnostic code in, its page out."""

from __future__ import annotations

import argparse
import json
import re

from raggeddsl.cli.parser import EXIT_FINE, WrongUsage, did_you_mean
from raggeddsl.cli.spec import add_backend, add_reading, compiled
from raggeddsl.cli.write import write_result

EXAMPLE = """\
examples:
  raggeddsl explain model.rmm
  raggeddsl explain --json model.rmm
  raggeddsl explain --measure model.rmm
  raggeddsl explain RMM301
"""

CODE = re.compile(r"RMM\d+", re.IGNORECASE)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE|CODE", help="a .rmm spec, - for standard input, or a code as RMM301"
    )
    parser.add_argument("--json", action="store_true", help="print the explanation as JSON")
    parser.add_argument(
        "--measure", action="store_true", help="run the program on random inputs and say where the time goes"
    )
    parser.add_argument("-o", dest="output", metavar="FILE", help="write to a file instead of stdout")
    add_reading(parser)
    add_backend(parser)
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    if CODE.fullmatch(args.file):
        write_result(args.output, page(args.file.upper()))
        return EXIT_FINE
    program = compiled(args)
    explanation = program.explain(program.random_inputs(0) if args.measure else None)
    write_result(args.output, json.dumps(explanation.to_dict(), indent=2) if args.json else str(explanation))
    return EXIT_FINE


def page(code: str) -> str:
    """The page of a diagnostic code; raises `WrongUsage` for a code that there is not."""
    from raggeddsl.diagnostics.codes import all_codes, explanation

    if code not in all_codes():
        near = did_you_mean(code, all_codes()) or f"; codes go from {all_codes()[0]} to {all_codes()[-1]}"
        raise WrongUsage(f"no diagnostic has the code {code}{near}")
    return explanation(code).page
