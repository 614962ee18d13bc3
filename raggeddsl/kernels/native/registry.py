"""A table in, held in the library's registry out: programs there name it by what it holds.

So the size of a program that somebody else traces, which cannot have operands, does not depend on it.
"""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from raggeddsl.native.library import NAMED_TARGET, address, library


@dataclass(frozen=True, eq=False)
class HeldTable:
    """A table that stays in the registry for as long as this object lives, and some while longer.

    `low` and `high` are its name: the halves of a hash of the table and of the buffers' sizes, the
    same in every process.
    """

    low: np.int64
    high: np.int64
    results: Sequence[Any]
    isa: str

    def run(self, buffers: Sequence[Any]) -> tuple[Any, ...]:
        """The output buffers, by one call that names the table."""
        import jax

        call = jax.ffi.ffi_call(NAMED_TARGET, self.results)
        return tuple(call(*buffers, low=self.low, high=self.high, isa=self.isa)[:-1])


def hold(
    table: np.ndarray, local_bytes: int, inputs: Sequence[int], results: Sequence[Any], isa: str
) -> HeldTable | None:
    """The registry's own copy of a `joined` table, checked for `inputs` of so many bytes and for `results`.

    `results` are the types of the outputs and the scratch.  None if the library does not take it: then
    the table is passed at each call, which finds what is wrong with it.
    """
    loaded = library()
    assert not isinstance(loaded, str), loaded
    take = loaded.raggeddsl_hold
    take.restype = ctypes.c_char_p
    outputs = [result.size * np.dtype(result.dtype).itemsize for result in results]
    sizes, name = np.array([*inputs, *outputs], np.int64), np.zeros(2, np.int64)
    whole = address(table), ctypes.c_int64(table.nbytes)
    counts = len(inputs), len(outputs), ctypes.c_int64(local_bytes)
    if take(*whole, address(sizes), *counts, address(name)) is not None:
        return None
    held = HeldTable(name[0], name[1], results, isa)
    weakref.finalize(held, _release, loaded, name).atexit = False
    return held


def _release(loaded: ctypes.CDLL, name: np.ndarray) -> None:
    loaded.raggeddsl_release(address(name))
