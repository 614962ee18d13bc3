"""Packed data and its layout in, its members copied, scaled, measured or summed out.

Each is a graph of one node without a spec, whose executable is kept for the next call with the same
layout.  Members are cut into runs of a bounded length where their shape does not matter, so that large
ones are shared among the workers too, and rounding errors stay those of short sums.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.caches import kept
from raggeddsl.configuration import x64_enabled
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES, from_numpy, promote
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, FamilyType, Input, Node, Operand, Origin, Output, Product, Term
from raggeddsl.lowering.executable import Executable, run
from raggeddsl.lowering.lower import lower_graph
from raggeddsl.native.library import register
from raggeddsl.options import Options
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.product_types import short_of

_PROGRAMS = 64
"""How many layouts keep their programs, for each kind."""
_FEW = 8
"""Fewer members than this are slices under `jit`."""


def row_major(data: Any, layout: Layout) -> Any:
    """A copy of `data` in which members lie row-major."""
    check_packed(data, layout)
    return _run(_row_major(layout, short_of(data.dtype, "the Ragged"), x64_enabled()), data)


def scaled(data: Any, layout: Layout, factors: Any) -> Any:
    """The elements of `s * a` for each member a and its own factor s; `factors` is `dtype[N]`."""
    check_packed(data, layout)
    try:
        numbers = jnp.asarray(factors)
    except (TypeError, ValueError):
        message = f"factors are numbers, not a value of type `{type(factors).__name__}`"
        refuse("RMM711", message, f"give one number a member: an array of shape ({len(layout)},)")
    if numbers.shape != (len(layout),):
        message = f"factors of shape {numbers.shape} for {len(layout)} members"
        refuse("RMM711", message, f"give one number a member: an array of shape ({len(layout)},)")
    dtype = jnp.result_type(data, numbers)
    elements, scales = (jnp.asarray(x, None if x.dtype.kind == "i" else dtype) for x in (data, numbers))
    shorts = short_of(elements.dtype, "the Ragged"), short_of(scales.dtype, "the factors")
    return _run(_scaled(layout, *shorts, x64_enabled()), elements, scales)


def norm(data: Any, layout: Layout) -> jax.Array:
    """The Frobenius norm of each member, real[N]; its gradient is zero where it is zero."""
    check_packed(data, layout)
    if not jnp.issubdtype(data.dtype, jnp.inexact):
        data = jnp.asarray(data, jnp.float32)
    conjugate = jnp.conj(data) if jnp.iscomplexobj(data) else data
    return _root(_inner(layout, data, conjugate)).astype(jnp.finfo(data.dtype).dtype)


def sums(data: Any, layout: Layout) -> jax.Array:
    """The sum of each member, dtype[N]; int32 for integers."""
    check_packed(data, layout)
    if not jnp.issubdtype(data.dtype, jnp.inexact):
        data = jnp.asarray(data, jnp.int32)
    return _inner(layout, data, jnp.ones_like(data)).astype(data.dtype)


def separated(data: Any, layout: Layout) -> list[jax.Array] | None:
    """Every member as an array of its own, by one call that has a result for each; None where there is none.

    XLA compiles a slice for each member (some 20 ms each on a CPU), but the native kernel's call as a
    whole.
    """
    short = from_numpy(data.dtype)
    if len(layout) < _FEW or layout.scalar or short is None or data.shape != (layout.size,):
        return None
    if jax.default_backend() != "cpu" or register() is not None:
        return None
    position = layout.transposed if layout.column_major else layout
    copied = _separated(position, short, x64_enabled())
    families = zip(copied([data]), position.shape_list, strict=True)
    members = [family.reshape(shape) for family, shape in families]
    return [member.T for member in members] if layout.column_major else members


def check_packed(data: Any, layout: Layout, name: str = "data") -> None:
    """Raise RMM711 if there is an axis more, as `jax.vmap` has stacked packed elements."""
    if np.shape(data) != (layout.size,):
        refuse(
            "RMM711",
            f"the elements of `{name}` have shape {np.shape(data)}, and its members take ({layout.size},)",
            "where it holds a batch, call this inside `jax.vmap`",
        )


def one_node(graph: Graph, node: Node, options: Options) -> Executable:
    """What computes `node`, a family and the one output."""
    graph.outputs = (Output(("C",), Operand(graph.add(node)), True),)
    return lower_graph(graph, options)


def family_input(graph: Graph, name: str, type: FamilyType, family: bool = True) -> int:
    """A new input of `graph`: a family, or one matrix."""
    return graph.add(Input(type, (name,), family, Origin(name)))


def _run(executable: Executable, *buffers: Any) -> Any:
    """The elements of the one output."""
    return run(executable, buffers)[0]


@kept(_PROGRAMS)
def _row_major(layout: Layout, dtype: str, x64: bool) -> Executable:
    graph = Graph()
    type = FamilyType(layout.rows, layout.cols, dtype)
    x = family_input(graph, "A", type.transpose())
    node = Combine(type, (Term(Operand(x, None, True)),), origin=Origin("C"))
    return one_node(graph, node, Options(target="fused", x64=x64))


@kept(_PROGRAMS)
def _separated(layout: Layout, dtype: str, x64: bool) -> Executable:
    """A copy of each member, as a family of its own.  Raises RMM510 where there is no native kernel."""
    graph = Graph()
    x = family_input(graph, "A", FamilyType(layout.rows, layout.cols, dtype))
    outputs = []
    for member in range(len(layout)):
        span = slice(member, member + 1)
        type = FamilyType(layout.rows[span], layout.cols[span], dtype)
        term = Term(Operand(x, np.array([member])))
        name = f"C{member}"
        outputs.append(Output((name,), Operand(graph.add(Combine(type, (term,), origin=Origin(name)))), True))
    graph.outputs = tuple(outputs)
    options = Options(target="fused", kernel="native", x64=x64)
    return lower_graph(graph, options)


@kept(_PROGRAMS)
def _scaled(layout: Layout, dtype: str, factor: str, x64: bool) -> Executable:
    graph = Graph()
    sizes, owners = layout.pieces
    ones = np.ones(len(layout), np.int64)
    x = family_input(graph, "A", _runs(sizes, dtype))
    s = family_input(graph, "s", FamilyType(ones, ones, factor, True))
    term = Term(Operand(x), by=Operand(s, owners))
    node = Combine(_runs(sizes, promote(dtype, factor)), (term,), origin=Origin("C"))
    return one_node(graph, node, Options(target="fused", x64=x64))


def _inner(layout: Layout, a: Any, b: Any) -> Any:
    """The sum of `a * b` over each member, in the type that products of theirs accumulate in."""
    inner_products = _run(_inner_products(layout, short_of(a.dtype, "the Ragged"), x64_enabled()), a, b)
    _, owners = layout.pieces
    return inner_products if len(owners) == len(layout) else _added(inner_products, owners, len(layout))


@kept(_PROGRAMS)
def _inner_products(layout: Layout, dtype: str, x64: bool) -> Executable:
    """The inner product of two buffers over each of `layout.pieces`."""
    graph = Graph()
    sizes, _ = layout.pieces
    type = _runs(sizes, dtype)
    a, b = family_input(graph, "A", type), family_input(graph, "B", type)
    ones = np.ones(len(sizes), np.int64)
    wide = FamilyType(ones, ones, DTYPES[dtype].accumulate, True)
    node = Product(wide, Operand(a), Operand(b, None, True), origin=Origin("C"))
    return one_node(graph, node, Options(target="fused", x64=x64))


def _runs(sizes: np.ndarray, dtype: str) -> FamilyType:
    return FamilyType(np.ones(len(sizes), np.int64), sizes, dtype)


@partial(jax.jit, static_argnums=2)
def _added(values: Any, owners: Any, count: int) -> Any:
    return jax.ops.segment_sum(values, owners, count, indices_are_sorted=True)


@jax.jit
def _root(squares: Any) -> Any:
    """The square root of real numbers, whose derivative at zero is zero."""
    real = jnp.real(squares)
    zero = real == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, real)))
