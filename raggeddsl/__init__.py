"""raggeddsl: a small language and compiler for ragged matrix products on JAX.

What is named here is imported when it is first used, so that `import raggeddsl` and
`raggeddsl check` start without jax.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from raggeddsl.api import check, check_file, compile, compile_file, format, parse
    from raggeddsl.builder import Builder
    from raggeddsl.caches import clear_caches
    from raggeddsl.diagnostics.diagnostic import Diagnostic
    from raggeddsl.diagnostics.errors import RmmError
    from raggeddsl.native.memory import keep_memory
    from raggeddsl.options import Options
    from raggeddsl.program.program import Program
    from raggeddsl.program.verification import Verification, verify
    from raggeddsl.pytree import tree_map, tree_matmul
    from raggeddsl.ragged import Ragged, full_like, ones_like, zeros_like
    from raggeddsl.ragged.matmul import matmul

__version__ = "0.1.0"

__all__ = [
    "Builder",
    "Diagnostic",
    "Options",
    "Program",
    "Ragged",
    "RmmError",
    "Verification",
    "check",
    "check_file",
    "clear_caches",
    "compile",
    "compile_file",
    "format",
    "full_like",
    "keep_memory",
    "matmul",
    "ones_like",
    "parse",
    "tree_map",
    "tree_matmul",
    "verify",
    "zeros_like",
]

_HOMES = {
    "Builder": "raggeddsl.builder",
    "Diagnostic": "raggeddsl.diagnostics.diagnostic",
    "Options": "raggeddsl.options",
    "Program": "raggeddsl.program.program",
    "Ragged": "raggeddsl.ragged",
    "RmmError": "raggeddsl.diagnostics.errors",
    "Verification": "raggeddsl.program.verification",
    "check": "raggeddsl.api",
    "check_file": "raggeddsl.api",
    "clear_caches": "raggeddsl.caches",
    "compile": "raggeddsl.api",
    "compile_file": "raggeddsl.api",
    "format": "raggeddsl.api",
    "full_like": "raggeddsl.ragged",
    "keep_memory": "raggeddsl.native.memory",
    "matmul": "raggeddsl.ragged.matmul",
    "ones_like": "raggeddsl.ragged",
    "parse": "raggeddsl.api",
    "tree_map": "raggeddsl.pytree",
    "tree_matmul": "raggeddsl.pytree",
    "verify": "raggeddsl.program.verification",
    "zeros_like": "raggeddsl.ragged",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'raggeddsl' has no attribute '{name}'")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
