"""The bytes of an NPZ archive in, a `Table` of 1-D integer arrays out; pickles are never read."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from tokenize import TokenError

import numpy as np

from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.elaborate.tables.fault import SIZE_LIMIT, TableError

_AGAIN = "write it again with `np.savez`"
_KINDS = "a column is a 1-D array of integers"


HEADER_FAULTS = (
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    ArithmeticError,
    SyntaxError,
    TokenError,
    RecursionError,
    MemoryError,
)
"""NumPy reads headers by Python's own tokenizer and parser, and lets through what these raise."""


@dataclass(frozen=True, eq=False)
class NpzTable:
    """An NPZ archive; arrays are unpacked when asked for.  It has no text to point into."""

    path: str
    content: bytes
    names: list[str]
    source: Source | None = None

    def span(self, name: str, row: int) -> Span | None:
        return None

    def numbers(self, name: str) -> np.ndarray:
        array = self._array(name)
        if array.ndim != 1:
            shape = ", ".join(map(str, array.shape))
            raise TableError("RMM424", f'the array "{name}" of {self.path} has shape ({shape})', None, _KINDS)
        if array.dtype.kind not in "iu":
            raise TableError("RMM424", f'the array "{name}" of {self.path} holds {array.dtype}', None, _KINDS)
        bad = (array < 0) if array.dtype.kind == "i" else (array > np.uint64(2**63 - 1))
        if bad.any():
            row = int(bad.argmax())
            raise TableError(
                "RMM424",
                f'row {row} of the array "{name}" of {self.path} is {array[row]}',
                None,
                "sizes are whole numbers ≥ 0; rows are counted from 0 in arrays",
            )
        return array.astype(np.int64)

    def _array(self, name: str) -> np.ndarray:
        try:
            with np.load(io.BytesIO(self.content), allow_pickle=False) as archive:
                return np.asarray(archive[name])
        except HEADER_FAULTS as error:
            raise TableError(
                "RMM422",
                f'the array "{name}" of {self.path} cannot be read: it is pickled or damaged',
                None,
                "save it as an integer array: `np.savez(path, p=np.array([...], np.int64))`",
            ) from error
        except (OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise _damaged(self.path) from error


def _damaged(path: str) -> TableError:
    return TableError("RMM422", f"{path} is truncated or not an NPZ archive", None, _AGAIN)


def read_npz(content: bytes, path: str) -> NpzTable:
    """The archive in `content`; raises `TableError` where it is none, or would unpack to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise _damaged(path) from error
    names = [entry.filename.removesuffix(".npy") for entry in entries]
    if len(set(names)) != len(names):
        raise TableError("RMM423", f"{path} has two arrays of one name", None, _AGAIN)
    largest = max((entry.file_size for entry in entries), default=0)
    if largest > SIZE_LIMIT:
        raise TableError(
            "RMM420", f"{path} unpacks to {largest} bytes; a table may have {SIZE_LIMIT}", None, _KINDS
        )
    return NpzTable(path, content, names)
