"""Two lists of matrices in, their products one by one out: `matmul`, a graph of one node without a spec."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np

from raggeddsl.configuration import x64_enabled
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Operand, Origin, Product
from raggeddsl.options import KernelName, Options, Target
from raggeddsl.packing.arrays import NotAnArray, as_arrays, shapes, types
from raggeddsl.packing.element_types import explicit
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.product_types import product_types
from raggeddsl.program.inputs import Received
from raggeddsl.program.program import Program
from raggeddsl.ragged import Ragged
from raggeddsl.ragged.operations import checked, family_input, one_node

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

    `precision` (one for both sides) and `preferred_element_type` are those of `jnp.matmul`, and
    element types promote as there, weak ones too; the language's names for them, such as `bf16`,
    are understood.  Integers narrower than 32 bits, uint32 and booleans are computed as i32, and
    wrap as there.  The program is kept for the next call with the same shapes.  Works under
    `jax.jit`, `jax.grad` and `jax.vmap`.

    Raises `RmmError`: RMM706 for what is not a matrix, RMM708 where lengths or inner sizes differ,
    RMM709 for an element type that there is not, such as int64, RMM711 for a batch outside of `jax.vmap`.
    """
    left, right = _side(As, "As"), _side(Bs, "Bs")
    x64 = x64_enabled()
    preferred = None if preferred_element_type is None else explicit(preferred_element_type, "matmul")
    a, b, computed, wanted, converted = product_types(left.types, right.types, preferred, x64)
    kinds = (left.layout, a, left.shared), (right.layout, b, right.shared)
    named = "default" if precision is None else precision_name(precision)
    program = _program(*kinds, computed, named, target, kernel, x64)
    if converted:
        left, right = _as_type(left, a), _as_type(right, b)
    if isinstance(left.value, Ragged) and isinstance(right.value, Ragged):
        result = program({"As": left.value, "Bs": right.value})["C"]
    else:
        groups = zip(program.inputs.groups, (left, right), strict=True)
        result = program.run([Received(group, side.value) for group, side in groups])["C"]
    if wanted != DTYPES[computed].numpy:
        result = result.astype(wanted)
    return result if isinstance(As, Ragged) or isinstance(Bs, Ragged) else result.to_list()


def clear_matmul() -> None:
    """Forget the programs that `matmul` keeps."""
    _program.cache_clear()
    product_types.cache_clear()


class _Side(NamedTuple):
    """One argument: its members, how they lie, which element types they have, weak or not."""

    value: Ragged | list[Any]
    layout: Layout
    types: frozenset[tuple[np.dtype, bool]]
    shared: bool = False


def _side(values: Any, name: str) -> _Side:
    if isinstance(values, Ragged):
        data = checked(values, name)
        # The program knows the members as they lie, and reads them transposed.
        lying = Ragged(data, values.layout.transposed) if values.layout.column_major else values
        return _Side(lying, values.layout, frozenset([_type(data)]))
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__") or _axes(values) == 0:
        message = f"`{name}` is a value of type `{type(values).__name__}`, not a list of matrices"
        refuse("RMM706", message, "give a list of arrays, a `Ragged`, or one array of two or three axes")
    single = isinstance(values, jax.Array | np.ndarray) and np.ndim(values) == 2
    try:
        members = as_arrays([values] if single else values)
    except NotAnArray as error:
        called = f"{name}[{error.place}]"
        refuse("RMM706", f"`{called}` cannot be read as a matrix: {error.said}", "give arrays of numbers")
    given = shapes(members)
    if set(map(len, given)) - {2}:
        place = next(place for place, shape in enumerate(given) if len(shape) != 2)
        axes = f"{len(given[place])} ax{'is' if len(given[place]) == 1 else 'es'}"
        message = f"`{name}[{place}]` has {axes}, shape {given[place]}; a matrix has 2"
        refuse("RMM706", message, "reshape it to (rows, columns)")
    return _Side(members, Layout.of_shapes(given), frozenset(types(members)), single)


def _axes(values: Any) -> int | None:
    """How many axes an array has; None for what is no array."""
    return len(values.shape) if isinstance(values, jax.Array | np.ndarray) else None


def _as_type(side: _Side, short: str) -> _Side:
    """With a `Ragged` of this type, which a weak one is not; members are converted as they are packed."""
    if isinstance(side.value, Ragged) and side.value.dtype != DTYPES[short].numpy:
        return side._replace(value=side.value.astype(DTYPES[short].numpy))
    return side


def _type(array: Any) -> tuple[np.dtype, bool]:
    return array.dtype, getattr(array, "weak_type", False)


def precision_name(precision: Any) -> str:
    """`default`, `high` or `highest`, for what `jax.lax.Precision` takes, or None.  Raises `ValueError`."""
    try:
        return "default" if precision is None else jax.lax.Precision(precision).name.lower()
    except ValueError:
        known = "None, 'default', 'high' or 'highest', one for both sides"
        raise ValueError(f"`precision` is {known}, not {precision!r}") from None


_Kind = tuple[Layout, str, bool]
"""How one side lies, its element type, and whether it is one matrix for all products."""


@lru_cache(_PROGRAMS)
def _program(
    a: _Kind, b: _Kind, out: str, precision: str, target: Target, kernel: KernelName, x64: bool
) -> Program:
    _check_pairs(a, b)  # here, since layouts that have a program are right
    graph = Graph()
    count = len(b[0]) if a[2] else len(a[0])
    left, right = _operand(graph, "As", a, count), _operand(graph, "Bs", b, count)
    rows, cols = np.broadcast_to(a[0].rows, count), np.broadcast_to(b[0].cols, count)
    arithmetic = Arithmetic(precision)
    node = Product(FamilyType(rows, cols, out), left, right, arithmetic=arithmetic, origin=Origin("C"))
    return one_node(graph, node, Options(target=target, kernel=kernel, x64=x64))


def _check_pairs(left: _Kind, right: _Kind) -> None:
    a, b = left[0], right[0]
    if len(a) != len(b) and not (left[2] or right[2]):
        message = f"`As` has {len(a)} matrices and `Bs` {len(b)}"
        refuse("RMM708", message, "give as many of one as of the other")
    for name, layout in (("As", a), ("Bs", b)):
        if layout.scalar:
            refuse("RMM708", f"`{name}` holds scalars", "multiply matrices; scale with `*`")
    wrong = np.flatnonzero(a.cols != b.rows)
    if len(wrong):
        i = int(wrong[0])
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        shown = [
            f"{name} is {layout.shape(0)}" if shared else f"{name}[{i}] is {layout.shape(i)}"
            for name, (layout, _, shared) in (("As", left), ("Bs", right))
        ]
        help = "the columns of each `As[i]` must be as many as the rows of `Bs[i]`"
        refuse("RMM708", f"inner sizes differ: {shown[0]}, {shown[1]}{more}", help)


def _operand(graph: Graph, name: str, kind: _Kind, count: int) -> Operand:
    layout, dtype, shared = kind
    type = FamilyType(layout.rows, layout.cols, dtype)
    lying = type.transpose() if layout.column_major else type
    node = family_input(graph, name, lying, not shared)
    return Operand(node, np.zeros(count, np.int64) if shared else None, layout.column_major)
