"""Finds the shared library, registers it with XLA once, and tests it before it is trusted."""

from __future__ import annotations

import ctypes
import os
import threading
from functools import cache
from importlib import resources
from pathlib import Path

TARGET = "raggeddsl.run.v1"
_FILE = "libraggeddsl_native.so"
_registering = threading.Lock()


@cache
def library() -> ctypes.CDLL | str:
    """The library, or why there is none.  `RAGGEDDSL_LIBRARY` names another file to load."""
    override = os.environ.get("RAGGEDDSL_LIBRARY")
    path = Path(override) if override else Path(str(resources.files("raggeddsl.kernels.native"))) / _FILE
    if not path.is_file():
        return "this installation is pure Python: it was built without the native library"
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        return f"the native library does not load: {error}"


@cache
def instruction_set() -> str:
    """The name of the instruction set that products run in on this processor."""
    loaded = library()
    assert not isinstance(loaded, str), loaded
    name = loaded.raggeddsl_isa
    name.restype = ctypes.c_char_p
    return name().decode()


@cache
def register() -> str | None:
    """Register the FFI target with XLA's CPU backend; returns why that failed, or None."""
    with _registering:
        loaded = library()
        if isinstance(loaded, str):
            return loaded
        import jax

        try:
            jax.ffi.register_ffi_target(TARGET, jax.ffi.pycapsule(loaded.raggeddsl_run_v1), platform="cpu")
        except Exception as error:  # an older jaxlib refuses newer headers with a plain exception
            return f"XLA refuses the native library: {error}"
        return None
