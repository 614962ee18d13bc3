"""What a lowered stage does, as hashable data: the static half of a program; the other half is its tables.

Two plans whose `Recipe`s are equal trace to the same program, whatever their offsets are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Box:
    """A tiled class: `tasks` tiles a chunk, each bm x bn results over `pieces` stretches of bk of k.

    `a_ends` says that some row of a tile of A lies so near the end of its buffer that a whole row of
    the box would reach past it; `b_ends` that one of B does.  `last` is the table, int32[chunks, …], of
    the strips of results that lie within a strip of C's end (-1: there are none).
    """

    bm: int
    bn: int
    bk: int
    pieces: int
    tasks: int
    a_ends: bool
    b_ends: bool
    last: int

    @property
    def flop(self) -> float:
        """What one tile computes."""
        return 2.0 * self.bm * self.bn * self.bk * self.pieces


@dataclass(frozen=True)
class Whole:
    """Blocks that lie end to end from `start` (an element) on, in the order of the tasks."""

    start: int


@dataclass(frozen=True)
class Shared:
    """One block, at `start`, that every task reads."""

    start: int


@dataclass(frozen=True)
class Picked:
    """Blocks whose offsets are in table `table`, int32[chunks, tasks]; a block past the end is none."""

    table: int


Blocks: TypeAlias = Whole | Shared | Picked


@dataclass(frozen=True)
class Scale:
    """What a result is multiplied by: `factor`, by a factor of each task, by a runtime scalar.

    `factors` numbers a table f32 or f64[chunks, tasks], -1 for none; `s_offsets` an int32 one of places in
    `s_buffer` (-1 for none).
    """

    factor: float = 1.0
    factors: int = -1
    s_buffer: int = -1
    s_offsets: int = -1


@dataclass(frozen=True)
class Operands:
    """Where a product's operands come from and how it is computed.

    `work` is the dtype that operands are converted to, `accum` the one that sums over k are kept in.
    """

    a_buffer: int
    b_buffer: int
    a_t: bool
    b_t: bool
    work: str
    accum: str
    precision: str


@dataclass(frozen=True)
class TileStep:
    """Adds products of any shapes; a chunk gathers its tiles, multiplies and scatters them box by box.

    Tables: `pieces` int32[chunks, 5, …] (offset and row stride in A and in B, inner length), `tiles`
    int32[chunks, 4, …] (rows, columns, offset and row stride in C).  Results are scattered in strips of
    `width`.  `repeats` says that several tiles may add to one place of C.
    """

    operands: Operands
    boxes: tuple[Box, ...]
    chunks: int
    width: int
    pieces: int
    tiles: int
    repeats: bool
    scale: Scale


@dataclass(frozen=True)
class ExactStep:
    """Adds products of one exact shape m x n x k in one batched product (a chunk).

    Where `c` is `Shared` all products add to one block, and are summed as part of the product.  With
    `singly` they are multiplied one after another rather than as one batch.
    """

    operands: Operands
    m: int
    n: int
    k: int
    tasks: int
    chunks: int
    a: Blocks
    b: Blocks
    c: Blocks
    singly: bool
    scale: Scale


@dataclass(frozen=True)
class RangeStep:
    """Adds `scale * A[a:a+size]` to `C[c:c+size]`: combines that lie in the same order on both sides."""

    a_buffer: int
    a: int
    c: int
    size: int
    scale: Scale


@dataclass(frozen=True)
class StripStep:
    """Adds scaled copies, `width` elements a strip.

    Table `strips`, int32[chunks, 4, …]: offset in A, stride in A, offset in C, length.
    """

    a_buffer: int
    width: int
    chunks: int
    strips: int
    scale: Scale


Step: TypeAlias = TileStep | ExactStep | RangeStep | StripStep


@dataclass(frozen=True)
class StageSteps:
    """The steps of a stage, in any order: each adds to `buffer`, which is zeros before its first.

    `wide` is the dtype that the sum over several steps or terms is kept in, rounded once at the end.
    With `alone`, every block of C has one row: no two steps write the same place.
    """

    buffer: int
    wide: str
    alone: bool
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Recipe:
    """All of a program but its tables: buffers as (dtype, elements), inputs, outputs, stages."""

    buffers: tuple[tuple[str, int], ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    stages: tuple[StageSteps, ...]
