"""A `Recipe`, buffers and tables in, output buffers out: the traced half of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, assert_never

import jax
import jax.numpy as jnp
from jax import lax

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.xla.arithmetic import product, scaled
from raggeddsl.kernels.xla.fusion import after
from raggeddsl.kernels.xla.gathering import (
    add_blocks,
    add_range,
    add_strips,
    pick_blocks,
    stretches,
)
from raggeddsl.kernels.xla.run_tiles import add_tiles
from raggeddsl.kernels.xla.steps import (
    Blocks,
    ExactStep,
    Operands,
    Picked,
    RangeStep,
    Recipe,
    Shared,
    StageSteps,
    Step,
    StripStep,
    TileStep,
    Whole,
)

Tables = Sequence[Any]
Buffers = dict[int, Any]
Held = TypeVar("Held")


def run_recipe(recipe: Recipe, buffers: Sequence[Any], tables: Tables) -> tuple[Any, ...]:
    """The output buffers, given the input buffers (1-D) and the tables."""
    tables = [jnp.asarray(table) for table in tables]
    memory: Buffers = dict(zip(recipe.inputs, buffers, strict=True))
    for stage in recipe.stages:
        memory[stage.buffer] = _run_stage(recipe, stage, memory, tables)
    return tuple(memory[b] if b in memory else _zeros(*recipe.buffers[b]) for b in recipe.outputs)


def _zeros(dtype: str, size: int) -> jax.Array:
    return jnp.zeros(size, DTYPES[dtype].numpy)


def _run_stage(recipe: Recipe, stage: StageSteps, memory: Buffers, tables: Tables) -> jax.Array:
    dtype, size = recipe.buffers[stage.buffer]
    out = memory.get(stage.buffer)
    if out is not None:
        out = out.astype(DTYPES[stage.wide].numpy)
    for step in stage.steps:
        if out is None:
            out = _whole_buffer(step, size, DTYPES[stage.wide].numpy, memory, tables)
            if out is not None:
                continue
            out = _zeros(stage.wide, size)
        out = _add(step, out, memory, tables, stage.alone)
    return _zeros(dtype, size) if out is None else out.astype(DTYPES[dtype].numpy)


def _whole_buffer(step: Step, size: int, dtype: Any, memory: Buffers, tables: Tables) -> jax.Array | None:
    """All of a buffer that this step alone fills, without zeros to add to; None if it does not."""
    match step:
        case ExactStep(chunks=1, c=Whole(0)) if step.tasks * step.m * step.n == size:
            return _exact_products(step, dtype, memory, _only_chunk(tables)).reshape(-1)
        case RangeStep(c=0) if step.size == size:
            return _range(step, dtype, memory)
        case _:
            return None


def _only_chunk(tables: Tables) -> Callable[[int], Any]:
    return lambda number: tables[number][0]


def _add(step: Step, out: jax.Array, memory: Buffers, tables: Tables, alone: bool) -> jax.Array:
    """`out` with what the step computes added; with `alone` to places where there are only zeros yet."""
    match step:
        case RangeStep():
            return add_range(out, _range(step, out.dtype, memory), step.c, alone)
        case TileStep():
            held = (out, jnp.zeros((), out.dtype))
            held = _chunked(step, held, tables, lambda h, table: add_tiles(step, *h, memory, table))
            return after(*held, tables[step.pieces])
        case ExactStep():
            return _chunked(step, out, tables, lambda o, t: _add_exact(step, o, memory, t, alone))
        case StripStep():
            return _chunked(step, out, tables, lambda o, t: _add_copies(step, o, memory, t))
        case _:
            assert_never(step)


def _tables_of(step: TileStep | ExactStep | StripStep) -> tuple[int, ...]:
    """The tables that have one row a chunk."""
    scale = [number for number in (step.scale.factors, step.scale.s_offsets) if number >= 0]
    match step:
        case TileStep():
            tables = [step.pieces, step.tiles, *(box.last for box in step.boxes if box.last >= 0)]
        case ExactStep():
            tables = [blocks.table for blocks in (step.a, step.b, step.c) if isinstance(blocks, Picked)]
        case StripStep():
            tables = [step.strips]
        case _:
            assert_never(step)
    return (*tables, *scale)


def _chunked(
    step: TileStep | ExactStep | StripStep,
    held: Held,
    tables: Tables,
    body: Callable[[Held, Callable[[int], Any]], Held],
) -> Held:
    """`body(held, table)` for each chunk in turn; `table(number)` is that chunk's row of a table."""
    if step.chunks == 1:
        return body(held, _only_chunk(tables))

    # Without the checkpoint a gradient would keep all that was gathered.
    @jax.checkpoint
    def one_chunk(held: Held, rows: dict[int, Any]) -> tuple[Held, None]:
        return body(held, rows.__getitem__), None

    return lax.scan(one_chunk, held, {number: tables[number] for number in _tables_of(step)})[0]


