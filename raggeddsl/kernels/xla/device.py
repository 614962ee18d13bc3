"""A `Recipe`, buffers and tables in, output buffers out: the traced half of the kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

import jax
import jax.numpy as jnp
from jax import lax

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.xla.gathering import (
    add_blocks,
    add_range,
    add_strips,
    add_wide_strips,
    pick_blocks,
    stretches,
    tile_operand,
)
from raggeddsl.kernels.xla.steps import (
    Blocks,
    Box,
    ExactStep,
    Operands,
    Picked,
    RangeStep,
    Recipe,
    Scale,
    Shared,
    StageSteps,
    Step,
    StripStep,
    TileStep,
    Whole,
)

Tables = Sequence[Any]
Buffers = dict[int, Any]


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
            strips = tables[step.strips]
            return _chunked(step, out, tables, lambda o, t: _add_tiles(step, o, memory, t, strips))
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
            own = [step.pieces, step.tiles, *([step.last] if step.last >= 0 else [])]
        case ExactStep():
            own = [blocks.table for blocks in (step.a, step.b, step.c) if isinstance(blocks, Picked)]
        case StripStep():
            own = [step.strips]
        case _:
            assert_never(step)
    return (*own, *scale)


def _chunked(
    step: TileStep | ExactStep | StripStep,
    out: jax.Array,
    tables: Tables,
    body: Callable[[jax.Array, Callable[[int], Any]], jax.Array],
) -> jax.Array:
    """`body(out, table)` for each chunk in turn, `table(number)` being that chunk's row of a table."""
    if step.chunks == 1:
        return body(out, _only_chunk(tables))

    # Without the checkpoint a gradient would keep all that was gathered.
    @jax.checkpoint
    def one(held: jax.Array, rows: dict[int, Any]) -> tuple[jax.Array, None]:
        return body(held, rows.__getitem__), None

    return lax.scan(one, out, {number: tables[number] for number in _tables_of(step)})[0]


def _scaled(
    scale: Scale, values: jax.Array, dtype: Any, memory: Buffers, table: Callable[[int], Any], of: Any = None
) -> jax.Array:
    """`values` in `dtype`, multiplied: one factor for all, or one for each of the first axis.

    With `of`, int32 as long as the first axis, entry i takes the factor of task `of[i]`.  16-bit
    floats are multiplied in f32 and rounded once.
    """
    work = jnp.promote_types(values.dtype, dtype)
    work = jnp.float32 if work in (jnp.bfloat16, jnp.float16) else work
    if scale.factor != 1:
        values = values.astype(work) * jnp.asarray(scale.factor).astype(work)
    if scale.factors >= 0:
        values = _times(values.astype(work), table(scale.factors).astype(work), of)
    if scale.s_buffer >= 0:
        s = memory[scale.s_buffer].at[table(scale.s_offsets)].get(mode="promise_in_bounds")
        values = _times(values.astype(work), s.astype(work), of)
    return values.astype(dtype)


def _times(values: jax.Array, factors: jax.Array, of: Any) -> jax.Array:
    own = factors if of is None else factors.at[of].get(mode="promise_in_bounds")
    return values * own.reshape(-1, *[1] * (values.ndim - 1))


def _range(step: RangeStep, dtype: Any, memory: Buffers) -> jax.Array:
    data = memory[step.a_buffer]
    if step.a or step.size != data.shape[0]:
        data = lax.slice(data, (step.a,), (step.a + step.size,))
    return _scaled(step.scale, data, dtype, memory, lambda number: None)


def _add_copies(step: StripStep, out: jax.Array, memory: Buffers, table: Callable[[int], Any]) -> jax.Array:
    a, stride, c, length = table(step.strips)
    values = stretches(memory[step.a_buffer], a, length, step.width, stride)
    return add_strips(out, _scaled(step.scale, values, out.dtype, memory, table), c, length)


