"""A `.safetensors` file in, what its header says of its arrays out.

The format (github.com/huggingface/safetensors, README): eight bytes, the header's length N as a
little-endian uint64; N bytes of JSON, an object from names to `dtype`, `shape` and `data_offsets`;
then the data, which the offsets cover without gap or overlap.
"""

from __future__ import annotations

import json
import math
import os
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, NoReturn

from raggeddsl.first_spec.array_info import ArrayInfo, refuse

LONGEST_HEADER = 100_000_000
"""Bytes; the limit of the format's own reader."""

MOST_AXES = 64

DTYPES = {
    "F64": ("f64", 8), "F32": ("f32", 4), "F16": ("f16", 2), "BF16": ("bf16", 2), "C64": ("c64", 8),
    "I64": ("i64", 8), "I32": ("i32", 4), "I16": ("i16", 2), "I8": ("i8", 1),
    "U64": ("u64", 8), "U32": ("u32", 4), "U16": ("u16", 2), "U8": ("u8", 1), "BOOL": ("bool", 1),
    "F8_E4M3": ("f8_e4m3", 1), "F8_E5M2": ("f8_e5m2", 1), "F8_E8M0": ("f8_e8m0", 1),
}  # fmt: skip
"""Short name and bytes of each element type."""


class Malformed(Exception):
    """What a header has wrong."""


def read_safetensors(path: Path, stream: IO[bytes]) -> list[ArrayInfo]:
    """The arrays in the order of their data."""
    size = os.fstat(stream.fileno()).st_size
    start = stream.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > size - 8:
        _damaged(path, f"it has {size} bytes, too few for its header")
    if length > LONGEST_HEADER:
        _damaged(path, f"its header has {length} bytes, of which {LONGEST_HEADER} are allowed")
    try:
        return _arrays(_parsed(stream.read(length)), size - 8 - length)
    except Malformed as fault:
        _damaged(path, str(fault))


def _damaged(path: Path, why: str) -> NoReturn:
    refuse(path, "RMM431", f"`{path}` is no whole .safetensors file: {why}", "download or save it again")


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        header = json.loads(content.decode("utf-8"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise Malformed("its header is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"its header is not JSON ({error.msg} at byte {8 + error.pos})") from None
    except (RecursionError, ValueError):
        raise Malformed("its header is not JSON that can be read") from None
    if not isinstance(header, dict):
        raise Malformed("its header is not an object")
    return header


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        names = sorted(name for name, _ in pairs)
        twice = next(name for name, following in pairwise(names) if name == following)
        raise Malformed(f"its header has `{twice}` twice")
    return entries


def _arrays(header: dict[str, Any], data: int) -> list[ArrayInfo]:
    spans: list[tuple[int, int, ArrayInfo]] = []
    for name, entry in header.items():
        if name != "__metadata__":
            spans.append(_array(name, entry))
    end = 0
    for start, stop, info in sorted(spans, key=lambda span: span[:2]):
        if start != end:
            raise Malformed(f"`{info.name}` begins at byte {start} of the data, not at {end}")
        end = stop
    if end != data:
        raise Malformed(f"its arrays have {end} bytes, its data {data}")
    return [info for _, _, info in sorted(spans, key=lambda span: span[:2])]


def _array(name: str, entry: Any) -> tuple[int, int, ArrayInfo]:
    if not isinstance(entry, dict):
        raise Malformed(f"`{name}` is not described by an object")
    shape, offsets, dtype = _sizes(entry.get("shape")), _sizes(entry.get("data_offsets")), entry.get("dtype")
    if shape is None or offsets is None or len(offsets) != 2 or not isinstance(dtype, str):
        raise Malformed(f"`{name}` does not have a dtype, a shape and two data_offsets")
    short, itemsize = DTYPES.get(dtype, (dtype.lower(), 0))
    start, stop = offsets
    taken = math.prod(shape) * itemsize
    if stop < start or (itemsize and stop - start != taken):
        raise Malformed(f"`{name}` takes {taken} bytes, its data_offsets have {stop - start}")
    return start, stop, ArrayInfo(name, tuple(shape), short)


def _sizes(value: Any) -> list[int] | None:
    """`value` if it is a list of a few whole numbers that fit 63 bits."""
    if not isinstance(value, list) or len(value) > MOST_AXES:
        return None
    return value if all(type(size) is int and 0 <= size < 2**63 for size in value) else None
