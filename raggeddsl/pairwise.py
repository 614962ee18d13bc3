"""Two lists of matrices in, their products one by one out: `matmul`, a graph of one node without a spec."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.dtypes import DTYPES, from_numpy, promote
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Input, Operand, Origin, Output, Product
from raggeddsl.graph.passes import normalise
from raggeddsl.language.source import Diagnostic, RmmError
from raggeddsl.options import KernelName, Options, Target
from raggeddsl.plan import plan_graph
from raggeddsl.program import Program
from raggeddsl.ragged import Ragged
from raggeddsl.runtime.configuration import x64_enabled
from raggeddsl.runtime.layout import Layout
from raggeddsl.runtime.members import as_array
from raggeddsl.runtime.receive import Received

_PROGRAMS = 64
"""How many pairs of layouts keep their program."""


def matmul(
    As: Ragged | Sequence[Any],
    Bs: Ragged | Sequence[Any],
    *,
    precision: Any = None,
    target: Target = "auto",
    kernel: KernelName = "auto",
) -> Any:
    """Equivalent to `[a @ b for a, b in zip(As, Bs)]`, as one program.

    `As[i]` is `dtype[m_i, k_i]`, `Bs[i]` is `dtype[k_i, n_i]`.  Two lists give a list of
    `jax.Array`s, a `Ragged` on either side gives a `Ragged`.  `precision` is that of
    `jnp.matmul`: None, a `jax.lax.Precision` or its name.  Element types promote as
    `jnp.promote_types` has it.  The program is kept for the next call with the same shapes.  Works
    under `jax.jit`, `jax.grad` and `jax.vmap`.

    Raises `RmmError`: RMM706 for what is not a matrix, RMM708 where lengths or inner sizes differ,
    RMM709 for an element type that the language has not.
    """
    left, right = _side(As, "As"), _side(Bs, "Bs")
    program = _program(*left[1:], *right[1:], _precision(precision), target, kernel, x64_enabled())
    if isinstance(As, Ragged) and isinstance(Bs, Ragged):
        return program({"As": As, "Bs": Bs})["C"]
    a, b = program.inputs.groups
    result = program.run([Received(a, left[0]), Received(b, right[0])])["C"]
    return result if isinstance(As, Ragged) or isinstance(Bs, Ragged) else result.to_list()


def clear_matmul() -> None:
    """Forget the programs that `matmul` keeps."""
    _program.cache_clear()


def _side(values: Ragged | Sequence[Any], name: str) -> tuple[Ragged | list[Any], Layout, str]:
    """One argument, its layout and its element type; members of differing types are promoted."""
    if isinstance(values, Ragged):
        return values, values.layout, _short(values.dtype, name)
    members: list[Any] = []
    for place, value in enumerate(values):
        try:
            member = as_array(value)
        except TypeError as error:
            message = f"`{name}[{place}]` cannot be read as a matrix: {error}"
            _refuse("RMM706", message, "give arrays of numbers")
        if member.ndim != 2:
            _refuse(
                "RMM706",
                f"`{name}[{place}]` has {member.ndim} axes, shape {member.shape}; a matrix has 2",
                "reshape it to (rows, columns)",
            )
        members.append(member)
    layout = Layout.of_shapes([member.shape for member in members])
    dtypes = {member.dtype: member for member in members} or {np.dtype("float32"): jnp.float32}
    dtype = np.dtype(jax.dtypes.canonicalize_dtype(jnp.result_type(*dtypes.values())))
    return members, layout, _short(dtype, name)


def _short(dtype: Any, name: str) -> str:
    short = from_numpy(dtype)
    if short is None:
        known = ", ".join(str(d.numpy) for d in DTYPES.values())
        help = f"convert it with `.astype` to one of {known}"
        _refuse("RMM709", f"`{name}` has element type {dtype}", help)
    return short


def _precision(precision: Any) -> str:
    return "default" if precision is None else jax.lax.Precision(precision).name.lower()


def _check_pairs(a: Layout, b: Layout) -> None:
    if len(a) != len(b):
        message = f"`As` has {len(a)} matrices and `Bs` {len(b)}"
        _refuse("RMM708", message, "give as many of one as of the other")
    for side, layout in (("As", a), ("Bs", b)):
        if layout.scalar:
            _refuse("RMM708", f"`{side}` holds scalars", "multiply matrices; scale with `*`")
    wrong = np.flatnonzero(a.cols != b.rows)
    if len(wrong):
        i = int(wrong[0])
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        help = "the columns of each `As[i]` must be as many as the rows of `Bs[i]`"
        _refuse("RMM708", f"inner sizes differ: As[{i}] is {a.shape(i)}, Bs[{i}] is {b.shape(i)}{more}", help)


def _refuse(code: str, message: str, help: str) -> NoReturn:
    raise RmmError([Diagnostic(code, "error", message, help=help)])


@lru_cache(_PROGRAMS)
def _program(
    a: Layout,
    a_dtype: str,
    b: Layout,
    b_dtype: str,
    precision: str,
    target: Target,
    kernel: KernelName,
    x64: bool,
) -> Program:
    _check_pairs(a, b)  # here, since layouts that have a program are right
    graph = Graph()
    left = graph.add(Input(FamilyType(a.rows, a.cols, a_dtype), ("As",), True, Origin("As")))
    right = graph.add(Input(FamilyType(b.rows, b.cols, b_dtype), ("Bs",), True, Origin("Bs")))
    type = FamilyType(a.rows, b.cols, promote(a_dtype, b_dtype))
    arithmetic = Arithmetic(precision)
    result = graph.add(
        Product(type, Operand(left), Operand(right), arithmetic=arithmetic, origin=Origin("C"))
    )
    graph.outputs = (Output(("C",), Operand(result), True),)
    options = Options(target=target, kernel=kernel, x64=x64)
    return Program(plan_graph(normalise(graph), options), options, spec=graph)
