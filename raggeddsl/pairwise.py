"""Two lists of matrices in, their products one by one out: `matmul`, a graph of one node without a spec."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.dtypes import DTYPES, promote
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Operand, Origin, Product
from raggeddsl.memberwise import checked, family_input, one_node, short_of
from raggeddsl.options import KernelName, Options, Target
from raggeddsl.program import Program
from raggeddsl.ragged import Ragged
from raggeddsl.runtime.configuration import x64_enabled
from raggeddsl.runtime.layout import Layout
from raggeddsl.runtime.members import as_array
from raggeddsl.runtime.receive import Received
from raggeddsl.runtime.refuse import refuse

_PROGRAMS = 64
"""How many pairs of layouts keep their program."""


def matmul(
    As: Any,
    Bs: Any,
    *,
    precision: Any = None,
    preferred_element_type: Any = None,
    target: Target = "auto",
    kernel: KernelName = "auto",
) -> Any:
    """Equivalent to `[a @ b for a, b in zip(As, Bs)]`, as one program.

    `As[i]` is `dtype[m_i, k_i]`, `Bs[i]` is `dtype[k_i, n_i]`.  A side is a `Ragged`, a list, an
    array with a leading axis of members, or one array of two axes, which every product shares.
    Two lists give a list of `jax.Array`s, a `Ragged` on either side gives a `Ragged`; transposes
    by `.T` are read where they lie.

    `precision` and `preferred_element_type` are those of `jnp.matmul`, and element types promote
    as there, weak ones too.  The program is kept for the next call with the same shapes.  Works
    under `jax.jit`, `jax.grad` and `jax.vmap`.

    Raises `RmmError`: RMM706 for what is not a matrix, RMM708 where lengths or inner sizes differ,
    RMM709 for an element type that the language has not, RMM711 for a batch outside of `jax.vmap`.
    """
    left, right = _side(As, "As"), _side(Bs, "Bs")
    _check_pairs(left, right)
    out, wanted = _result_type(left, right, preferred_element_type)
    arithmetic = Arithmetic(_precision(precision))
    program = _program(left.kind(), right.kind(), out, arithmetic, target, kernel, x64_enabled())
    groups = program.inputs.groups
    given = [Received(group, side.value) for group, side in zip(groups, (left, right), strict=True)]
    result = program.run(given)["C"]
    if wanted != result.dtype:
        result = result.astype(wanted)
    return result if isinstance(As, Ragged) or isinstance(Bs, Ragged) else result.to_list()


def clear_matmul() -> None:
    """Forget the programs that `matmul` keeps."""
    _program.cache_clear()


@dataclass(frozen=True, slots=True)
class _Side:
    """One argument, checked: its members, how they lie, and `like`, values that stand for their types."""

    name: str
    value: Ragged | list[Any]
    layout: Layout
    dtype: Any
    like: tuple[Any, ...]
    shared: bool = False

    def kind(self) -> tuple[Layout, str, bool]:
        """All that a program depends on."""
        return self.layout, short_of(self.dtype, f"`{self.name}`"), self.shared


def _side(values: Any, name: str) -> _Side:
    """One argument; members of differing types are promoted."""
    if isinstance(values, Ragged):
        data = checked(values, f"`{name}`")
        # The program knows the members as they lie, and reads them transposed.
        lying = Ragged(data, values.layout.transposed) if values.layout.column_major else values
        return _Side(name, lying, values.layout, data.dtype, (data,))
    single = np.ndim(values) == 2 if isinstance(values, jax.Array | np.ndarray) else False
    members: list[Any] = []
    for place, value in enumerate([values] if single else values):
        called = name if single else f"{name}[{place}]"
        try:
            member = as_array(value)
        except TypeError as error:
            refuse("RMM706", f"`{called}` cannot be read as a matrix: {error}", "give arrays of numbers")
        if member.ndim != 2:
            message = f"`{called}` has {member.ndim} axes, shape {member.shape}; a matrix has 2"
            refuse("RMM706", message, "reshape it to (rows, columns)")
        members.append(member)
    layout = Layout.of_shapes([member.shape for member in members])
    like = tuple({(m.dtype, getattr(m, "weak_type", False)): m for m in members}.values())
    dtype = np.dtype(jax.dtypes.canonicalize_dtype(jnp.result_type(*like or (jnp.float32,))))
    return _Side(name, members, layout, dtype, like, single)


def _result_type(left: _Side, right: _Side, preferred: Any) -> tuple[str, np.dtype]:
    """The type that the program computes in, and the one of the result.

    They differ where a narrower type is preferred, to which the products are rounded.
    """
    common = promote(left.kind()[1], right.kind()[1])
    like = (*left.like, *right.like)
    natural = np.dtype(jax.dtypes.canonicalize_dtype(jnp.result_type(*like))) if like else left.dtype
    if preferred is None:
        return common, natural
    wanted = np.dtype(jax.dtypes.canonicalize_dtype(preferred))
    short = short_of(wanted, "`preferred_element_type`")
    if not np.can_cast(_KINDS[DTYPES[common].kind], _KINDS[DTYPES[short].kind]):
        refuse(
            "RMM709",
            f"`preferred_element_type` is {wanted}, which cannot hold products of {DTYPES[common].numpy}",
            "prefer a type of the same kind, or of one that holds it",
        )
    return (short if promote(common, short) == short else common), wanted


_KINDS = {"integer": "i1", "float": "f8", "complex": "c16"}


def _precision(precision: Any) -> str:
    return "default" if precision is None else jax.lax.Precision(precision).name.lower()


def _check_pairs(left: _Side, right: _Side) -> None:
    a, b = left.layout, right.layout
    if len(a) != len(b) and not (left.shared or right.shared):
        message = f"`As` has {len(a)} matrices and `Bs` {len(b)}"
        refuse("RMM708", message, "give as many of one as of the other")
    for side, layout in (("As", a), ("Bs", b)):
        if layout.scalar:
            refuse("RMM708", f"`{side}` holds scalars", "multiply matrices; scale with `*`")
    wrong = np.flatnonzero(a.cols != b.rows)
    if len(wrong):
        i = int(wrong[0])
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        shown = [
            f"{side.name} is {side.layout.shape(0)}"
            if side.shared
            else f"{side.name}[{i}] is {side.layout.shape(i)}"
            for side in (left, right)
        ]
        help = "the columns of each `As[i]` must be as many as the rows of `Bs[i]`"
        refuse("RMM708", f"inner sizes differ: {shown[0]}, {shown[1]}{more}", help)


_Kind = tuple[Layout, str, bool]
"""How one side lies, its element type, and whether it is one matrix for all products."""


@lru_cache(_PROGRAMS)
def _program(
    a: _Kind, b: _Kind, out: str, arithmetic: Arithmetic, target: Target, kernel: KernelName, x64: bool
) -> Program:
    graph = Graph()
    count = len(b[0]) if a[2] else len(a[0])
    left, right = _operand(graph, "As", a, count), _operand(graph, "Bs", b, count)
    rows, cols = np.broadcast_to(a[0].rows, count), np.broadcast_to(b[0].cols, count)
    node = Product(FamilyType(rows, cols, out), left, right, arithmetic=arithmetic, origin=Origin("C"))
    return one_node(graph, node, Options(target=target, kernel=kernel, x64=x64))


def _operand(graph: Graph, name: str, kind: _Kind, count: int) -> Operand:
    layout, dtype, shared = kind
    type = FamilyType(layout.rows, layout.cols, dtype)
    lying = type.transpose() if layout.column_major else type
    node = family_input(graph, name, lying, not shared)
    return Operand(node, np.zeros(count, np.int64) if shared else None, layout.column_major)
