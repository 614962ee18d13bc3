"""What keeps XLA from compiling twice: jitted functions that programs share, and the user's cache on disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
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


def everything_cached() -> AbstractContextManager[Any]:
    """If the user has a persistent cache, let it take what this thread compiles in the context.

    JAX leaves out what compiles in under a second by default, as most programs here do: together
    they take long.
    """
    if not jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        return nullcontext()
    from jax._src import config

    return config.persistent_cache_min_compile_time_secs(0)
