"""What the C library does with memory that is freed: a limit in, whether it is kept out."""

from __future__ import annotations

import ctypes
import operator

MOST = (1 << 31) - 1
"""The largest limit that `mallopt` takes, in bytes."""

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8


def keep_memory(limit: int = 1 << 30) -> bool:
    """Keep freed blocks of up to `limit` bytes (default 1 GiB) in this process; whether that took effect.

    glibc gives large blocks back to the system when they are freed.  The next result of that size is
    then made of fresh pages, and each costs a fault.  This holds for all that the process allocates,
    not for raggeddsl alone, so it is never done unasked: memory once used stays with the process, and
    threads that start from now on share one arena, as only that one holds blocks of more than 64 MiB.
    So call it before JAX first computes.  Of several calls the last one counts.

    False where the C library is not glibc (macOS, Windows, musl).  Raises `ValueError` unless
    0 <= limit < 2**31.  Source: mallopt(3), `M_MMAP_THRESHOLD`, `M_TRIM_THRESHOLD`, `M_ARENA_MAX`.
    """
    limit = operator.index(limit)
    if not 0 <= limit <= MOST:
        raise ValueError(f"keep_memory takes 0 to {MOST} bytes, not {limit}")
    try:
        library = ctypes.CDLL(None)
        if not hasattr(library, "gnu_get_libc_version"):
            return False
    except (OSError, TypeError):  # Windows has no library of this name
        return False
    # The trim threshold must exceed the other one, or what is freed at the heap's end goes at once.
    settings = {_MMAP_THRESHOLD: limit, _TRIM_THRESHOLD: MOST, _ARENA_MAX: 1}
    return all(library.mallopt(setting, value) for setting, value in settings.items())
