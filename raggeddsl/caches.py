"""Everything that raggeddsl keeps from one program for the next, forgotten at once."""

from __future__ import annotations

from raggeddsl.lowering.dispatch import clear_executables
from raggeddsl.memberwise import clear_memberwise
from raggeddsl.pairwise import clear_matmul
from raggeddsl.runtime.shared import clear_programs
from raggeddsl.tree import clear_tree


def clear_caches() -> None:
    """Forget shared executables and jitted functions, and the programs of `matmul`, `tree_map` and `Ragged`.

    Programs that are still held keep working.  JAX's own caches are `jax.clear_caches()`'s business.
    """
    clear_executables()
    clear_matmul()
    clear_memberwise()
    clear_tree()
    clear_programs()
