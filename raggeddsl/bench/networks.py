"""Workloads over the weight matrices of a network: a shape table in, Gram products or Muon out."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from raggeddsl.bench.workload import Level, Operand, Workload

HEAD = """\
rmm 1
index i
dim short[i], long[i] = table("sizes.npz", short="short", long="long")
input X[i] : f32[short[i], long[i]]
"""

GRAM = HEAD + "output G[i] = X[i] @ X[i].T\n"

# Muon's quintic coefficients: Keller Jordan, "Muon: An optimizer for hidden layers", 2024.
A, B, C = 3.4445, -4.7750, 2.0315
STEPS = 5

MUON = HEAD + (
    f"def ns(X) = {A}*X + ({B}*(X @ X.T) + {C}*(X @ X.T) @ (X @ X.T)) @ X\n"
    f"output O[i] = iterate(ns, X[i], {STEPS})\n"
)


def gram(table: str) -> Workload:
    """`X[i] @ X[i].T` for every matrix of `table`, wide orientation."""
    wide = read_table(table)
    square = np.repeat(wide[:, :1], 2, axis=1)
    return Workload(
        name=f"gram:{table}",
        spec=GRAM,
        tables={"sizes.npz": {"short": wide[:, 0], "long": wide[:, 1]}},
        families={"X": wide},
        out="G",
        results=square,
        levels=(Level("G", Operand("X"), Operand("X", transposed=True)),),
        member=_gram,
    )


def muon(table: str) -> Workload:
    """Five Newton-Schulz steps for every matrix of `table`: 15 products a matrix."""
    wide = read_table(table)
    square = np.repeat(wide[:, :1], 2, axis=1)
    return Workload(
        name=f"muon:{table}",
        spec=MUON,
        tables={"sizes.npz": {"short": wide[:, 0], "long": wide[:, 1]}},
        families={"X": wide},
        out="O",
        results=wide,
        between={"G": square, "H": square, "P": wide},
        levels=_muon_levels(),
        member=_muon,
        normalised=True,
    )


def _gram(x: Mapping[str, Any]) -> Any:
    return x["X"] @ x["X"].T


def _muon(x: Mapping[str, Any]) -> Any:
    y = x["X"]
    for _ in range(STEPS):
        g = y @ y.T
        y = A * y + (B * g + C * (g @ g)) @ y
    return y


def _muon_levels() -> tuple[Level, ...]:
    """Three levels a step: G = Y Yᵀ; H = B G + C G G; Y' = A Y + H Y, from X over O and P to O."""
    levels: list[Level] = []
    now = "X"
    for step in range(STEPS):
        after = "O" if step % 2 == 0 else "P"
        levels += [
            Level("G", Operand(now), Operand(now, transposed=True)),
            Level("H", Operand("G"), Operand("G"), alpha=C, beta=B, copy="G"),
            Level(after, Operand("H"), Operand(now), beta=A, copy=now),
        ]
        now = after
    assert now == "O"
    return tuple(levels)


def read_table(table: str) -> np.ndarray:
    """int64[N, 2] shapes, short side first, from a CSV with columns `rows` and `cols`.

    `table` is the name of one that ships with the benchmark (`resnet50`) or a path.  Raises
    `FileNotFoundError` and `ValueError` with sentences that say what would serve.
    """
    text = _table_text(table)
    rows = list(csv.DictReader(text.splitlines()))
    try:
        shapes = np.array([[int(row["rows"]), int(row["cols"])] for row in rows], np.int64)
    except (KeyError, TypeError, ValueError) as fault:
        expected = "a shape table has whole numbers in columns rows and cols"
        raise ValueError(f"{table}: {expected} ({fault})") from None
    if not len(shapes):
        raise ValueError(f"{table}: the table has no rows")
    return np.sort(shapes, axis=1)


def table_names() -> list[str]:
    """The tables that ship with the benchmark."""
    folder = resources.files("raggeddsl.bench") / "tables"
    return sorted(Path(entry.name).stem for entry in folder.iterdir() if entry.name.endswith(".csv"))


def _table_text(table: str) -> str:
    if table in table_names():
        return (resources.files("raggeddsl.bench") / "tables" / f"{table}.csv").read_text("utf-8")
    path = Path(table)
    if not path.is_file():
        raise FileNotFoundError(f"{table}: no such file, and not one of {', '.join(table_names())}")
    return path.read_text("utf-8")
