"""A plan, a recipe and its tables in; nothing out, or a `ScheduleFault` that names what is at fault.

XLA orders what depends on each other, so that what is left to show is what is added: that every gather
and scatter stays inside its buffer (XLA clamps and drops silently what does not), that what is read is
complete, that nothing is overwritten, and that all steps of a stage together add what the plan says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

import numpy as np

from raggeddsl.diagnostics.units import count_text
from raggeddsl.kernels.xla.steps import (
    Blocks,
    Box,
    ExactStep,
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
from raggeddsl.plan.plan import Plan
from raggeddsl.proof import ScheduleFault, Terms, compare_terms

Tables = Sequence[np.ndarray]


def prove(plan: Plan, recipe: Recipe, tables: Tables) -> str:
    """Raise `ScheduleFault` unless `recipe` computes what `plan` says; says in a few words what was shown."""
    sizes = [size for _, size in recipe.buffers]
    if (
        recipe.inputs != plan.inputs
        or recipe.outputs != plan.outputs
        or sizes != [b.size for b in plan.buffers]
    ):
        raise ScheduleFault("a recipe of the xla kernel has other buffers than its plan")
    last = {stage.buffer: number for number, stage in enumerate(recipe.stages)}
    by_stage = []
    for number, stage in enumerate(recipe.stages):
        parts = [_terms(step, stage.buffer, sizes, tables) for step in stage.steps]
        terms = Terms.joined(parts)
        name = f"stage {number} of the xla kernel"
        _check_inside(terms, sizes, name)
        for buffer in np.unique(np.concatenate([terms.a_buffer, terms.b_buffer, terms.s_buffer])).tolist():
            if buffer >= 0 and buffer not in recipe.inputs and last.get(buffer, number) >= number:
                raise ScheduleFault(f"{name} reads buffer {buffer} before that is complete")
        if stage.alone and parts:
            _check_alone(stage, parts, name)
        by_stage.append(terms)
    compare_terms(plan, Terms.joined(by_stage))
    steps = sum(len(stage.steps) for stage in recipe.stages)
    return f"{count_text(steps, 'step')} in {count_text(len(recipe.stages), 'stage')}"


def terms_of(stage: StageSteps, recipe: Recipe, tables: Tables) -> Terms:
    """What the steps of one stage add."""
    sizes = [size for _, size in recipe.buffers]
    return Terms.joined([_terms(step, stage.buffer, sizes, tables) for step in stage.steps])


def _check_inside(terms: Terms, sizes: list[int], name: str) -> None:
    """Every element lies inside its buffer."""
    room = np.array([*sizes, 1], np.int64)  # buffer -1 has the one place that is never read
    t = terms
    ends = (
        (t.a_buffer, t.a, t.a + (t.m - 1) * t.a_i + (t.n - 1) * t.a_j + (t.k - 1) * t.a_p),
        (t.b_buffer, t.b, t.b + (t.n - 1) * t.b_j + (t.k - 1) * t.b_p),
        (t.c_buffer, t.c, t.c + (t.m - 1) * t.c_i + (t.n - 1) * t.c_j),
        (t.s_buffer, t.s, t.s),
    )
    empty = bool(((t.m < 1) | (t.n < 1) | (t.k < 1)).any())
    if empty or any(bool(((start < 0) | (end >= room[buffer])).any()) for buffer, start, end in ends):
        raise ScheduleFault(f"{name} reads or writes past the end of a buffer")


def _check_alone(stage: StageSteps, parts: list[Terms], name: str) -> None:
    """What is stored rather than added meets nothing that was added before."""
    starts = np.sort(np.concatenate([terms.c for terms in parts]))
    ends = np.concatenate([t.c + (t.m - 1) * t.c_i + (t.n - 1) * t.c_j + 1 for t in parts])
    ends.sort()
    for step, terms in zip(stage.steps, parts, strict=True):
        ranged = isinstance(step, ExactStep) and step.chunks == 1 and not isinstance(step.c, Picked)
        if not (ranged or isinstance(step, RangeStep)) or not len(terms):
            continue
        first = int(terms.c.min())
        end = int((terms.c + (terms.m - 1) * terms.c_i + (terms.n - 1) * terms.c_j).max()) + 1
        meeting = np.searchsorted(starts, end) - np.searchsorted(ends, first, side="right")
        if meeting != len(terms):
            raise ScheduleFault(f"{name} overwrites what it has added")


# ------------------------------------------------------------ what each step adds


def _terms(step: Step, buffer: int, sizes: list[int], tables: Tables) -> Terms:
    match step:
        case TileStep():
            return Terms.joined(list(_of_tiles(step, buffer, sizes, tables)))
        case ExactStep():
            return _of_exact(step, buffer, sizes[buffer], tables)
        case RangeStep():
            scale = _scale(step.scale, tables, slice(0, 1), 1)
            return Terms.of(
                1, m=1, n=step.size, k=1, a_buffer=step.a_buffer, a=step.a, a_j=1, b_buffer=-1,
                c_buffer=buffer, c=step.c, c_i=step.size, c_j=1, **scale,
            )  # fmt: skip
        case StripStep():
            a, stride, c, length = tables[step.strips].astype(np.int64).swapaxes(0, 1).reshape(4, -1)
            real = length > 0
            if (length > step.width).any():
                raise ScheduleFault("a strip of the xla kernel is longer than its width")
            scale = _scale(step.scale, tables, slice(None), len(a))
            return Terms.of(
                len(a), m=1, n=length, k=1, a_buffer=step.a_buffer, a=a, a_j=stride, b_buffer=-1,
                c_buffer=buffer, c=c, c_i=length, c_j=1, **scale,
            ).take(real)  # fmt: skip
        case _:
            assert_never(step)


def _scale(scale: Scale, tables: Tables, part: slice, count: int) -> dict[str, np.ndarray | int | float]:
    """alpha, s_buffer and s of `part` of the tasks of each chunk, `count` of them in all."""
    alpha: np.ndarray | float = scale.factor
    if scale.factors >= 0:
        alpha = scale.factor * tables[scale.factors][:, part].reshape(-1)
    if scale.s_buffer < 0:
        return {"alpha": np.broadcast_to(alpha, count), "s_buffer": -1}
    s = tables[scale.s_offsets][:, part].reshape(-1).astype(np.int64)
    return {"alpha": np.broadcast_to(alpha, count), "s_buffer": scale.s_buffer, "s": s}


def _of_exact(step: ExactStep, buffer: int, size: int, tables: Tables) -> Terms:
    o, count = step.operands, step.tasks * step.chunks
    c = _starts(step.c, step.m * step.n, count, tables)
    terms = Terms.of(
        count,
        m=step.m,
        n=step.n,
        k=step.k,
        a_buffer=o.a_buffer,
        a=_starts(step.a, step.m * step.k, count, tables),
        a_i=1 if o.a_t else step.k,
        a_p=step.m if o.a_t else 1,
        b_buffer=o.b_buffer,
        b=_starts(step.b, step.k * step.n, count, tables),
        b_j=step.k if o.b_t else 1,
        b_p=1 if o.b_t else step.n,
        c_buffer=buffer,
        c=c,
        c_i=step.n,
        c_j=1,
        **_scale(step.scale, tables, slice(None), count),
    )
    # What fills a chunk up starts past the end, where it is dropped.
    return terms.take(c < size)


def _starts(blocks: Blocks, size: int, count: int, tables: Tables) -> np.ndarray:
    match blocks:
        case Whole(start):
            return start + size * np.arange(count)
        case Shared(start):
            return np.full(count, start)
        case Picked(number):
            return tables[number].reshape(-1).astype(np.int64)
        case _:
            assert_never(blocks)


def _of_tiles(step: TileStep, buffer: int, sizes: list[int], tables: Tables) -> Iterator[Terms]:
    """The terms of each box: a task's tile of C for each of its stretches of k."""
    o = step.operands
    pieces, tiles = tables[step.pieces].astype(np.int64), tables[step.tiles].astype(np.int64)
    task = piece = 0
    for box in step.boxes:
        each = slice(task, task + box.tasks)
        box_pieces = pieces[:, :, piece : piece + box.tasks * box.pieces].swapaxes(0, 1)
        task, piece = each.stop, piece + box.tasks * box.pieces
        count = step.chunks * box.tasks
        rows, cols, c, c_i = tiles[:, :, each].swapaxes(0, 1).reshape(4, count)
        a, a_stride, b, b_stride, length = box_pieces.reshape(5, count, box.pieces)
        _check_box(step, box, (rows, cols, c, c_i), (a, a_stride, b, b_stride, length), sizes, buffer, tables)
        scale = {name: np.repeat(column, box.pieces) if np.ndim(column) else column
                 for name, column in _scale(step.scale, tables, each, count).items()}  # fmt: skip
        a_stride, b_stride, length = a_stride.reshape(-1), b_stride.reshape(-1), length.reshape(-1)
        terms = Terms.of(
            count * box.pieces,
            m=np.repeat(rows, box.pieces),
            n=np.repeat(cols, box.pieces),
            k=length,
            a_buffer=o.a_buffer,
            a=a.reshape(-1),
            a_i=1 if o.a_t else a_stride,
            a_p=a_stride if o.a_t else 1,
            b_buffer=o.b_buffer,
            b=b.reshape(-1),
            b_j=b_stride if o.b_t else 1,
            b_p=1 if o.b_t else b_stride,
            c_buffer=buffer,
            c=np.repeat(c, box.pieces),
            c_i=np.repeat(c_i, box.pieces),
            c_j=1,
            **scale,
        )
        yield terms.take((terms.m > 0) & (terms.n > 0) & (terms.k > 0))


