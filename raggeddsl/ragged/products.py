"""Two sides of packed data or lists in, the products of their members one by one out: a graph of one node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from raggeddsl.caches import kept
from raggeddsl.configuration import x64_enabled
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Operand, Origin, Product
from raggeddsl.lowering.executable import Executable, run
from raggeddsl.options import KernelName, Options, Target
from raggeddsl.packing.arrays import NotAnArray, as_arrays, shapes, types
from raggeddsl.packing.given import Held
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.product_types import product_types
from raggeddsl.packing.values import Value
from raggeddsl.ragged.operations import check_packed, family_input, one_node

_PROGRAMS = 64
"""How many pairs of layouts keep their executable."""


class Products(NamedTuple):
    """The products: packed, or one by one, in row-major `layout`, as `dtype`; to be rounded to `wanted`."""

    value: Value
    layout: Layout
    dtype: np.dtype
    wanted: np.dtype

    def held_by(self, family: Any) -> Any:
        """The products as a `family`, the class `Ragged` or one made of it, in the type that is wanted."""
        products = family.of_value(self.value, self.layout, self.dtype)
        return products if self.wanted == self.dtype else products.astype(self.wanted)


class Side(NamedTuple):
    """One argument: its elements packed or its members, their layout, their element types, weak or not.

    `shared`: it is one matrix, for every product.
    """

    value: Value
    layout: Layout
    types: frozenset[tuple[np.dtype, bool]]
    shared: bool = False


def side_of(values: Any, name: str) -> Side:
    """The side that a `Ragged` is, a list of matrices, or an array: of two axes one matrix, of three several.

    Raises RMM706 for what is not a matrix, RMM711 for a batch outside of `jax.vmap`.
    """
    if isinstance(values, Held):
        data = values.data
        check_packed(data, values.layout, name)
        return Side(data, values.layout, frozenset([_type(data)]))
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__") or _axes(values) == 0:
        message = f"`{name}` is a value of type `{type(values).__name__}`, not a list of matrices"
        refuse("RMM706", message, "give a list of arrays, a `Ragged`, or one array of two or three axes")
    single = isinstance(values, jax.Array | np.ndarray) and np.ndim(values) == 2
    try:
        members = as_arrays([values] if single else values)
    except NotAnArray as error:
        called = f"{name}[{error.place}]"
        refuse("RMM706", f"`{called}` cannot be read as a matrix: {error.said}", "give arrays of numbers")
    shape_list = shapes(members)
    if set(map(len, shape_list)) - {2}:
        place = next(place for place, shape in enumerate(shape_list) if len(shape) != 2)
        axes = f"{len(shape_list[place])} ax{'is' if len(shape_list[place]) == 1 else 'es'}"
        message = f"`{name}[{place}]` has {axes}, shape {shape_list[place]}; a matrix has 2"
        refuse("RMM706", message, "reshape it to (rows, columns)")
    return Side(members, Layout.of_shapes(shape_list), frozenset(types(members)), single)


def _axes(values: Any) -> int | None:
    """How many axes an array has; None for what is no array."""
    return len(values.shape) if isinstance(values, jax.Array | np.ndarray) else None


def multiply(
    left: Side,
    right: Side,
    *,
    precision: Any = None,
    preferred: np.dtype | None = None,
    target: Target = "auto",
    kernel: KernelName = "auto",
) -> Products:
    """The products of members in pairs; options are those of `raggeddsl.matmul`, `preferred` as a dtype."""
    x64 = x64_enabled()
    a, b, computed, wanted, converted = product_types(left.types, right.types, preferred, x64)
    kinds = (left.layout, a, left.shared), (right.layout, b, right.shared)
    name = "default" if precision is None else precision_name(precision)
    executable = _executable(*kinds, computed, name, target, kernel, x64)
    if converted:
        left, right = _as_type(left, a), _as_type(right, b)
    results = run(executable, (left.value, right.value))
    group = executable.outputs.groups[0]
    return Products(results[0], group.layout, group.dtype, wanted)


def _as_type(side: Side, short: str) -> Side:
    """With packed elements of this type, which weak ones are not; lists are converted as they are packed."""
    if not isinstance(side.value, list) and side.value.dtype != DTYPES[short].numpy:
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


@kept(_PROGRAMS)
def _executable(
    a: _Kind, b: _Kind, out: str, precision: str, target: Target, kernel: KernelName, x64: bool
) -> Executable:
    _check_pairs(a, b)  # here, since layouts that have an executable are right
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
