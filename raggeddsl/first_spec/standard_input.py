"""Standard input in, a stream that can be read twice and the kind of file that it holds out."""

from __future__ import annotations

import errno
import shutil
import sys
import tempfile
from typing import IO

NAME = "<stdin>"
"""What errors and the spec call it."""

_START = 64
"""Bytes that are looked at."""


def standard_input() -> IO[bytes]:
    """All of standard input: itself where it is a file, else a copy in a temporary one; to be closed.

    Raises `OSError` where there is none.
    """
    if sys.stdin is None:
        raise OSError(errno.EBADF, "there is no standard input")
    stream = sys.stdin.buffer
    if stream.seekable():
        return stream
    copy = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return copy


def kind_of(stream: IO[bytes]) -> str:
    """`.npz`, `.npy`, `.safetensors`, `.json` or, for all other text, `.csv`, by how the content begins.

    A `.safetensors` file begins with the length of its header, which is JSON; an archive and an
    array have signatures (the formats' own specifications; `numpy.lib.format`).
    """
    start = stream.read(_START)
    stream.seek(0)
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return ".npz"
    if start[:6] == b"\x93NUMPY":
        return ".npy"
    if start[8:9] == b"{" and start[7:8] == b"\0":
        return ".safetensors"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return ".json" if text[:1] in (b"[", b"{") else ".csv"
