"""What the planner gives: `Plan`, packed layouts, the task table and its stages.

The task table is the program: every kernel, the table interpreter, the cost model and `explain`
read it and nothing else.  All columns are NumPy; offsets and sizes count elements, not bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Literal

import numpy as np

from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Output

BufferKind = Literal["input", "output", "scratch"]


@dataclass(frozen=True, eq=False)
class Buffer:
    """A 1-D array `dtype[size]` that holds one node's members row-major, end to end, no gaps.

    Buffers of kind "scratch" have a place `base` (in bytes, a multiple of 64) in the one scratch
    arena, given by liveness: two that are never alive together may share bytes.  `node` is the
    graph node (the `Join` where pieces are joined) whose members lie here.
    """

    kind: BufferKind
    dtype: str
    size: int
    node: int
    base: int = 0


@dataclass(frozen=True, eq=False)
class Place:
    """Where the members of a node lie: buffer number and int64[N] element offsets in it."""

    buffer: int
    offsets: np.ndarray


class Op(IntEnum):
    """What a task does.  C is the row's m x n block of its output buffer, dense and row-major.

    PRODUCT: `C = alpha * s * op(A) @ op(B) + accumulate * C`, op(A) m x k, op(B) k x n.
    COMBINE: `C = alpha * s * op(A) + accumulate * C`, op(A) m x n (k = 0, b_* unused).
    ZERO:    `C = 0` (a member that no term reaches).
    """

    PRODUCT = 0
    COMBINE = 1
    ZERO = 2


@dataclass(frozen=True, eq=False)
class TaskTable:
    """One row a task; rows of a stage are neighbours and run as if in row order.

    A transposed operand (`a_t`, `b_t`) is stored as the transpose of what the task uses: its
    members are dense, so the leading dimension follows from m, n, k and the flag.  `s` is a
    runtime scalar at (`s_buffer`, `s_offset`), or 1 where `s_buffer` is -1.  `accumulate` is 0 or
    1; 0 must store, since C may be uninitialised.  Within a stage, no row reads a buffer that
    the stage writes, apart from accumulating into C.

    The planner also keeps: m and n are positive, and k is in a product; the buffer of an operand
    that a task does not have is -1; rows of one block of C are neighbours, the first of them
    stores; every element of an output or scratch buffer is stored exactly once.  `validate`
    checks all of this.
    """

    op: np.ndarray  # int8
    m: np.ndarray  # int64, as are all below but where said
    n: np.ndarray
    k: np.ndarray
    a_buffer: np.ndarray  # int32
    a_offset: np.ndarray
    a_t: np.ndarray  # bool
    b_buffer: np.ndarray  # int32
    b_offset: np.ndarray
    b_t: np.ndarray  # bool
    c_buffer: np.ndarray  # int32
    c_offset: np.ndarray
    s_buffer: np.ndarray  # int32, -1: none
    s_offset: np.ndarray
    alpha: np.ndarray  # float64
    accumulate: np.ndarray  # bool

    def __len__(self) -> int:
        return len(self.op)

    def rows(self, start: int, stop: int) -> TaskTable:
        """A view of rows `start` to `stop`."""
        return TaskTable(*(getattr(self, f)[start:stop] for f in self.__dataclass_fields__))

    @cached_property
    def flop(self) -> np.ndarray:
        """f64[T], read-only: operations of each row (2·m·n·k for a product, 2·m·n for a combine)."""
        product = self.op == Op.PRODUCT
        flop = 2.0 * self.m * self.n
        np.multiply(flop, self.k, out=flop, where=product)
        if not product.all():
            flop[self.op == Op.ZERO] = 0.0
        flop.flags.writeable = False
        return flop


@dataclass(frozen=True, eq=False)
class Stage:
    """One family operation's rows `[start, stop)` of the table: independent but for accumulation.

    All rows write the buffer `buffer` (possibly only a part of it, where it is the storage of a
    `Join`: `first` says whether this is the buffer's first writer).  `arithmetic` says how its
    products are computed, `kept` in which type their sums are kept until they are stored; `level` is
    the stage's depth in the graph: stages of one level are independent of each other, and scratch they
    use may be reused only from the next level on.  Stages are sorted by level.
    """

    node: int
    start: int
    stop: int
    buffer: int
    first: bool
    level: int
    arithmetic: Arithmetic
    kept: str
    label: str


@dataclass(frozen=True)
class Cost:
    """What the plan costs, before any kernel's own padding.

    `flop` as in `TaskTable.flop`; `bytes_read` and `bytes_written` count each operand of each
    task once, and a block of C where it is stored, not where tasks add to it; `peak_bytes` is
    inputs, outputs and the scratch arena together; `padded_flop` and `padded_bytes` are what
    padding every stage's members (inputs and results) to their largest shape would take.  All
    bytes are plain bytes.  `members` counts the matrices of the results, `distinct_shapes` the
    different (m, n, k) of the products (of the combines, where there is no product).
    """

    flop: float
    bytes_read: int
    bytes_written: int
    input_bytes: int
    output_bytes: int
    scratch_bytes: int
    peak_bytes: int
    padded_flop: float
    padded_bytes: int
    members: int
    distinct_shapes: int


@dataclass(frozen=True, eq=False)
class Plan:
    """A planned graph: what a lowering compiles and a `Program` packs for.

    `inputs` lists the buffers a call takes, `outputs` those it gives, both as indices into
    `buffers` in a fixed order; `places[node]` says where each node's members lie.
    """

    graph: Graph
    buffers: tuple[Buffer, ...]
    places: dict[int, Place]
    tasks: TaskTable
    stages: tuple[Stage, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    results: tuple[Output, ...]
    cost: Cost

    @cached_property
    def stage_of_task(self) -> np.ndarray:
        """int64[T], read-only: the number of each task's stage."""
        counts = [stage.stop - stage.start for stage in self.stages]
        numbers = np.repeat(np.arange(len(self.stages), dtype=np.int64), counts)
        numbers.flags.writeable = False
        return numbers

    def type(self, buffer: int) -> FamilyType:
        """The family that lies in `buffer`."""
        return self.graph.type(self.buffers[buffer].node)
