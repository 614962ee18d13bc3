"""`raggeddsl compile`: a spec in, an explanation and the stages named by `--emit` out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from raggeddsl.cli.parser import EXIT_FINE, WrongUsage, did_you_mean
from raggeddsl.cli.spec import add_backend, add_spec, compiled
from raggeddsl.cli.write import write_text

if TYPE_CHECKING:
    from raggeddsl import Program

EXAMPLE = """\
examples:
  raggeddsl compile model.rmm
  raggeddsl compile model.rmm --emit plan,stablehlo -o stages
  raggeddsl compile model.rmm --emit graph -o -

Stages: ast, graph, plan, jaxpr, stablehlo.
"""


def add(parser: argparse.ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument(
        "--emit", metavar="STAGE,…", type=stages, default=(), help=f"what to write: {', '.join(STAGES)}"
    )
    parser.add_argument(
        "-o",
        dest="output",
        metavar="FOLDER",
        default="-",
        help="the folder to write to, made if it is not there; - for stdout (default)",
    )
    add_backend(parser)
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    if args.output != "-" and not args.emit:
        raise WrongUsage(f"-o names the folder of the stages: say which with --emit ({', '.join(STAGES)})")
    program = compiled(args, ahead=True)
    to_stdout = args.output == "-"
    # What is written to stdout may be piped on, so then the explanation stands aside.
    print(program.explain(), file=sys.stderr if to_stdout and args.emit else sys.stdout)
    texts = {stage: STAGES[stage][1](program) for stage in args.emit}
    if to_stdout:
        for text in texts.values():
            print(text.rstrip("\n"))
        return EXIT_FINE
    folder = Path(args.output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WrongUsage(f"cannot make the folder `{folder}`: {error.strerror}") from error
    for stage, text in texts.items():
        path = folder / STAGES[stage][0]
        write_text(path, text if text.endswith("\n") else text + "\n")
        print(f"wrote {path}")
    return EXIT_FINE


def stages(words: str) -> tuple[str, ...]:
    """`plan,stablehlo` as a tuple; raises `argparse.ArgumentTypeError` for what is no stage."""
    chosen = tuple(word.strip() for word in words.split(","))
    for word in chosen:
        if word == "artifact":
            raise argparse.ArgumentTypeError("`artifact` is not in this edition; use `stablehlo`")
        if word not in STAGES:
            near = did_you_mean(word, STAGES) or f"; there are {', '.join(STAGES)}"
            raise argparse.ArgumentTypeError(f"there is no stage `{word}`{near}")
    return chosen


def ast_text(program: Program) -> str:
    from raggeddsl.language.dump import dump

    assert program.ast is not None, "a program that was compiled from text has a tree"
    return dump(program.ast)


def graph_text(program: Program) -> str:
    from raggeddsl.graph import draw

    return draw.to_text(program.graph)


def plan_text(program: Program) -> str:
    return json.dumps(program.explain().to_dict(), indent=2)


def jaxpr_text(program: Program) -> str:
    return str(program.jaxpr())


def stablehlo_text(program: Program) -> str:
    return program.lower().as_text("stablehlo")


STAGES: dict[str, tuple[str, Callable[[Program], str]]] = {
    "ast": ("ast.txt", ast_text),
    "graph": ("graph.txt", graph_text),
    "plan": ("plan.json", plan_text),
    "jaxpr": ("jaxpr.txt", jaxpr_text),
    "stablehlo": ("program.stablehlo.mlir", stablehlo_text),
}
