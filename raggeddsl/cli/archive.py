"""An `.npz` file in, the arrays of a program's inputs out; and a program's results in, an `.npz` file out.

A family `A` is written as `A[0]`, `A[1]`, …, or packed as `A.data` (1-D, members end to end) with
`A.shapes` (int64[N, 2]), or, where all members have one shape, as one array `A` with a leading axis
of members.  A single matrix `W` is `W`.  Only plain arrays are read: nothing is ever unpickled.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, NoReturn

import numpy as np
from numpy.lib import format as npy

from raggeddsl.diagnostics.errors import refuse

HEADER_FAULTS = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    SyntaxError,
    TokenError,
    RecursionError,
    MemoryError,
)
"""NumPy reads headers by Python's own tokenizer and parser, and lets through what these raise."""

AGAIN = "write it again with np.savez"
MEMBER = re.compile(r"(?P<name>.+)\[(?P<member>\d+)\]")


def read_arrays(path: Path, dtypes: Mapping[str, np.dtype], families: set[str]) -> dict[str, Any]:
    """The arrays of an `.npz` by input name: a list of members for a family, one array for a single matrix.

    `dtypes` gives each input's element type, since NumPy files have no bf16 of their own; `families`
    names the inputs that are families.  Whether the names, shapes and types are those that a program
    wants is its own business.  Raises `RmmError`: RMM720 for a file that cannot be read as an `.npz`,
    RMM721 for pickled content, RMM722 for a family that is not whole.
    """
    named: dict[str, Any] = {}
    members: dict[str, dict[int, np.ndarray]] = {}
    packed: dict[str, dict[str, np.ndarray]] = {}
    for key, array in read_npz(path):
        if match := MEMBER.fullmatch(key):
            name, member = match["name"], int(match["member"])
            members.setdefault(name, {})[member] = typed(array, dtypes.get(name))
        elif key.endswith((".data", ".shapes")):
            name, _, part = key.rpartition(".")
            packed.setdefault(name, {})[part] = typed(array, dtypes.get(name)) if part == "data" else array
        else:
            named[key] = typed(array, dtypes.get(key))

    for name, array in named.items():
        if name in families and array.ndim in (1, 3):
            named[name] = list(array)
    for name, numbered in members.items():
        refuse_twice(path, name, named)
        named[name] = in_order(path, name, numbered)
    for name, parts in packed.items():
        refuse_twice(path, name, named)
        named[name] = unpacked(path, name, parts)
    return named


def typed(array: np.ndarray, wanted: np.dtype | None) -> np.ndarray:
    """NumPy stores bf16 as two raw bytes; give them their type back where a bf16 is expected."""
    if wanted is not None and wanted.name == "bfloat16" and array.dtype == np.dtype("V2"):
        return array.view(wanted)
    return array


def in_order(path: Path, name: str, members: dict[int, np.ndarray]) -> list[np.ndarray]:
    """Members 0 to N - 1 of a family, all of which must be there."""
    for member in range(len(members)):
        if member not in members:
            message = f"`{path}` has {len(members)} members of `{name}`, but no `{name}[{member}]`"
            refuse("RMM722", message, f"write all members, `{name}[0]` to `{name}[{len(members) - 1}]`")
    return [members[member] for member in range(len(members))]


