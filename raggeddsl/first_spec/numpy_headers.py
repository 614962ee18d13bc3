"""A `.npz` or `.npy` file in, what its headers say of its arrays out."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from pathlib import Path
from tokenize import TokenError
from typing import IO

import numpy as np
from numpy.lib import format as npy

from raggeddsl.dtypes import from_numpy
from raggeddsl.first_spec.array_info import ArrayInfo, refuse

LONGEST_HEADER = 10_000
"""Bytes of one array's header; NumPy itself trusts no longer one."""

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
    EOFError,
)
"""NumPy reads headers by Python's own tokenizer and parser, and lets through what these raise."""

FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def read_npz(path: Path, stream: IO[bytes]) -> list[ArrayInfo]:
    """The arrays of an archive; entries that are no `.npy` are left out, and pickled ones named as such."""
    try:
        with zipfile.ZipFile(stream) as archive:
            arrays = []
            for entry in archive.infolist():
                if entry.filename.endswith(".npy"):
                    with archive.open(entry) as content:
                        arrays.append(_header(path, entry.filename.removesuffix(".npy"), content))
            return arrays
    except FAULTS as error:
        message = f"`{path}` is damaged, cut short or no .npz archive ({error})"
        refuse(path, "RMM431", message, "write it again with np.savez")


def read_npy(path: Path, stream: IO[bytes]) -> list[ArrayInfo]:
    """The one array of the file, by the file's name."""
    info = _header(path, path.stem, stream)
    return [info]


def _header(path: Path, name: str, content: IO[bytes]) -> ArrayInfo:
    try:
        version = npy.read_magic(content)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings():  # of headers that Python 2 wrote
            warnings.simplefilter("ignore")
            shape, _, dtype = read(content, max_header_size=LONGEST_HEADER)
    except HEADER_FAULTS as error:
        reason = str(error).split("\n")[0]
        message = f"`{name}` in `{path}` is not a NumPy array ({reason})"
        refuse(path, "RMM431", message, "write it again with np.save or np.savez")
    if min(shape, default=0) < 0:
        refuse(path, "RMM431", f"`{name}` in `{path}` has a negative size, {shape}", None)
    return ArrayInfo(name, tuple(int(size) for size in shape), _dtype_name(dtype))


def _dtype_name(dtype: np.dtype) -> str:
    if dtype == np.dtype("V2"):  # NumPy files have no bf16 of their own
        return "bf16"
    return "object" if dtype.hasobject else from_numpy(dtype) or dtype.name
