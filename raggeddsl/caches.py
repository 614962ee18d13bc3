"""The registry of caches: everything that is kept from one call for the next, forgotten at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

_clearing: list[Callable[[], None]] = []


def registered(clear: Callable[[], None]) -> Callable[[], None]:
    """Have `clear_caches` call `clear`, which forgets one cache; gives it back."""
    _clearing.append(clear)
    return clear


def kept(most: int) -> Callable[[Callable[..., Any]], Any]:
    """`functools.lru_cache(most)` whose cache `clear_caches` forgets."""

    def decorate(function: Callable[..., Any]) -> Any:
        cached = lru_cache(most)(function)
        registered(cached.cache_clear)
        return cached

    return decorate


def clear_caches() -> None:
    """Forget shared executables and jitted functions, and the programs of `matmul`, `tree_map` and `Ragged`.

    Programs that are still held keep working.  JAX's own caches are `jax.clear_caches()`'s business.
    """
    for clear in _clearing:
        clear()