def unpacked(path: Path, name: str, parts: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The members of `name.data`, cut as `name.shapes` says."""
    form = f"write `{name}.data`, 1-D, and `{name}.shapes`, whole numbers [N, 2]"
    for part in ("data", "shapes"):
        if part not in parts:
            refuse("RMM722", f"`{path}` has a packed `{name}` without `{name}.{part}`", form)
    data, shapes = parts["data"], parts["shapes"]
    if data.ndim != 1 or shapes.ndim != 2 or shapes.shape[1:] != (2,) or shapes.dtype.kind not in "iu":
        actual = f"{data.dtype}{list(data.shape)} with shapes {shapes.dtype}{list(shapes.shape)}"
        refuse("RMM722", f"`{path}` has a packed `{name}` of the wrong form: {actual}", form)
    sizes = [rows * cols for rows, cols in shapes.tolist()]
    if (shapes < 0).any() or sum(sizes) != len(data):
        message = f"`{name}.shapes` in `{path}` ask for {sum(sizes)} elements, its data has {len(data)}"
        refuse("RMM722", message, form)
    ends = np.cumsum(sizes, dtype=np.int64).tolist()
    pairs = zip(ends, sizes, shapes.tolist(), strict=True)
    return [data[end - size : end].reshape(shape) for end, size, shape in pairs]


def refuse_twice(path: Path, name: str, named: dict[str, Any]) -> None:
    if name in named:
        message = f"`{path}` has `{name}` in more than one form"
        refuse("RMM722", message, f"keep one: `{name}[0]`, `{name}[1]`, …; or `{name}.data`; or `{name}`")


def read_npz(path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The (key, array) pairs of an `.npz`; raises `RmmError` at the first that is no plain, whole array."""
    try:
        with path.open("rb") as stream:
            refuse_other_formats(path, stream.read(6))
            stream.seek(0)
            with zipfile.ZipFile(stream) as archive:
                for entry in archive.infolist():
                    with archive.open(entry) as content:
                        yield entry.filename.removesuffix(".npy"), read_npy(path, entry.filename, content)
    except OSError as error:
        refuse("RMM720", f"cannot read `{path}`: {error.strerror or error}")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        refuse("RMM720", f"`{path}` is damaged or cut short ({error})", AGAIN)


def refuse_other_formats(path: Path, start: bytes) -> None:
    """Say what a file is that is not a zip archive, going by its first bytes."""
    if start.startswith(b"PK"):
        return
    if start.startswith(b"\x93NUMPY"):
        message = f"`{path}` is a single `.npy` array, so it names no inputs"
        refuse("RMM720", message, "write an archive: np.savez(path, W=array)")
    if start.startswith(b"\x80"):
        refuse_pickle(path, "it")
    refuse("RMM720", f"`{path}` is not an .npz archive", "write one with np.savez(path, **arrays)")


def refuse_pickle(path: Path, what: str) -> NoReturn:
    message = f"`{path}` is refused: {what} is pickled, and unpickling runs whatever code is in it"
    refuse("RMM721", message, "save numbers, not objects: np.savez(path, **{'A[0]': array0, 'A[1]': array1})")


def read_npy(path: Path, entry: str, content: IO[bytes]) -> np.ndarray:
    """One array of an archive; its header must account for every byte."""
    raw: bytes
    try:
        major, _ = npy.read_magic(content)
        header = npy.read_array_header_1_0 if major == 1 else npy.read_array_header_2_0
        shape, columns_first, dtype = header(content)
        raw = content.read()
    except HEADER_FAULTS as error:
        refuse("RMM720", f"`{entry}` in `{path}` is not a NumPy array ({error})", AGAIN)
    if dtype.hasobject:
        refuse_pickle(path, f"`{entry.removesuffix('.npy')}`")
    if len(raw) != math.prod(shape) * dtype.itemsize:
        message = f"`{entry}` in `{path}` is cut short: {len(raw)} bytes for {dtype}{list(shape)}"
        refuse("RMM720", message, AGAIN)
    flat = np.frombuffer(raw, dtype)
    return flat.reshape(shape, order="F" if columns_first else "C")


def write_arrays(stream: IO[bytes], results: Mapping[str, Any], packed: bool = False) -> None:
    """Write results as an `.npz` that `read_arrays` reads; families as members, or `packed`.

    Equal results give equal bytes: entries carry no time.
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for key, array in entries(results, packed):
            with archive.open(zipfile.ZipInfo(f"{key}.npy"), "w", force_zip64=True) as content:
                npy.write_array(content, array, allow_pickle=False)


def entries(results: Mapping[str, Any], packed: bool) -> Iterator[tuple[str, np.ndarray]]:
    """The (key, array) pairs that stand for results: `Ragged` for a family, an array otherwise.

    A family of scalars is one 1-D array in either form.
    """
    for name, value in results.items():
        if not hasattr(value, "to_numpy"):
            yield name, np.asarray(value)
        elif value.layout.scalar:
            yield name, np.asarray(value.data)
        elif packed:
            yield f"{name}.data", np.asarray(value.data)
            yield f"{name}.shapes", np.asarray(value.shapes)
        else:
            for member, array in enumerate(value.to_numpy()):
                yield f"{name}[{member}]", array
