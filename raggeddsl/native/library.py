"""Finds the shared library, registers it with XLA once, and tests it before it is trusted."""

from __future__ import annotations

import ctypes
import os
import threading
import warnings
from dataclasses import astuple
from functools import cache
from pathlib import Path

import numpy as np

from raggeddsl import native
from raggeddsl.tuning import DEFAULT, BlockTuning

FORMAT = 2
"""The version of the bytes that the library is given: the tables, and the arrays of its C functions."""

TARGET = f"raggeddsl.run.v{FORMAT}"
NAMED_TARGET = f"raggeddsl.run_named.v{FORMAT}"
MEASURE_TARGET = f"raggeddsl.measure.v{FORMAT}"
INSTRUCTION_SETS = ("base", "avx2", "avx512")
_FILE = "libraggeddsl_native.so"
_registering = threading.Lock()


@cache
def library() -> ctypes.CDLL | str:
    """The library, or why there is none.  `RAGGEDDSL_LIBRARY` names another file to load.

    With `RAGGEDDSL_CHECK=1` in the environment it runs as after `set_poison(True)`.
    """
    override = os.environ.get("RAGGEDDSL_LIBRARY")
    # An editable installation has two folders: that of the sources, and one with what was built.
    paths = [Path(override)] if override else [Path(folder) / _FILE for folder in native.__path__]
    path = next(filter(Path.is_file, paths), None)
    if path is None and override:
        return f"RAGGEDDSL_LIBRARY names {override}, which is not a file"
    if path is None:
        return "this installation is pure Python: it was built without the native library"
    try:
        loaded = ctypes.CDLL(str(path))
        return _other_format(loaded, path) or _tested(loaded)
    except (OSError, AttributeError) as error:  # not a library, or one that lacks a function
        return f"the native library does not load: {error}"


def _other_format(loaded: ctypes.CDLL, path: Path) -> str | None:
    """Why the library cannot be given anything, if another version of this package made it."""
    if not hasattr(loaded, "raggeddsl_self_test"):
        return None  # it is none of ours at all
    table_format = loaded.raggeddsl_format() if hasattr(loaded, "raggeddsl_format") else 1
    if table_format == FORMAT:
        return None
    return (
        f"the native library {path} is of another version of raggeddsl (it reads tables of format "
        f"{table_format}, this is format {FORMAT}): install raggeddsl anew, or build the library again"
    )


def _tested(loaded: ctypes.CDLL) -> ctypes.CDLL | str:
    """`loaded` after a few products came out right, which takes less than a millisecond."""
    test = loaded.raggeddsl_self_test
    test.restype = ctypes.c_char_p
    fault = test(address(block_sizes(DEFAULT.blocks)))
    if fault is None:
        if os.environ.get("RAGGEDDSL_CHECK") == "1":
            loaded.raggeddsl_set_poison(1)
        return loaded
    reason = f"the native library fails its self-test on this processor: {fault.decode()}"
    warnings.warn(f"{reason}; products run in another kernel", RuntimeWarning, stacklevel=3)
    return reason


def block_sizes(blocks: BlockTuning) -> np.ndarray:
    """int64[9]: the block sizes as the library reads them, `struct Blocks` in `src/types.h`."""
    return np.array(astuple(blocks), np.int64)


def address(array: np.ndarray) -> ctypes.c_void_p:
    """Where a contiguous array lies, for a C function; it is there for as long as this object."""
    return array.ctypes.data_as(ctypes.c_void_p)


def set_poison(on: bool) -> bool:
    """Whether calls from now on show what they read before it is written; returns whether they did so far.

    Results and scratch then begin as bytes of 0xFF: NaN for every float type, -1 for integers.
    """
    loaded = library()
    assert not isinstance(loaded, str), loaded
    return bool(loaded.raggeddsl_set_poison(int(on)))


@cache
def instruction_set() -> str:
    """The name of the instruction set that products run in on this processor."""
    loaded = library()
    assert not isinstance(loaded, str), loaded
    name = loaded.raggeddsl_isa
    name.restype = ctypes.c_char_p
    return name().decode()


@cache
def instruction_sets() -> tuple[str, ...]:
    """The instruction sets that the library has and this processor can run, the plainest first."""
    loaded = library()
    assert not isinstance(loaded, str), loaded
    return tuple(name for name in INSTRUCTION_SETS if loaded.raggeddsl_has_isa(name.encode()))


@cache
def register() -> str | None:
    """Register the FFI targets with XLA's CPU backend; returns why that failed, or None."""
    with _registering:
        loaded = library()
        if isinstance(loaded, str):
            return loaded
        import jax

        try:
            for target, entry in (
                (TARGET, loaded.raggeddsl_run_v2),
                (NAMED_TARGET, loaded.raggeddsl_run_named_v2),
                (MEASURE_TARGET, loaded.raggeddsl_measure_v2),
            ):
                jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(entry), platform="cpu")
        except Exception as error:  # an older jaxlib refuses newer headers with a plain exception
            return f"XLA refuses the native library: {error}"
        return None
