"""`raggeddsl init`: a file of arrays or of shapes in, a starter spec for its matrices out."""

from __future__ import annotations

import argparse
from pathlib import Path

from raggeddsl.cli.parser import EXIT_FINE, WrongUsage
from raggeddsl.cli.write import write_result, write_text
from raggeddsl.dtypes import DTYPES

EXAMPLE = """\
examples:
  raggeddsl init model.safetensors -o net.rmm
  raggeddsl run net.rmm --random 0 --verify

Only headers are read, and nothing is unpickled. FILE is .npz, .npy, .safetensors, or a .csv or .json
table with columns rows and cols (and name); - is standard input, whose kind is told by how it
begins. The sizes of more than 32 matrices go to a table beside
the spec, net.W.csv.
"""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="an .npz, .npy, .safetensors, .csv or .json file, or -")
    parser.add_argument("-o", dest="output", metavar="FILE.rmm", help="write the spec here (default: stdout)")
    parser.add_argument("--force", action="store_true", help="replace files that are there already")
    parser.add_argument("--dtype", choices=tuple(DTYPES), help="declare all matrices of this element type")
    parser.epilog = EXAMPLE


def run(args: argparse.Namespace) -> int:
    from raggeddsl.first_spec import STDIN, list_arrays, starter

    path = Path(args.file)
    called = Path(STDIN) if args.file == "-" else path
    target = None if args.output in (None, "-") else Path(args.output)
    beside = None if target is None else target.stem
    spec = starter(called, list_arrays(path), beside=beside, dtype=args.dtype)
    if target is None:
        write_result(None, spec.text)
        return EXIT_FINE
    files = {target.parent / name: text for name, text in spec.tables.items()} | {target: spec.text}
    refuse_to_lose(called, list(files), args.force)
    for file, text in files.items():
        write_text(file, text)
    matrices = "1 matrix" if spec.matrices == 1 else f"{spec.matrices} matrices"
    print(f"wrote {' and '.join(map(str, reversed(files)))} for {matrices}")
    wide = "JAX_ENABLE_X64=1 " if args.dtype in ("f64", "c128") else ""
    print(f"try: {wide}raggeddsl run {target} --random 0 --verify")
    return EXIT_FINE


def refuse_to_lose(source: Path, files: list[Path], force: bool) -> None:
    """Raise `WrongUsage` where a file would be replaced without `--force`, or FILE itself at all."""
    for file in files:
        if not file.exists():
            continue
        if source.exists() and file.samefile(source):
            raise WrongUsage(f"`{file}` is the file to read; write the spec under another name")
        if not force:
            raise WrongUsage(f"`{file}` exists already; --force replaces it")