def _check_box(
    step: TileStep,
    box: Box,
    tile: tuple[np.ndarray, ...],
    piece: tuple[np.ndarray, ...],
    sizes: list[int],
    buffer: int,
    tables: Tables,
) -> None:
    """Tiles fit their box; rows that are gathered whole, and strips that are scattered whole, end inside."""
    rows, cols, *_ = tile
    a, a_stride, b, b_stride, length = piece
    o = step.operands
    fits = (rows <= box.bm) & (cols <= box.bn) & (rows >= 0) & (cols >= 0)
    if not fits.all() or ((length < 0) | (length > box.bk)).any():
        raise ScheduleFault("a tile of the xla kernel is larger than its box")
    live = (length > 0) & (rows > 0)[:, None] & (cols > 0)[:, None]
    sides = (
        ("A", box.a_ends, a, a_stride, rows, box.bm, o.a_t, sizes[o.a_buffer]),
        ("B", box.b_ends, b, b_stride, cols, box.bn, not o.b_t, sizes[o.b_buffer]),
    )
    for name, ends, start, stride, side, across, k_first, room in sides:
        if ends:
            continue
        last = start + (np.where(k_first, length, side[:, None]) - 1) * stride
        if (live & (last + (across if k_first else box.bk) > room)).any():
            raise ScheduleFault(
                f"a row of {name} that the xla kernel gathers whole reaches past its buffer's end"
            )
    _check_strips(step, box, tile, sizes[buffer], tables)


def _check_strips(step: TileStep, box: Box, tile: tuple[np.ndarray, ...], size: int, tables: Tables) -> None:
    """The strips that do not fit before the end of C are those that the box lists, as they are."""
    rows, cols, c, c_i = (column[:, None, None] for column in tile)
    width = step.width
    row, first = np.arange(box.bm)[:, None], np.arange(0, box.bn, width)
    start, length = c + row * c_i + first, np.where(row < rows, cols - first, 0)
    over = (length > 0) & (start > size - width)
    chunk = over.reshape(step.chunks, -1)
    wanted = [
        np.stack([np.flatnonzero(mask), starts[mask], np.minimum(real[mask], width)])
        for mask, starts, real in zip(
            chunk, start.reshape(step.chunks, -1), length.reshape(step.chunks, -1), strict=True
        )
    ]
    listed = np.zeros((step.chunks, 3, 0), np.int64) if box.last < 0 else tables[box.last].astype(np.int64)
    for want, have in zip(wanted, listed, strict=True):
        real = have[:, have[2] > 0]
        if not np.array_equal(real[:, np.argsort(real[0])], want):
            raise ScheduleFault("the xla kernel's list of strips at the end of a buffer is wrong")
