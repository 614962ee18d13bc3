"""`raggeddsl graph`: a spec in, a picture of its product graph out, as text, DOT or Mermaid."""

from __future__ import annotations

import argparse
from typing import assert_never

from raggeddsl.cli.parser import EXIT_FINE
from raggeddsl.cli.spec import add_spec, compiled
from raggeddsl.cli.write import write_result

EXAMPLE = """\
examples:
  raggeddsl graph model.rmm
  raggeddsl graph --format dot model.rmm | dot -Tsvg -o model.svg
"""


def add(parser: argparse.ArgumentParser) -> None:
    add_spec(parser)
    parser.add_argument(
        "--format", choices=("text", "dot", "mermaid"), default="text", help="how to draw it (default: text)"
    )
    parser.add_argument("-o", dest="output", metavar="FILE", help="write to a file instead of stdout")
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    from raggeddsl.graph import draw

    graph = compiled(args).plan.graph
    match args.format:
        case "text":
            text = draw.to_text(graph)
        case "dot":
            text = draw.to_dot(graph)
        case "mermaid":
            text = draw.to_mermaid(graph)
        case other:
            assert_never(other)
    write_result(args.output, text)
    return EXIT_FINE
