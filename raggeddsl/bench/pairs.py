"""Workloads of independent pairs: shapes (m, k, n) in, `C[i] = A[i] @ B[i]` out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.workload import SEED, Level, Operand, Workload

SPEC = """\
rmm 1
index i
dim m[i], k[i], n[i] = table("sizes.npz", m="m", k="k", n="n")
input A[i] : f32[m[i], k[i]]
input B[i] : f32[k[i], n[i]]
output C[i] = A[i] @ B[i]
"""


def pairs(name: str, triples: np.ndarray) -> Workload:
    """The workload of `A[i] @ B[i]` for the int64[N, 3] rows (m, k, n) of `triples`."""
    m, k, n = triples.T
    return Workload(
        name=name,
        spec=SPEC,
        tables={"sizes.npz": {"m": m, "k": k, "n": n}},
        families={"A": np.column_stack([m, k]), "B": np.column_stack([k, n])},
        out="C",
        results=np.column_stack([m, n]),
        levels=(Level("C", Operand("A"), Operand("B")),),
        member=_product,
    )


def _product(x: Mapping[str, Any]) -> Any:
    return x["A"] @ x["B"]


def seed() -> Workload:
    """100 pairs of 1000 x 1000: equal shapes, where `vmap` is at its best."""
    return pairs("seed", np.full((100, 3), 1000, np.int64))


def mixed(count: int) -> Workload:
    """Every shape different: log-uniform from 8 to 512 (up to 300 pairs) or to 256 (more)."""
    top = 512 if count <= 300 else 256
    exponents = np.random.default_rng(SEED).uniform(np.log(8), np.log(top), (count, 3))
    return pairs(f"mixed-{count}", np.rint(np.exp(exponents)).astype(np.int64))


def tiny(count: int) -> Workload:
    """Call overhead and small products: uniform from 4 to 32."""
    triples = np.random.default_rng(SEED).integers(4, 33, (count, 3))
    return pairs(f"tiny-{count}", triples)


def giant_and_tiny() -> Workload:
    """One 2048³ and 2000 from 8 to 48: what defeats padding and static splitting."""
    small = np.random.default_rng(SEED).integers(8, 49, (2000, 3))
    return pairs("giant+tiny", np.vstack([np.full((1, 3), 2048, np.int64), small]))


def moe() -> Workload:
    """64 experts, 8192 tokens by a multinomial over Dirichlet(0.5), 512 to 1024 features."""
    rng = np.random.default_rng(SEED)
    tokens = rng.multinomial(8192, rng.dirichlet(np.full(64, 0.5)))
    wide, hidden = np.full(64, 512), np.full(64, 1024)
    return pairs("moe", np.column_stack([tokens, wide, hidden]).astype(np.int64))


def equal(count: int, size: int) -> Workload:
    """`count` pairs of size x size: `equal-10-8` is what call overhead is read from."""
    return pairs(f"equal-{count}-{size}", np.full((count, 3), size, np.int64))
