"""A path in, the names, shapes and element types of its arrays out; no array is read, only headers are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO

from raggeddsl.diagnostics.suggest import nearby
from raggeddsl.first_spec.array_info import ArrayInfo, refuse
from raggeddsl.first_spec.numpy_headers import read_npy, read_npz
from raggeddsl.first_spec.safetensors import read_safetensors
from raggeddsl.first_spec.sizes_table import read_csv_table, read_json_table
from raggeddsl.first_spec.standard_input import NAME, kind_of, standard_input

KINDS = "give an .npz, .npy or .safetensors file, or a .csv or .json table with columns rows and cols"


def list_arrays(path: Path) -> list[ArrayInfo]:
    """Every array of a file, in its order; `-` is standard input, whose kind is told by how it begins.

    `.npz` and `.npy` (the headers), `.safetensors` (the header), `.csv` and `.json` (a row for each
    matrix: columns `rows`, `cols`, and `name` if there is one; f32).  Nothing is unpickled.

    Raises `RmmError`: RMM430 for a file that cannot be read or is of no such kind, RMM431 for one whose
    header is damaged, and RMM422 to RMM424 for a table that is.
    """
    readers: dict[str, Callable[[Path, IO[bytes]], list[ArrayInfo]]] = {
        ".npz": read_npz,
        ".npy": read_npy,
        ".safetensors": read_safetensors,
        ".csv": read_csv_table,
        ".json": read_json_table,
    }
    reader = readers.get(path.suffix.lower())
    try:
        if str(path) == "-":
            path = Path(NAME)
            with standard_input() as stream:
                return readers[kind_of(stream)](path, stream)
        if path.is_dir():
            refuse(path, "RMM430", f"`{path}` is a folder", "name a file in it")
        if not path.is_file():
            what = "is not a plain file" if path.exists() else "does not exist"
            refuse(path, "RMM430", f"`{path}` {what}", _nearby(path, tuple(readers)))
        if reader is None:
            refuse(path, "RMM430", f"shapes cannot be read from `{path}`", KINDS)
        with path.open("rb") as stream:
            return reader(path, stream)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        refuse(path, "RMM430", f"`{path}` cannot be read: {reason}", "check its permissions")


def _nearby(path: Path, kinds: tuple[str, ...]) -> str:
    """A help that names a file in the same folder with nearly that name, if there is one."""
    near = nearby(path, kinds)
    return f"did you mean `{near}`?" if near else "check the path"
