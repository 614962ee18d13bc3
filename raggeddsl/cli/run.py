"""`raggeddsl run`: a spec and arrays in, results, times and a verdict out."""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raggeddsl.cli.parser import EXIT_FINDINGS, EXIT_FINE, WrongUsage
from raggeddsl.cli.spec import add_backend, add_spec, compiled, count
from raggeddsl.cli.write import write_whole
from raggeddsl.diagnostics.units import count_text, seconds_text

if TYPE_CHECKING:
    from raggeddsl import Program
    from raggeddsl.diagnostics.diagnostic import Diagnostic
    from raggeddsl.diagnostics.source import Source

EXAMPLE = """\
examples:
  raggeddsl run model.rmm --random 0 --verify
  raggeddsl run model.rmm --inputs weights.npz -o results.npz

In an .npz, the members of a family A are A[0], A[1], …, or A.data (1-D, end to end) with A.shapes
(N rows of two), or A with a leading axis of members; a single matrix W is W.
"""


def add(parser: argparse.ArgumentParser) -> None:
    add_spec(parser)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--inputs", metavar="FILE.npz", help="read the inputs from an .npz")
    source.add_argument("--random", metavar="SEED", type=seed, help="make normally distributed inputs")
    parser.add_argument("-o", dest="output", metavar="FILE.npz", help="write the results to an .npz")
    parser.add_argument(
        "--packed", action="store_true", help="write families as NAME.data and NAME.shapes (for many members)"
    )
    parser.add_argument(
        "--verify", action="store_true", help="compare every member with the float64 reference (exit code 1)"
    )
    parser.add_argument(
        "--repeat", metavar="N", type=count, default=3, help="calls to time after the first (default: 3)"
    )
    add_backend(parser)
    parser.epilog = EXAMPLE


def seed(word: str) -> int:
    """A whole number of at least 0; raises `argparse.ArgumentTypeError`."""
    if not (word.isascii() and word.isdigit()):
        raise argparse.ArgumentTypeError(f"a seed is a whole number of at least 0, not `{word}`")
    return int(word)


def run(args: argparse.Namespace) -> int:
    if args.output is not None:
        refuse_early(Path(args.output))
    program = compiled(args, ahead=True)
    compiling = seconds_text(sum(program.timings.values()))
    inputs = given(program, args)
    print(program.explain().summary())
    results, first, steady = timed(program, inputs, args)
    middle = f"{seconds_text(statistics.median(steady))} (median of {len(steady)})"
    print(f"compiled in {compiling}; first call {seconds_text(first)}, then {middle}")
    for name, value in results.items():
        print(f"  {name}: {described(value)}")
    agreed = verified(program, inputs, results) if args.verify else True
    if args.output is not None:
        from raggeddsl.cli.archive import write_arrays

        write_whole(Path(args.output), lambda stream: write_arrays(stream, results, args.packed))
        print(f"wrote {args.output}")
    return EXIT_FINE if agreed else EXIT_FINDINGS


def refuse_early(output: Path) -> None:
    """What can be known before anything is computed about a file that could not be written afterwards."""
    if str(output) == "-":
        raise WrongUsage("-o takes the name of an .npz; results do not go to standard output")
    if not output.parent.is_dir():
        raise WrongUsage(f"cannot write `{output}`: there is no folder `{output.parent}`")
    if output.is_dir():
        raise WrongUsage(f"cannot write `{output}`: it is a folder")


def given(program: Program, args: argparse.Namespace) -> dict[str, Any]:
    """The inputs that `--inputs` or `--random` asks for."""
    if args.inputs is None:
        return program.random_inputs(args.random)
    from raggeddsl.cli.archive import read_arrays

    dtypes = {name: info.dtype for name, info in program.inputs.items()}
    families = {name for name, info in program.inputs.items() if info.family}
    return read_arrays(Path(args.inputs), dtypes, families)


def timed(
    program: Program, inputs: dict[str, Any], args: argparse.Namespace
) -> tuple[dict[str, Any], float, list[float]]:
    """The results, the seconds of the first call and of each of `--repeat` more, with packed inputs."""
    import jax

    from raggeddsl.diagnostics.errors import RmmError
    from raggeddsl.ragged import Ragged

    def call(arguments: dict[str, Any]) -> tuple[dict[str, Any], float]:
        start = time.perf_counter()
        out = jax.block_until_ready(program(arguments))
        return out, time.perf_counter() - start

    try:
        results, first = call(inputs)
    except RmmError as error:
        if args.inputs is None:
            raise
        named = [
            of_archive(diagnostic, error.source, program, args.inputs) for diagnostic in error.diagnostics
        ]
        raise RmmError(named, error.source) from error
    packed = {name: Ragged.from_list(x) if isinstance(x, list) else x for name, x in inputs.items()}
    return results, first, [call(packed)[1] for _ in range(args.repeat)]


def of_archive(fault: Diagnostic, spec: Source | None, program: Program, archive: str) -> Diagnostic:
    """A fault of the inputs as one of the archive that they were read from."""
    source, help = fault.source or spec, fault.help
    if fault.code in ("RMM701", "RMM703") and fault.span is not None and source is not None:
        name = source.text[fault.span.start : fault.span.end]
        info = program.inputs.get(name)
        if info is not None and info.family:
            members = f"`{name}[0]`, `{name}[1]`, …"
            help = f"an archive holds its members as {members}, or as `{name}.data` with `{name}.shapes`"
    return replace(fault, message=f"`{archive}`: {fault.message}", help=help)


def verified(program: Program, inputs: dict[str, Any], results: dict[str, Any]) -> bool:
    """Compare with the reference, say how it went, and whether every member agrees."""
    from raggeddsl.program.verification import verify

    verdict = verify(program, inputs, results)
    print(verdict)
    return verdict.agreed


def described(value: Any) -> str:
    """A result in a few words: `f32[48, 48]`; or a family's members, from the smallest to the largest."""
    import numpy as np

    from raggeddsl.dtypes import from_numpy

    dtype = from_numpy(value.dtype) or value.dtype
    if not hasattr(value, "to_numpy"):
        return f"{dtype}{list(value.shape)}"
    members = count_text(len(value), "member")
    if len(value) == 0:
        return members
    sizes = np.asarray(value.layout.sizes)
    least, most = (f"{dtype}{list(value.layout.shape(int(at)))}" for at in (sizes.argmin(), sizes.argmax()))
    return f"{members}, {least}" if least == most else f"{members}, {least} to {most}"
