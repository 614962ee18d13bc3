"""What of jax's configuration and of the environment programs depend on, read when it is needed."""

from __future__ import annotations

import os

import jax


def x64_enabled() -> bool:
    """Whether f64 and c128 exist, in this thread."""
    return bool(jax.config.jax_enable_x64)  # type: ignore[attr-defined]


def embeds_tables() -> bool:
    """Whether tables are part of every program that contains them: `RAGGEDDSL_EMBED_TABLES=1`."""
    return os.environ.get("RAGGEDDSL_EMBED_TABLES") == "1"
