"""What of jax's configuration programs depend on, read when it is needed."""

from __future__ import annotations

import jax


def x64_enabled() -> bool:
    """Whether f64 and c128 exist, in this thread."""
    return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]
