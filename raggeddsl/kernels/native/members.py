"""NumPy arrays in, their elements end to end in one buffer: copied by the native library's threads."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from raggeddsl.kernels.native.library import library

_MEMBER = np.dtype(
    [("data", np.uintp), *((name, np.int64) for name in ("rows", "cols", "row_stride", "col_stride"))]
)


class _Python(ctypes.Structure):
    """The functions of Python that the library calls."""

    _fields_ = (("list_item", ctypes.c_void_p), ("get_buffer", ctypes.c_void_p), ("release", ctypes.c_void_p))


@cache
def _functions() -> tuple[Any, Any, _Python] | None:
    """The two functions of the library and Python's; None if there is no library that has them."""
    loaded = library()
    if isinstance(loaded, str):
        return None
    try:
        api = ctypes.pythonapi
        python = _Python(
            *(
                ctypes.cast(function, ctypes.c_void_p)
                for function in (api.PyList_GetItem, api.PyObject_GetBuffer, api.PyBuffer_Release)
            )
        )
        # PyDLL holds the GIL and raises what Python raises meanwhile; CDLL lets others run.
        find, copy = ctypes.PyDLL(loaded._name).raggeddsl_find_members, loaded.raggeddsl_copy_members
    except AttributeError:  # an older library, or a Python that is not CPython
        return None
    find.restype, copy.restype = ctypes.c_int64, ctypes.c_char_p
    find.argtypes = ctypes.py_object, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p
    copy.argtypes = (
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int64,
        ctypes.c_void_p,
        ctypes.c_int64,
        ctypes.c_int,
    )
    return find, copy, python


def copy_members(arrays: Sequence[np.ndarray], buffer: np.ndarray) -> bool:
    """Copy `arrays`, of two axes at most and of `buffer`'s element type, row-major and end to end.

    False, and nothing is written, if the library is not there or one of them is something else.
    Raises `ValueError` if they do not fill `buffer`, which is 1-D, contiguous and writable.
    """
    functions = _functions()
    if functions is None:
        return False
    find, copy, python = functions
    kept = list(arrays)  # which nobody else can change while their elements are copied
    members = np.empty(len(kept), _MEMBER)
    itemsize = buffer.itemsize
    assert buffer.ndim == 1 and buffer.flags.c_contiguous and buffer.flags.writeable
    try:
        found = find(kept, len(kept), itemsize, ctypes.byref(python), members.ctypes.data)
    except (BufferError, TypeError, ValueError):  # it has no buffer, or not one that can be described
        return False
    if found < len(kept):
        return False
    fault = copy(
        members.ctypes.data, len(kept), itemsize, buffer.ctypes.data, buffer.nbytes, os.cpu_count() or 1
    )
    if fault is not None:
        raise ValueError(fault.decode())
    return True
