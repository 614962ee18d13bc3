"""A key and a function in, one jitted function for all that have this key out: it compiles only once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any

import jax

from raggeddsl.caches import registered

_LARGEST_CACHE = 256

_lock = RLock()
_cache: OrderedDict[Hashable, Any] = OrderedDict()


@registered
def clear_programs() -> None:
    """Forget the jitted functions that programs share."""
    with _lock:
        _cache.clear()


def shared_jit(key: Hashable | None, function: Callable[..., Any]) -> Any:
    """`jax.jit(function)`, or that of an earlier function with an equal key (None: not shared).

    Functions of one key must trace to the same program for arguments of equal types.
    """
    if key is None:
        return jax.jit(function)
    with _lock:
        if key not in _cache:
            _cache[key] = jax.jit(function)
            while len(_cache) > _LARGEST_CACHE:
                _cache.popitem(last=False)
        _cache.move_to_end(key)
        return _cache[key]
