"""Components in, places for intermediates out: a worker's own memory, or the shared arena.

An intermediate that is written and read in one phase by one worker never leaves that worker's
local memory, which stays in its cache; a component's buffers share slots there by lifetime.  In the
arena they share bytes by lifetime too, in steps: the levels of the phases, between which all wait.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.kernels.native.components import Components
from raggeddsl.plan.arena import ALIGNMENT, Lifetimes, place_in_arena
from raggeddsl.plan.cells import Cells
from raggeddsl.plan.plan import Plan


@dataclass(frozen=True, eq=False)
class Scratch:
    """Where each cell of a scratch buffer lies.

    `is_local[C]` cells are at `local_offset[C]` bytes of local memory; the others at
    `arena_base[B]` plus their offset in the buffer.
    """

    is_local: np.ndarray
    local_offset: np.ndarray
    local_bytes: int
    arena_base: np.ndarray
    arena_bytes: int


def place_scratch(
    plan: Plan, cells: Cells, parts: Components, shared: np.ndarray, level: np.ndarray
) -> Scratch:
    """Places for every scratch cell; `shared[T]` rows run on several workers, so theirs are not local.

    `level[T]` is the level of each row in its phase.
    """
    buffers = len(plan.buffers)
    scratch = np.array([b.kind == "scratch" for b in plan.buffers], bool)
    if not scratch.any():
        nowhere = np.zeros(len(cells), np.int64)
        return Scratch(nowhere > 0, nowhere, 0, np.zeros(buffers, np.int64), 0)
    everywhere = np.ones(len(cells), bool)
    phases = _lives(cells, everywhere, parts.phase, buffers)
    one_phase = scratch & (phases.birth == phases.death)
    written_buffer = cells.buffer[cells.written]
    kept_local = np.zeros(len(cells), bool)
    kept_local[cells.written] = one_phase[written_buffer]
    kept_local[cells.written[shared]] = False
    offsets, size = _local_offsets(plan, cells, parts, kept_local)

    needs_arena = scratch.copy()
    stays = np.ones(len(cells), bool)
    stays[cells.written] = kept_local[cells.written]
    needs_arena &= np.bincount(cells.buffer, ~stays, buffers) > 0
    chosen = np.flatnonzero(needs_arena)
    bytes_of = np.array(
        [plan.buffers[b].size * DTYPES[plan.buffers[b].dtype].itemsize for b in chosen], np.int64
    )
    step = parts.phase * (int(level.max(initial=0)) + 1) + level
    lives = _lives(cells, ~kept_local, step, buffers)
    arena = place_in_arena(bytes_of, Lifetimes(lives.birth[chosen], lives.death[chosen]))
    base = np.zeros(buffers, np.int64)
    base[chosen] = arena.bases
    return Scratch(kept_local, offsets, size, base, arena.peak)


def _lives(cells: Cells, counted: np.ndarray, time: np.ndarray, buffers: int) -> Lifetimes:
    """When each buffer's `counted[C]` cells are first written and last touched; `time[T]` is each row's."""
    birth = np.full(buffers, np.iinfo(np.int64).max)
    death = np.full(buffers, -1, np.int64)
    for cell in (cells.written, *cells.read.T):
        rows = np.flatnonzero(cell >= 0)
        rows = rows[counted[cell[rows]]]
        np.maximum.at(death, cells.buffer[cell[rows]], time[rows])
    rows = np.flatnonzero(counted[cells.written])
    np.minimum.at(birth, cells.buffer[cells.written[rows]], time[rows])
    return Lifetimes(birth, death)


def _local_offsets(plan: Plan, cells: Cells, parts: Components, kept: np.ndarray) -> tuple[np.ndarray, int]:
    """Byte offsets for local cells: each phase's buffers take slots by lifetime in stages, and a
    component's slot is as large as the most of its cells that use it."""
    offsets = np.zeros(len(cells), np.int64)
    first, last = _stage_lives(plan, cells)
    component = np.zeros(len(cells), np.int64)
    component[cells.written] = parts.component
    needed = 0
    local_cells = np.flatnonzero(kept)
    phases = parts.phase_of_cell[local_cells]
    for phase in np.unique(phases):
        members = local_cells[phases == phase]
        slots = _slots(np.unique(cells.buffer[members]), first, last)
        count = int(component[members].max(initial=-1)) + 1
        # fill[c, s]: the bytes of component c in slot s.
        fill = np.zeros((count, max(slots.values(), default=-1) + 1), np.int64)
        for buffer, slot in slots.items():
            in_buffer = members[cells.buffer[members] == buffer]
            item = DTYPES[plan.buffers[buffer].dtype].itemsize
            sizes = -(-cells.elements[in_buffer] * item // ALIGNMENT) * ALIGNMENT
            order = np.argsort(component[in_buffer], kind="stable")
            in_buffer, sizes = in_buffer[order], sizes[order]
            ends = np.cumsum(sizes)
            starts = ends - sizes
            group = component[in_buffer]
            opens = np.concatenate([np.ones(1, bool), group[1:] != group[:-1]])
            base = np.repeat(starts[opens], np.diff(np.append(np.flatnonzero(opens), len(in_buffer))))
            offsets[in_buffer] = starts - base
            np.maximum.at(fill[:, slot], group, ends - base)
        begins = np.cumsum(fill, axis=1) - fill
        needed = max(needed, int(fill.sum(axis=1).max(initial=0)))
        for buffer, slot in slots.items():
            in_buffer = members[cells.buffer[members] == buffer]
            offsets[in_buffer] += begins[component[in_buffer], slot]
    return offsets, needed


def _stage_lives(plan: Plan, cells: Cells) -> tuple[np.ndarray, np.ndarray]:
    """For each buffer of the plan, the first stage that writes it and the last that touches it."""
    first = np.full(len(plan.buffers), len(plan.stages), np.int64)
    last = np.full(len(plan.buffers), -1, np.int64)
    for number, stage in enumerate(plan.stages):
        first[stage.buffer] = min(first[stage.buffer], number)
        last[stage.buffer] = max(last[stage.buffer], number)
        reads = cells.read[stage.start : stage.stop]
        last[np.unique(cells.buffer[reads[reads >= 0]])] = number
    return first, last


def _slots(buffers: np.ndarray, first: np.ndarray, last: np.ndarray) -> dict[int, int]:
    """A slot for each buffer, reused once its last reader has run (left-edge interval colouring)."""
    free_from: list[int] = []
    slots: dict[int, int] = {}
    for buffer in sorted(buffers.tolist(), key=lambda b: first[b]):
        slot = next((s for s, free in enumerate(free_from) if free < first[buffer]), len(free_from))
        if slot == len(free_from):
            free_from.append(0)
        free_from[slot] = int(last[buffer])
        slots[buffer] = slot
    return slots
