"""The user's persistent compilation cache, opened to the small programs that are compiled here."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax


def everything_cached() -> AbstractContextManager[Any]:
    """If the user has a persistent cache, let it take what this thread compiles in the context.

    JAX leaves out what compiles in under a second by default, as most programs here do: together
    they take long.
    """
    if not jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
        return nullcontext()
    from jax._src import config

    return config.persistent_cache_min_compile_time_secs(0)
