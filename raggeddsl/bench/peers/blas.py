"""A workload as calls of `cblas_sgemm_batch`: packed aligned memory, every pointer prepared beforehand.

The interface is that of MKL and OpenBLAS alike: problems in groups of equal shape, arrays of
pointers, results written where the caller says.  Being given its results' memory, already
touched, is an advantage over every way that returns new arrays.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from raggeddsl.bench.workload import Level, Operand, Shapes, Workload

ROW_MAJOR, NO_TRANS, TRANS = 101, 111, 112
LINE = 16  # f32 in a cache line: where members start


@dataclass(frozen=True, eq=False)
class Packed:
    """A family in one flat f32 buffer, members row-major and aligned to 64 bytes."""

    data: np.ndarray
    starts: np.ndarray
    shapes: Shapes

    @property
    def addresses(self) -> np.ndarray:
        """uint64[N]: where each member lies."""
        return (self.data.ctypes.data + 4 * self.starts).astype(np.uint64)

    def members(self) -> list[np.ndarray]:
        """Views f32[m, n]."""
        rows = zip(self.starts.tolist(), self.shapes.tolist(), strict=True)
        return [self.data[start : start + m * n].reshape(m, n) for start, (m, n) in rows]


def packed(shapes: Shapes) -> Packed:
    """Zeroed memory for a family, every page touched."""
    sizes = -(-shapes.prod(axis=1) // LINE) * LINE
    starts = np.cumsum(sizes) - sizes
    total = int(sizes.sum())
    raw = np.zeros(total + LINE, np.float32)
    raw.fill(0)
    shift = (-raw.ctypes.data // 4) % LINE
    return Packed(raw[shift : shift + total], starts, shapes)


@dataclass(frozen=True, eq=False)
class Groups:
    """The arguments of one `cblas_sgemm_batch` call, one entry a group, one pointer a problem."""

    trans_a: np.ndarray
    trans_b: np.ndarray
    m: np.ndarray
    n: np.ndarray
    k: np.ndarray
    alpha: np.ndarray
    a: np.ndarray
    lda: np.ndarray
    b: np.ndarray
    ldb: np.ndarray
    beta: np.ndarray
    c: np.ndarray
    ldc: np.ndarray
    size: np.ndarray

    def arguments(self) -> list[Any]:
        """What follows the function's name in C."""
        columns = [
            *(self.trans_a, self.trans_b, self.m, self.n, self.k, self.alpha, self.a, self.lda),
            *(self.b, self.ldb, self.beta, self.c, self.ldc),
        ]
        pointers = [ctypes.c_void_p(column.ctypes.data) for column in columns]
        return [ctypes.c_int(ROW_MAJOR), *pointers, ctypes.c_int(len(self.size)), _pointer(self.size)]

    def problems(self) -> list[list[Any]]:
        """The same as one argument list a problem, for `cblas_sgemm`."""
        each = np.repeat(np.arange(len(self.size)), self.size)
        return [
            [
                *map(ctypes.c_int, (ROW_MAJOR, self.trans_a[g], self.trans_b[g])),
                *map(ctypes.c_int, (self.m[g], self.n[g], self.k[g])),
                *(ctypes.c_float(self.alpha[g]), ctypes.c_void_p(int(self.a[t])), ctypes.c_int(self.lda[g])),
                *(ctypes.c_void_p(int(self.b[t])), ctypes.c_int(self.ldb[g]), ctypes.c_float(self.beta[g])),
                *(ctypes.c_void_p(int(self.c[t])), ctypes.c_int(self.ldc[g])),
            ]
            for t, g in enumerate(each.tolist())
        ]


@dataclass(frozen=True, eq=False)
class Job:
    """A workload in memory: the copy (destination, source) and the groups of each level, in order."""

    memory: Mapping[str, Packed]
    steps: tuple[tuple[tuple[np.ndarray, np.ndarray] | None, Groups], ...]


def job(workload: Workload, inputs: Mapping[str, Any]) -> Job:
    """Lay out all families, copy the inputs in, prepare the groups."""
    memory = {name: packed(shapes) for name, shapes in workload.shapes.items()}
    for name, value in inputs.items():
        members = value if isinstance(value, list) else [value]
        for place, member in zip(memory[name].members(), members, strict=True):
            place[...] = member
    steps = []
    for level in workload.levels:
        copy = None if level.copy is None else (memory[level.out].data, memory[level.copy].data)
        steps.append((copy, groups(workload, level, memory)))
    return Job(memory, tuple(steps))


def groups(workload: Workload, level: Level, memory: Mapping[str, Packed]) -> Groups:
    """One level as groups of equal shape, heaviest first; problems without elements left out."""
    m, k, n = workload.level_triples(level).T
    keys, inverse, counts = np.unique(
        np.column_stack([m, k, n]), axis=0, return_inverse=True, return_counts=True
    )
    heavy = np.argsort(-keys.prod(axis=1), kind="stable")
    rank = np.empty_like(heavy)
    rank[heavy] = np.arange(len(heavy))
    order = np.argsort(rank[inverse.reshape(-1)], kind="stable")
    order = order[(m * n)[order] > 0]
    keys, counts = keys[heavy], counts[heavy]
    keys, counts = keys[keys[:, 0] * keys[:, 2] > 0], counts[keys[:, 0] * keys[:, 2] > 0]
    gm, gk, gn = keys.T
    return Groups(
        trans_a=_ints(np.full(len(keys), TRANS if level.a.transposed else NO_TRANS)),
        trans_b=_ints(np.full(len(keys), TRANS if level.b.transposed else NO_TRANS)),
        m=_ints(gm),
        n=_ints(gn),
        k=_ints(gk),
        alpha=np.full(len(keys), level.alpha, np.float32),
        a=_addresses(memory, level.a)[order],
        lda=_ints(np.maximum(1, gm if level.a.transposed else gk)),
        b=_addresses(memory, level.b)[order],
        ldb=_ints(np.maximum(1, gk if level.b.transposed else gn)),
        beta=np.full(len(keys), level.beta, np.float32),
        c=_addresses(memory, Operand(level.out, level.target))[order],
        ldc=_ints(gn),
        size=_ints(counts),
    )


def _addresses(memory: Mapping[str, Packed], operand: Operand) -> np.ndarray:
    addresses = memory[operand.name].addresses
    return addresses if operand.members is None else addresses[operand.members]


def _ints(column: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(column, np.int32)


def _pointer(column: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(column.ctypes.data)
