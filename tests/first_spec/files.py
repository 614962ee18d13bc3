"""Files of arrays for tests, written byte by byte where no library of ours writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SIZES = {"F32": 4, "F64": 8, "BF16": 2, "F16": 2, "I64": 8, "U8": 1, "F8_E4M3": 1}


def header(arrays: dict[str, tuple[str, tuple[int, ...]]]) -> dict[str, Any]:
    """The header of a safetensors file with these arrays, one after another."""
    found: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in arrays.items():
        size = SIZES[dtype]
        for axis in shape:
            size *= axis
        found[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    return found


def packed(head: Any, data: int) -> bytes:
    """The bytes of a safetensors file with this header and `data` zeros."""
    words = json.dumps(head).encode()
    return len(words).to_bytes(8, "little") + words + bytes(data)


def safetensors(path: Path, arrays: dict[str, tuple[str, tuple[int, ...]]]) -> Path:
    head = header(arrays)
    end = max((entry["data_offsets"][1] for name, entry in head.items() if name != "__metadata__"), default=0)
    path.write_bytes(packed(head, end))
    return path
