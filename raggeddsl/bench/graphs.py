"""Workloads that are graphs: chains of products, and a block-sparse contraction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.workload import SEED, Level, Operand, Workload

WIDTH = 16

CHAIN = f"""\
rmm 1
index i
dim n[i] = table("sizes.npz", n="n")
input a[i] : f32[n[i], n[i]]
input f[i] : f32[n[i], {WIDTH}]
input W    : f32[{WIDTH}, {WIDTH}]
output y[i] = a[i] @ f[i] @ W
"""

BLOCKS = """\
rmm 1
index a
index b
index c
index t
dim p[a], q[a] = table("left.npz", p="rows", q="cols")
dim u[b], v[b] = table("right.npz", u="rows", v="cols")
dim m[c], n[c] = table("result.npz", m="rows", n="cols")
map l[t] in a, r[t] in b, o[t] in c = table("pairs.npz", l="left", r="right", o="result")
input X[a] : f32[p[a], q[a]]
input Z[b] : f32[u[b], v[b]]
output C[c] : f32[m[c], n[c]] = sum(X[l[t]] @ Z[r[t]] for t if o[t] == c)
"""


def chain(count: int) -> Workload:
    """`a[i] @ f[i] @ W` for graphs of 5 to 60 nodes: 5000 took three hours to compile in jax issue 200."""
    nodes = np.random.default_rng(SEED).integers(5, 61, count)
    tall = np.column_stack([nodes, np.full(count, WIDTH)])
    shared = np.zeros(count, np.int64)
    return Workload(
        name=f"chain-{count}",
        spec=CHAIN,
        tables={"sizes.npz": {"n": nodes}},
        families={"a": np.column_stack([nodes, nodes]), "f": tall},
        shared={"W": (WIDTH, WIDTH)},
        out="y",
        results=tall,
        between={"h": tall},
        levels=(
            Level("h", Operand("a"), Operand("f")),
            Level("y", Operand("h"), Operand("W", shared)),
        ),
        member=_chain,
    )


def _chain(x: Mapping[str, Any]) -> Any:
    return x["a"] @ x["f"] @ x["W"]


def blocks() -> Workload:
    """`C[o] += X[l] @ Z[r]` over a list of pairs, as in DMRG (synthetic).

    Rows and columns fall into 25 sectors of charge -12..12 with sizes from a Gaussian over the
    charge (at most 160); a block is not zero if its two charges differ by at most 2.
    """
    charge = np.arange(-12, 13)
    size = np.maximum(1, np.rint(160 * np.exp(-((charge / 5.0) ** 2) / 2))).astype(np.int64)
    row, col = np.nonzero(np.abs(charge[:, None] - charge[None, :]) <= 2)
    left, right = np.nonzero(col[:, None] == row[None, :])
    keys, result = np.unique(row[left] * len(charge) + col[right], return_inverse=True)
    shapes = np.column_stack([size[row], size[col]])
    results = np.column_stack([size[keys // len(charge)], size[keys % len(charge)]])
    return Workload(
        name="blocks",
        spec=BLOCKS,
        tables={
            "left.npz": _columns(shapes),
            "right.npz": _columns(shapes),
            "result.npz": _columns(results),
            "pairs.npz": {"left": left, "right": right, "result": result},
        },
        families={"X": shapes, "Z": shapes},
        out="C",
        results=results,
        levels=_rounds(left, right, result),
        whole=lambda x: _contract(x, left.tolist(), right.tolist(), result.tolist(), len(keys)),
    )


def _columns(shapes: np.ndarray) -> dict[str, np.ndarray]:
    return {"rows": shapes[:, 0], "cols": shapes[:, 1]}


def _contract(
    x: Mapping[str, Any], left: list[int], right: list[int], result: list[int], count: int
) -> list[Any]:
    """The block contraction as a person writes it: a loop over the pairs."""
    out: list[Any] = [None] * count
    for a, b, c in zip(left, right, result, strict=True):
        term = x["X"][a] @ x["Z"][b]
        out[c] = term if out[c] is None else out[c] + term
    return out


def _rounds(left: np.ndarray, right: np.ndarray, result: np.ndarray) -> tuple[Level, ...]:
    """The pairs in rounds in which no result is met twice; later rounds accumulate."""
    order = np.argsort(result, kind="stable")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(result[order])) + 1])
    turn = np.empty(len(order), np.int64)
    turn[order] = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    levels = []
    for number in range(int(turn.max()) + 1):
        rows = np.flatnonzero(turn == number)
        beta = 0.0 if number == 0 else 1.0
        a, b = Operand("X", left[rows]), Operand("Z", right[rows])
        levels.append(Level("C", a, b, result[rows], beta=beta))
    return tuple(levels)