def _range(step: RangeStep, dtype: Any, memory: Buffers) -> jax.Array:
    data = memory[step.a_buffer]
    if step.a or step.size != data.shape[0]:
        data = lax.slice(data, (step.a,), (step.a + step.size,))
    return scaled(step.scale, data, dtype, memory, lambda number: None)


def _add_copies(step: StripStep, out: jax.Array, memory: Buffers, table: Callable[[int], Any]) -> jax.Array:
    a, stride, c, length = table(step.strips)
    values = stretches(memory[step.a_buffer], a, length, step.width, stride)
    return add_strips(out, scaled(step.scale, values, out.dtype, memory, table), c, length)


def _add_exact(
    step: ExactStep, out: jax.Array, memory: Buffers, table: Callable[[int], Any], alone: bool
) -> jax.Array:
    products = _exact_products(step, out.dtype, memory, table)
    match step.c:
        case Picked(number):
            return add_blocks(out, products.reshape(step.tasks, -1), table(number))
        case Whole(start) | Shared(start):
            return add_range(out, products.reshape(-1), start, alone and step.chunks == 1)
        case _:
            assert_never(step.c)


def _exact_products(step: ExactStep, dtype: Any, memory: Buffers, table: Callable[[int], Any]) -> jax.Array:
    """`dtype[tasks, m, n]`, or the sum `dtype[m, n]` where all add to one block."""
    operands = step.operands
    a_shape = (step.k, step.m) if operands.a_t else (step.m, step.k)
    b_shape = (step.n, step.k) if operands.b_t else (step.k, step.n)
    a = _read(step.a, step.tasks, a_shape, memory[operands.a_buffer], table)
    b = _read(step.b, step.tasks, b_shape, memory[operands.b_buffer], table)
    inner = (0 if operands.a_t else 1, 1 if operands.b_t else 0)
    products = (
        _singly(operands, a, b, inner)
        if step.singly
        else _batched(operands, a, b, inner, summed=isinstance(step.c, Shared))
    )
    if step.tasks == 1:
        products = products.reshape(1, step.m, step.n)
    return scaled(step.scale, products, dtype, memory, table)


def _singly(operands: Operands, a: jax.Array, b: jax.Array, inner: tuple[int, int]) -> jax.Array:
    """The products of `a` and `b`, each 2-D where shared, one after another."""
    dims = (((inner[0],), (inner[1],)), ((), ()))
    stacks = tuple(x for x in (a, b) if x.ndim == 3)

    def multiplied(slices: tuple[jax.Array, ...]) -> jax.Array:
        first = slices[0] if a.ndim == 3 else a
        last = slices[-1] if b.ndim == 3 else b
        return product(operands, first, last, dims)

    return lax.map(multiplied, stacks)


def _read(
    blocks: Blocks, tasks: int, shape: tuple[int, int], data: jax.Array, table: Callable[[int], Any]
) -> jax.Array:
    """`[tasks, *shape]`, or `shape` where all tasks share one block."""
    size = shape[0] * shape[1]
    match blocks:
        case Picked(number):
            return pick_blocks(data, table(number), size).reshape(tasks, *shape)
        case Shared(start):
            return lax.slice(data, (start,), (start + size,)).reshape(shape)
        case Whole(start):
            whole = start == 0 and data.shape[0] == tasks * size
            flat = data if whole else lax.slice(data, (start,), (start + tasks * size,))
            return flat.reshape(shape if tasks == 1 else (tasks, *shape))
        case _:
            assert_never(blocks)


def _batched(
    operands: Operands, a: jax.Array, b: jax.Array, inner: tuple[int, int], summed: bool
) -> jax.Array:
    """The products of `a` and `b`, each 2-D where shared; `inner` are their inner axes as 2-D arrays."""
    of_a, of_b = inner[0] + a.ndim - 2, inner[1] + b.ndim - 2
    if a.ndim == 3 and b.ndim == 3:
        dims = (((0, of_a), (0, of_b)), ((), ())) if summed else (((of_a,), (of_b,)), ((0,), (0,)))
        return product(operands, a, b, dims)
    products = product(operands, a, b, (((of_a,), (of_b,)), ((), ())))
    if products.ndim == 2:
        return products
    # A shared operand: the free axes come out as (a's, b's); the tasks' axis belongs in front.
    if b.ndim == 3:
        products = jnp.moveaxis(products, 1, 0)
    return products.sum(axis=0) if summed else products
