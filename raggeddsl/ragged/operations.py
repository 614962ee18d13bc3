"""A `Ragged` in, its members copied, scaled, measured or summed out: graphs of one node without a spec.

Programs are kept for the next call with the same layout.  Members are cut into runs of a bounded
length where their shape does not matter, so that large ones are shared among the workers too, and
rounding errors stay those of short sums.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.configuration import x64_enabled
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES, from_numpy, promote
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, FamilyType, Input, Node, Operand, Origin, Output, Product, Term
from raggeddsl.graph.passes import normalise
from raggeddsl.native.library import register
from raggeddsl.options import Options
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.product_types import short_of
from raggeddsl.plan import plan_graph
from raggeddsl.program.inputs import Received
from raggeddsl.program.program import Program
from raggeddsl.ragged import Ragged

_PROGRAMS = 64
"""How many layouts keep their programs, for each kind."""
_FEW = 8
"""Fewer members than this are slices under `jit`."""


def row_major(ragged: Ragged) -> Ragged:
    """A copy whose members lie row-major."""
    data = checked(ragged)
    program = _row_major(ragged.layout, short_of(data.dtype, "the Ragged"), x64_enabled())
    return Ragged(_run(program, data), ragged.layout.row_major)


def scaled(ragged: Ragged, factors: Any) -> Ragged:
    """`s * a` for each member a and its own factor s; `factors` is `dtype[N]`."""
    data, layout = checked(ragged), ragged.layout
    try:
        given = jnp.asarray(
            factors.data if isinstance(factors, Ragged) and factors.layout.scalar else factors
        )
    except (TypeError, ValueError):
        message = f"factors are numbers, not a value of type `{type(factors).__name__}`"
        refuse("RMM711", message, f"give one number a member: an array of shape ({len(layout)},)")
    if given.shape != (len(layout),):
        message = f"factors of shape {given.shape} for {len(layout)} members"
        refuse("RMM711", message, f"give one number a member: an array of shape ({len(layout)},)")
    dtype = jnp.result_type(data, given)
    own, other = (jnp.asarray(x, None if x.dtype.kind == "i" else dtype) for x in (data, given))
    shorts = short_of(own.dtype, "the Ragged"), short_of(other.dtype, "the factors")
    return Ragged(_run(_scaled(layout, *shorts, x64_enabled()), own, other), layout)


def norm(ragged: Ragged) -> jax.Array:
    """The Frobenius norm of each member, real[N]; its gradient is zero where it is zero."""
    data = checked(ragged)
    if not jnp.issubdtype(data.dtype, jnp.inexact):
        data = jnp.asarray(data, jnp.float32)
    conjugate = jnp.conj(data) if jnp.iscomplexobj(data) else data
    return _root(_inner(ragged.layout, data, conjugate)).astype(jnp.finfo(data.dtype).dtype)


def sums(ragged: Ragged) -> jax.Array:
    """The sum of each member, dtype[N]; int32 for integers."""
    data = checked(ragged)
    if not jnp.issubdtype(data.dtype, jnp.inexact):
        data = jnp.asarray(data, jnp.int32)
    return _inner(ragged.layout, data, jnp.ones_like(data)).astype(data.dtype)


def separated(ragged: Ragged) -> list[jax.Array] | None:
    """Every member as an array of its own, by one call that has a result for each; None where there is none.

    XLA compiles a slice for each member (some 20 ms each on a CPU), but the native kernel's call as a
    whole.
    """
    data, layout = ragged.data, ragged.layout
    short = from_numpy(data.dtype)
    if len(layout) < _FEW or layout.scalar or short is None or data.shape != (layout.size,):
        return None
    if jax.default_backend() != "cpu" or register() is not None:
        return None
    lying = layout.transposed if layout.column_major else layout
    members = [family[0] for family in _call(_separated(lying, short, x64_enabled()), data).values()]
    return [member.T for member in members] if layout.column_major else members


def clear_memberwise() -> None:
    """Forget the programs that are kept here."""
    for kept in (_row_major, _scaled, _inner_products, _separated):
        kept.cache_clear()


def checked(ragged: Ragged, name: str = "data") -> Any:
    """The packed elements.  Raises RMM711 if there is an axis more, as `jax.vmap` has stacked them."""
    data = ragged.data
    if np.shape(data) != (ragged.layout.size,):
        refuse(
            "RMM711",
            f"the elements of `{name}` have shape {np.shape(data)}, and its members take "
            f"({ragged.layout.size},)",
            "where it holds a batch, call this inside `jax.vmap`",
        )
    return data


def one_node(graph: Graph, node: Node, options: Options) -> Program:
    """The program whose one output, a family, is `node`."""
    graph.outputs = (Output(("C",), Operand(graph.add(node)), True),)
    return Program(plan_graph(normalise(graph, options.tuning.graph), options), options, spec=graph)


def family_input(graph: Graph, name: str, type: FamilyType, family: bool = True) -> int:
    """A new input of `graph`: a family, or one matrix."""
    return graph.add(Input(type, (name,), family, Origin(name)))


def _run(program: Program, *buffers: Any) -> Any:
    """The elements of the one output of `program`."""
    return _call(program, *buffers)["C"].data


def _call(program: Program, *buffers: Any) -> dict[str, Any]:
    groups = program.inputs.groups
    given = [
        Received(group, Ragged(buffer, group.layout)) for group, buffer in zip(groups, buffers, strict=True)
    ]
    return program.run(given)


@lru_cache(_PROGRAMS)
def _row_major(layout: Layout, dtype: str, x64: bool) -> Program:
    graph = Graph()
    type = FamilyType(layout.rows, layout.cols, dtype)
    x = family_input(graph, "A", type.transpose())
    node = Combine(type, (Term(Operand(x, None, True)),), origin=Origin("C"))
    return one_node(graph, node, Options(target="fused", x64=x64))


@lru_cache(_PROGRAMS)
def _separated(layout: Layout, dtype: str, x64: bool) -> Program:
    """A copy of each member, as a family of its own.  Raises RMM510 where there is no native kernel."""
    graph = Graph()
    x = family_input(graph, "A", FamilyType(layout.rows, layout.cols, dtype))
    outputs = []
    for member in range(len(layout)):
        own = slice(member, member + 1)
        type = FamilyType(layout.rows[own], layout.cols[own], dtype)
        term = Term(Operand(x, np.array([member])))
        name = f"C{member}"
        outputs.append(Output((name,), Operand(graph.add(Combine(type, (term,), origin=Origin(name)))), True))
    graph.outputs = tuple(outputs)
    options = Options(target="fused", kernel="native", x64=x64)
    return Program(plan_graph(normalise(graph, options.tuning.graph), options), options, spec=graph)


@lru_cache(_PROGRAMS)
def _scaled(layout: Layout, dtype: str, factor: str, x64: bool) -> Program:
    graph = Graph()
    sizes, owners = layout.pieces
    one = np.ones(len(layout), np.int64)
    x = family_input(graph, "A", _runs(sizes, dtype))
    s = family_input(graph, "s", FamilyType(one, one, factor, True))
    term = Term(Operand(x), by=Operand(s, owners))
    node = Combine(_runs(sizes, promote(dtype, factor)), (term,), origin=Origin("C"))
    return one_node(graph, node, Options(target="fused", x64=x64))


def _inner(layout: Layout, a: Any, b: Any) -> Any:
    """The sum of `a * b` over each member, in the type that products of theirs accumulate in."""
    found = _run(_inner_products(layout, short_of(a.dtype, "the Ragged"), x64_enabled()), a, b)
    _, owners = layout.pieces
    return found if len(owners) == len(layout) else _added(found, owners, len(layout))


@lru_cache(_PROGRAMS)
def _inner_products(layout: Layout, dtype: str, x64: bool) -> Program:
    """The inner product of two buffers over each of `layout.pieces`."""
    graph = Graph()
    sizes, _ = layout.pieces
    type = _runs(sizes, dtype)
    a, b = family_input(graph, "A", type), family_input(graph, "B", type)
    one = np.ones(len(sizes), np.int64)
    wide = FamilyType(one, one, DTYPES[dtype].accumulate, True)
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