def _product(operands: Operands, a: jax.Array, b: jax.Array, dims: Any) -> jax.Array:
    work = DTYPES[operands.work].numpy
    precision = None if operands.precision == "default" else lax.Precision(operands.precision)
    accum = DTYPES[operands.accum].numpy
    return lax.dot_general(
        a.astype(work), b.astype(work), dims, precision=precision, preferred_element_type=accum
    )


def _add_tiles(
    step: TileStep, out: jax.Array, memory: Buffers, table: Callable[[int], Any], strips: jax.Array
) -> jax.Array:
    pieces, tiles = table(step.pieces), table(step.tiles)
    results, task, piece = [], 0, 0
    for box in step.boxes:
        own_tiles = tiles[:, task : task + box.tasks]
        own_pieces = pieces[:, piece : piece + box.tasks * box.pieces].reshape(5, box.tasks, box.pieces)
        results.append(_box(step.operands, box, memory, own_pieces, own_tiles).reshape(-1))
        task, piece = task + box.tasks, piece + box.tasks * box.pieces
    # Scattered together: one scatter compiles faster than one a box.
    values = lax.optimization_barrier(lax.concatenate(results, 0)).reshape(-1, step.width)
    of, row, column = strips
    rows, columns, offset, stride = (t.at[of].get(mode="promise_in_bounds") for t in tiles)
    length = jnp.where(row < rows, columns - column, 0)
    values = _scaled(step.scale, values, out.dtype, memory, table, of)
    last = None if step.last < 0 else table(step.last)
    return add_wide_strips(out, values, offset + row * stride + column, length, last)


def _box(operands: Operands, box: Box, memory: Buffers, pieces: jax.Array, tiles: jax.Array) -> jax.Array:
    """`accum[tasks, bm, bn]`."""
    a_at, a_stride, b_at, b_stride, length = pieces
    a = tile_operand(
        memory[operands.a_buffer], (a_at, a_stride, length), tiles[0], box.bm, box.bk, not operands.a_t
    )
    b = tile_operand(
        memory[operands.b_buffer], (b_at, b_stride, length), tiles[1], box.bn, box.bk, operands.b_t
    )
    inner = ((1,) if operands.a_t else (2,), (2,) if operands.b_t else (1,))
    return _product(operands, a, b, (inner, ((0,), (0,))))


def _add_exact(
    step: ExactStep, out: jax.Array, memory: Buffers, table: Callable[[int], Any], alone: bool
) -> jax.Array:
    found = _exact_products(step, out.dtype, memory, table)
    match step.c:
        case Picked(number):
            return add_blocks(out, found.reshape(step.tasks, -1), table(number))
        case Whole(start) | Shared(start):
            return add_range(out, found.reshape(-1), start, alone and step.chunks == 1)
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
    found = (
        _singly(operands, a, b, inner)
        if step.singly
        else _batched(operands, a, b, inner, summed=isinstance(step.c, Shared))
    )
    if step.tasks == 1:
        found = found.reshape(1, step.m, step.n)
    return _scaled(step.scale, found, dtype, memory, table)


def _singly(operands: Operands, a: jax.Array, b: jax.Array, inner: tuple[int, int]) -> jax.Array:
    """The products of `a` and `b`, each 2-D where shared, one after another."""
    dims = (((inner[0],), (inner[1],)), ((), ()))
    own = tuple(x for x in (a, b) if x.ndim == 3)

    def one(given: tuple[jax.Array, ...]) -> jax.Array:
        first = given[0] if a.ndim == 3 else a
        last = given[-1] if b.ndim == 3 else b
        return _product(operands, first, last, dims)

    return lax.map(one, own)


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
        return _product(operands, a, b, dims)
    found = _product(operands, a, b, (((of_a,), (of_b,)), ((), ())))
    if found.ndim == 2:
        return found
    # A shared operand: the free axes come out as (a's, b's); the tasks' axis belongs in front.
    if b.ndim == 3:
        found = jnp.moveaxis(found, 1, 0)
    return found.sum(axis=0) if summed else found
