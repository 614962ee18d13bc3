"""The ways that raggeddsl is timed against: names in, what prepares them out."""

from __future__ import annotations

from raggeddsl.bench.peers.buckets import pad_buckets
from raggeddsl.bench.peers.gradient import gradient
from raggeddsl.bench.peers.loops import jax_list, jit_loop, numpy_loop
from raggeddsl.bench.peers.mkl import mkl_batch
from raggeddsl.bench.peers.openblas import openblas_batch
from raggeddsl.bench.peers.ours import variant
from raggeddsl.bench.peers.padded import pad_map, pad_vmap
from raggeddsl.bench.peers.ragged_dot import ragged_dot
from raggeddsl.bench.peers.single import jit_one
from raggeddsl.bench.peers.torch_ways import torch_bmm, torch_loop
from raggeddsl.bench.peers.way import Limits, Prepare, Skip, Way, Work

OURS = "raggeddsl"
DONATED = "raggeddsl:donate"

JAX: dict[str, Prepare] = {
    "jax-list": jax_list,
    "jit-loop": jit_loop,
    "jit-one": jit_one,
    "ragged-dot": ragged_dot,
    "pad-vmap": pad_vmap,
    "pad-map": pad_map,
    "pad-buckets": pad_buckets,
}
PEERS: dict[str, Prepare] = {
    "numpy": numpy_loop,
    **JAX,
    "torch-loop": torch_loop,
    "torch-bmm": torch_bmm,
    "mkl-batch": mkl_batch,
    "openblas-batch": openblas_batch,
}


def peer(name: str) -> Prepare:
    """What prepares the way called `name`: a peer, or `raggeddsl:fused`, `raggeddsl:grad:xla`, ….

    Raises `ValueError` with the names there are.
    """
    if name in PEERS:
        return PEERS[name]
    head, *words = name.split(":")
    ours = (gradient(words) or variant(words)) if head == OURS else None
    if ours is None:
        raise ValueError(
            f"no peer is called {name!r}; there are {', '.join(PEERS)}, and raggeddsl:TARGET or "
            "raggeddsl:KERNEL (fused, dispatch, native, mkl, xla, reference); raggeddsl:donate, alone or "
            "before such a word, writes each result over the one before; raggeddsl:grad and "
            "raggeddsl:loss are the same with gradients"
        )
    return ours


__all__ = ["DONATED", "JAX", "OURS", "PEERS", "Limits", "Prepare", "Skip", "Way", "Work", "peer"]
