"""A lowered plan within a program that somebody else traces: where its tables are.

They stay in this process, and the program names them; or, where that program may run in another
process or the kernel knows no names, they are constants of it.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from raggeddsl.configuration import embeds_tables
from raggeddsl.kernels.kernel import LoweredPlan, Resident


def resident_in(lowered: LoweredPlan, module: Any) -> Resident | None:
    """The plan with its tables in this process, if the `module` that jax makes is run only here.

    It lives at least as long as what jax compiles from the module.  None: tables are constants.
    """
    exported = getattr(getattr(module, "lowering_parameters", None), "for_export", True)
    if exported or embeds_tables():
        return None
    resident = lowered.resident
    keep = getattr(module, "add_keepalive", None)  # not of jax's public interface
    if resident is not None and keep is not None:
        keep(resident)
    return resident


def embedded(lowered: LoweredPlan) -> tuple[Any, ...]:
    """The tables, behind a barrier: XLA must not start to compute on them.

    XLA copies a constant element by element, the slower the more axes it has.  So it gets half as
    many elements of twice the size, on one axis, where the kernel takes them; `jax_enable_x64`,
    which would cut them off, is on meanwhile.
    """
    if not lowered.tables:
        return ()
    if not lowered.wide:
        return tuple(jax.lax.optimization_barrier(lowered.tables))
    with jax.enable_x64(True):
        return tuple(jax.lax.optimization_barrier([_words(table) for table in lowered.tables]))


def _words(table: np.ndarray) -> np.ndarray:
    """The bytes of a table as int64[words], or as int64[1, words] where they could be evenly spaced.

    Of a vector that is, XLA makes arithmetic, and then compiles a kernel for it.
    """
    words: np.ndarray = np.ascontiguousarray(table).reshape(-1).view(np.int64)
    return words if np.diff(words[:3], 2).any() else words.reshape(1, -1)
