"""Everything that raggeddsl keeps from one program for the next, forgotten at once."""

from __future__ import annotations

from raggeddsl.lowering.dispatch import clear_executables
from raggeddsl.lowering.shared import clear_programs
from raggeddsl.pytree import clear_tree
from raggeddsl.ragged.matmul import clear_matmul
from raggeddsl.ragged.operations import clear_memberwise


def clear_caches() -> None:
    """Forget shared executables and jitted functions, and the programs of `matmul`, `tree_map` and `Ragged`.

    Programs that are still held keep working.  JAX's own caches are `jax.clear_caches()`'s business.
    """
    clear_executables()
    clear_matmul()
    clear_memberwise()
    clear_tree()
    clear_programs()
