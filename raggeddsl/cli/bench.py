"""`raggeddsl bench`: names of workloads and peers in, a table of times (and JSON) out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, get_args

from raggeddsl.cli.parser import EXIT_FINDINGS, EXIT_FINE, WrongUsage
from raggeddsl.cli.spec import add_backend, count
from raggeddsl.cli.write import write_text
from raggeddsl.kernels.registry import KERNELS
from raggeddsl.options import Target

EXAMPLE = """\
examples:
  raggeddsl bench --list
  raggeddsl bench mixed-1000 --against numpy,jit-loop,mkl-batch
  raggeddsl bench gram:resnet50 muon:resnet50 --memory --json times.json
  raggeddsl bench mixed-1000 --against raggeddsl:fused,raggeddsl:dispatch
  raggeddsl bench moe --against raggeddsl:donate,mkl-batch,ragged-dot
  raggeddsl bench equal-10-8 --against jit-one
  raggeddsl bench mixed-1000 --against raggeddsl:grad,raggeddsl:loss
  raggeddsl bench mixed-100 mixed-10000 --compile --gradient

A ratio is how many times as long a way takes as raggeddsl does.  Where results take more than 64 MB,
raggeddsl:donate is timed unasked, and means are taken over its time.  Exit code 1: a way was wrong, or
raggeddsl itself could not be timed.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("workloads", metavar="WORKLOAD", nargs="*", help="see --list")
    parser.add_argument("--list", action="store_true", help="list the workloads and the peers")
    parser.add_argument(
        "--against",
        metavar="PEER,…",
        action="append",
        help="what to time beside raggeddsl: names with commas between, all or none (default: all)",
    )
    parser.add_argument(
        "--compile", action="store_true", help="time only the compiling, against the number of products"
    )
    parser.add_argument(
        "--gradient", action="store_true", help="with --compile: also the compiling of value and gradient"
    )
    parser.add_argument(
        "--rounds", metavar="N", type=count, default=7, help="interleaved rounds (default: 7)"
    )
    parser.add_argument(
        "--memory", action="store_true", help="also measure peak memory, each way in a process of its own"
    )
    parser.add_argument(
        "--keep-memory",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="keep freed memory in the process, for all ways (rd.keep_memory; with glibc only; default: yes)",
    )
    parser.add_argument(
        "--json", metavar="FILE", help="write everything as JSON to FILE (-: to stdout, and no table)"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    group = parser.add_argument_group("what a way may cost before it is skipped")
    group.add_argument(
        "--padding-limit", metavar="GIB", type=float, default=4.0, help="padded memory in GiB (default: 4)"
    )
    group.add_argument(
        "--shape-limit",
        metavar="N",
        type=count,
        default=3000,
        help="shapes that are compiled one by one, pairs that cross a jit boundary (default: 3000)",
    )
    group.add_argument("--force", action="store_true", help="skip nothing that could run")
    add_backend(parser)
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    if args.list:
        print(listing())
        return EXIT_FINE
    if args.gradient and not args.compile:
        raise WrongUsage("--gradient goes with --compile; to time gradients, say --against raggeddsl:grad")
    if not args.workloads:
        raise WrongUsage("name a workload, for example `raggeddsl bench mixed-300`; --list shows them all")
    document = measured(args)
    whole = json.dumps(document, indent=2)
    if args.json not in (None, "-"):
        write_text(Path(args.json), whole + "\n")
    print(whole if args.json == "-" else table(document, args.markdown))
    return EXIT_FINE if sound(document) else EXIT_FINDINGS


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Run what `args` asks for; raises `WrongUsage` for names that there are not."""
    from raggeddsl.bench import session
    from raggeddsl.bench.measure import Settings
    from raggeddsl.bench.peers import Limits
    from raggeddsl.native.memory import keep_memory

    padding = int(args.padding_limit * 2**30)
    limits = Limits(args.shape_limit, padding, args.force, args.target, args.kernel)
    keeps = args.keep_memory and (keep_memory() or None)
    settings = Settings(rounds=args.rounds, keeps_memory=keeps)
    say = quiet if args.quiet else progress
    try:
        if args.compile:
            return session.run_compile(args.workloads, limits, settings, say, args.gradient)
        return session.run(args.workloads, peer_names(args.against), limits, settings, say, args.memory)
    except session.UnknownName as unknown:
        raise WrongUsage(str(unknown)) from None


def peer_names(words: list[str] | None) -> list[str]:
    """`["numpy,jit-loop", "mkl-batch"]` as three names; `all` (or nothing said) and `none` as they read."""
    from raggeddsl.bench.peers import PEERS

    named = [name for word in words or ["all"] for name in word.split(",") if name]
    spread = [name for word in named for name in (PEERS if word == "all" else [word])]
    return [name for name in dict.fromkeys(spread) if name != "none"]


def table(document: dict[str, Any], markdown: bool) -> str:
    """The document for people."""
    from raggeddsl.bench import report

    return report.markdown(document) if markdown else report.text(document)


def listing() -> str:
    """The workloads, the shape tables and the peers."""
    from raggeddsl.bench.networks import table_names
    from raggeddsl.bench.peers import PEERS
    from raggeddsl.bench.workloads import CATALOGUE

    width = max(map(len, [*CATALOGUE, *PEERS]))
    peers = {name: (prepare.__doc__ or "").splitlines()[0] for name, prepare in PEERS.items()}
    return "\n".join(
        [
            "workloads (f32, made from seed 7):",
            *(f"  {name:{width}}  {what}" for name, what in CATALOGUE.items()),
            f"  TABLE is {', '.join(table_names())}, or a CSV with columns rows and cols",
            "peers:",
            *(f"  {name:{width}}  {what}" for name, what in peers.items()),
            f"  raggeddsl:WORD, WORD a target or a kernel ({', '.join((*get_args(Target)[1:], *KERNELS))})",
            "  raggeddsl:donate[:WORD]  each result is written over the one before",
            "  raggeddsl:grad[:WORD]  value and gradient by all inputs, cotangents given",
            "  raggeddsl:loss[:WORD]  the same of a loss: half the sum of all squares",
        ]
    )


def sound(document: dict[str, Any]) -> bool:
    """Whether every way that ran was right, and raggeddsl was timed."""
    ways = [(place, way) for each in document["workloads"] for place, way in enumerate(each.get("ways", []))]
    return all(way["status"] != "wrong" and (place > 0 or way["status"] == "timed") for place, way in ways)


def progress(text: str) -> None:
    print(f"# {text}", file=sys.stderr, flush=True)


def quiet(text: str) -> None:
    """Say nothing."""
