"""Every threshold that decides which way a product takes, as data: one frozen `Tuning`, passed explicitly.

No threshold may change a value beyond rounding.  The defaults are the measured ones; tests draw
others, down to 1, so that graphs that a person can read meet every path.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ScheduleTuning:
    """How the native kernel's schedule is cut; costs are in units of about one floating-point operation.

    `heavy_cost`: a component of less is never cut into panels (a fraction of a millisecond of one
    core's work).  `panels_a_worker`: heavy tasks are cut so that every worker gets about this many
    panels of a level.  `fewest_rows`, `fewest_columns`: a panel of fewer rows wastes the panel of B
    that it packs, one of fewer columns could take another path through the arithmetic.

    `part_cost`: a part of a sum is worth its addition and a job of its own from this cost on.
    `most_parts` of one sum; `largest_block`: elements of a block whose sum is cut into parts (a
    larger one is cut into panels, if it is heavy at all).  `least_share`: a sum that is a smaller
    share of its stage has enough beside it to keep workers busy.  `shortest`: steps of k that one
    task of a part has at least.

    `job_cost`: small groups share a job until it costs this much, at least and at most: more than the
    taking of a job, and little enough that the last job keeps nobody waiting.  `jobs_a_worker`: how
    many jobs a worker should find in a phase.

    `largest_share`: a merge that leaves a component with more of its phase's cost ends the phase,
    unless the component had it before.  `phase_cost`: a stage of less is never worth a phase of its
    own, since waiting for a phase's end takes some microseconds.  `mirrored_row`: bytes of a row of C
    from which half of a symmetric product is copied rather than computed (the widest register tile).
    """

    heavy_cost: float = 4e7
    panels_a_worker: int = 4
    fewest_rows: int = 24
    fewest_columns: int = 128
    part_cost: float = 2e6
    most_parts: int = 32
    largest_block: int = 64 * 64
    least_share: float = 1 / 32
    shortest: int = 64
    job_cost: tuple[float, float] = (2e5, 4e6)
    jobs_a_worker: int = 64
    largest_share: float = 1 / 32
    phase_cost: float = 2e6
    mirrored_row: int = 256


@dataclass(frozen=True)
class BlockTuning:
    """The block sizes of the native kernel's arithmetic: what it packs, and where it stops to add up.

    `run_bytes`: one run of k (384 f32, 192 f64).  `group_bytes`: one packed group of columns of B.
    `fetch_bytes`: A up to this size is fetched while B is packed.  `direct_bytes`: B up to this size
    is read where it lies.  `sum_side`: sums of long k that are stored narrower wait in blocks of this
    side.  `complex_run`: steps of k of a complex product that are packed at a time; `complex_blocks`:
    blocks of rows whose sums wait for the next run.  `narrow_bytes`: of a column of B that is packed
    for a product with few columns at a time.  `huge_bytes`: results from this size on ask for huge pages.
    """

    run_bytes: int = 1536
    group_bytes: int = 384 * 1024
    fetch_bytes: int = 16 * 1024
    direct_bytes: int = 24 * 1024
    sum_side: int = 256
    complex_run: int = 512
    complex_blocks: int = 64
    narrow_bytes: int = 128 * 1024
    huge_bytes: int = 8 << 20


@dataclass(frozen=True)
class XlaTuning:
    """How the `xla` kernel cuts a stage into classes and chunks.

    `most_classes`: exact classes of a stage where shapes are few; where they are many, `most_mixed` of
    both kinds.  `worthwhile`: a box more must save this share of the time, an exact class three times
    that, since it compiles slower.  `most_samples`: distinct shapes that classes are chosen by.
    `most_exact`: the heaviest shapes that are tried as exact classes; where there are more,
    `share_exact`: only those with this share of the work.  `few_shapes`, `large_flop`: so few shapes,
    or shapes of so much work on average, get exact classes without more thought.

    `singly_flop`: equal products of this size run one by one, since a batch of them took up to 1.5
    times as long on XLA's CPU backend.  `exact_bytes`, `tile_bytes`: what a chunk of gathered operands
    and their products takes at most, about what a large cache holds; `workspace_bytes` at the very
    most, where tiles are so few and large that this is faster.  `deepest`: stretches of k are joined up
    to this length.  `most_ranges`: combines in more pieces than this are gathered in strips, of
    `short_strip` or `long_strip` elements, `chunk_elements` in a chunk.  `most_factors`: products with
    more different factors share a group, and each has its factor in a table.
    """

    most_classes: int = 16
    most_mixed: int = 4
    worthwhile: float = 0.01
    most_samples: int = 400
    most_exact: int = 40
    share_exact: float = 0.03
    few_shapes: int = 4
    large_flop: float = 5e6
    singly_flop: float = 5e7
    exact_bytes: int = 8 << 20
    tile_bytes: int = 6 << 20
    workspace_bytes: int = 12 << 20
    deepest: int = 1024
    most_ranges: int = 8
    short_strip: int = 16
    long_strip: int = 64
    chunk_elements: int = 4 << 20
    most_factors: int = 2


@dataclass(frozen=True)
class Tuning:
    """All thresholds of a compilation, by the part of the house that reads them.

    `own_buffer_bytes`: a single matrix of this size has a buffer of its own, since packing would copy
    it at each call; `most_own_buffers` of them at most, since every argument of a call costs time.
    `dispatch_shapes`, `dispatch_flop`: `target="auto"` dispatches where there are at most so many exact
    shapes and a task is this heavy on average (`lowering/choose.py` says how that was measured).
    """

    schedule: ScheduleTuning = ScheduleTuning()
    blocks: BlockTuning = BlockTuning()
    xla: XlaTuning = XlaTuning()
    own_buffer_bytes: int = 4 << 20
    most_own_buffers: int = 16
    dispatch_shapes: int = 128
    dispatch_flop: float = 20e6


DEFAULT = Tuning()
