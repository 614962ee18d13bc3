"""Arrays of NumPy and JAX in, their elements end to end in one buffer: copied by the native library."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any

import numpy as np

from raggeddsl.native.library import library


class _Python(ctypes.Structure):
    """The functions of Python that the library calls."""

    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in ("list_item", "get_buffer", "release", "clear_error", "release_gil", "take_gil")
    )


@cache
def _functions() -> tuple[Any, _Python] | None:
    """The library's function and Python's; None if there is no library that has it."""
    loaded = library()
    if isinstance(loaded, str):
        return None
    try:
        api = ctypes.pythonapi
        python = _Python(
            *(
                ctypes.cast(function, ctypes.c_void_p)
                for function in (
                    api.PyList_GetItem,
                    api.PyObject_GetBuffer,
                    api.PyBuffer_Release,
                    api.PyErr_Clear,
                    api.PyEval_SaveThread,
                    api.PyEval_RestoreThread,
                )
            )
        )
        pack = ctypes.PyDLL(loaded._name).raggeddsl_pack_members  # which gives the GIL up by itself
    except AttributeError:  # an older library, or a Python that is not CPython
        return None
    pack.restype = ctypes.c_char_p
    pack.argtypes = (
        ctypes.py_object,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    return pack, python


class Packing:
    """A list of arrays on its way into `buffer`, 1-D, contiguous and writable, row-major and end to end.

    The arrays have two axes at most and elements of the buffer's type.  `done` are in the buffer.
    """

    def __init__(self, arrays: list[Any], buffer: np.ndarray) -> None:
        assert buffer.ndim == 1 and buffer.flags.c_contiguous and buffer.flags.writeable
        self._arrays, self._buffer = arrays, buffer
        self._done, self._at = ctypes.c_int64(0), ctypes.c_int64(0)

    @property
    def done(self) -> int:
        """How many arrays have been copied."""
        return self._done.value

    def run(self) -> bool:
        """Copy what is left, up to the first array that does not show where its elements lie.

        Whether all are copied; always False if there is no library.  Arrays are held while they
        are copied, so that a `jax.Array` that is deleted or donated meanwhile stays as it is.
        Raises `ValueError` if they do not fill the buffer, which then holds anything.
        """
        functions = _functions()
        if functions is None:
            return False
        pack, python = functions
        buffer = self._buffer
        fault = pack(
            self._arrays,
            len(self._arrays),
            buffer.itemsize,
            ctypes.byref(python),
            buffer.ctypes.data,
            buffer.nbytes,
            os.cpu_count() or 1,
            ctypes.byref(self._done),
            ctypes.byref(self._at),
        )
        if fault is not None:
            raise ValueError(fault.decode())
        return self.done == len(self._arrays)
