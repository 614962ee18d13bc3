"""Many small programs, whose derivatives and batches are what is tested, not what XLA makes of them."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(autouse=True, scope="module")
def quickly_compiled() -> Iterator[None]:
    """XLA leaves out most of its optimisations, which take a quarter of the time."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
