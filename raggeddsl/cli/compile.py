"""`raggeddsl compile`: a spec in, an explanation and the stages named by `--emit` out."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from raggeddsl.cli.parser import EXIT_FINE, WrongUsage, did_you_mean
from raggeddsl.cli.spec import add_backend, add_spec, compiled, stopped
from raggeddsl.cli.write import write_text
from raggeddsl.program import pipeline

if TYPE_CHECKING:
    from raggeddsl import Program

EXAMPLE = """\
examples:
  raggeddsl compile model.rmm
  raggeddsl compile model.rmm --emit plan,stablehlo -o stages
  raggeddsl compile model.rmm --emit graph -o -
  raggeddsl compile model.rmm --stop-after elaborate

What can be written: ast, graph, plan, jaxpr, stablehlo.
Stages, in order: parse, elaborate, normalise, plan, lower.
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
    parser.add_argument(
        "--stop-after",
        metavar="STAGE",
        choices=pipeline.STAGES,
        help=f"print what a stage gives and go no further: {', '.join(pipeline.STAGES)}",
    )
    add_backend(parser)
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    if args.stop_after is not None:
        return _stopped(args)
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


def _stopped(args: argparse.Namespace) -> int:
    """Print what the last stage gave that is to be run."""
    if args.emit or args.output != "-":
        raise WrongUsage("--stop-after prints what one stage gives: leave out --emit and -o")
    print(AFTER[args.stop_after](args).rstrip("\n"))
    return EXIT_FINE


def parsed_text(args: argparse.Namespace) -> str:
    from raggeddsl.language.dump import dump

    tree = stopped(args, "parse").tree
    assert tree is not None
    return dump(tree)


def elaborated_text(args: argparse.Namespace) -> str:
    from raggeddsl.graph import draw

    spec = stopped(args, "elaborate").spec
    assert spec is not None
    return draw.to_text(spec)


def normalised_text(args: argparse.Namespace) -> str:
    from raggeddsl.graph import draw

    graph = stopped(args, "normalise").graph
    assert graph is not None
    return draw.to_text(graph)


def planned_text(args: argparse.Namespace) -> str:
    from raggeddsl.explain import explain

    stages = stopped(args, "plan")
    assert stages.plan is not None
    return str(explain(stages.plan, None, facts={"timings": stages.timings, "passes": stages.passes}))


def lowered_text(args: argparse.Namespace) -> str:
    return str(compiled(args).explain())


AFTER: dict[str, Callable[[argparse.Namespace], str]] = {
    "parse": parsed_text,
    "elaborate": elaborated_text,
    "normalise": normalised_text,
    "plan": planned_text,
    "lower": lowered_text,
}


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

    return draw.to_text(program.plan.graph)


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
