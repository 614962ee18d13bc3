"""The named workloads: `mixed-1000` in, its `Workload` out."""

from __future__ import annotations

import re
from collections.abc import Callable

from raggeddsl.bench import graphs, networks, pairs
from raggeddsl.bench.workload import Workload

PLAIN: dict[str, Callable[[], Workload]] = {
    "seed": pairs.seed,
    "giant+tiny": pairs.giant_and_tiny,
    "moe": pairs.moe,
    "blocks": graphs.blocks,
}
COUNTED: dict[str, Callable[[int], Workload]] = {
    "mixed": pairs.mixed,
    "tiny": pairs.tiny,
    "chain": graphs.chain,
}
TABLED: dict[str, Callable[[str], Workload]] = {"gram": networks.gram, "muon": networks.muon}

CATALOGUE = {
    "seed": "100 pairs of 1000 x 1000: equal shapes, where vmap is at its best",
    "mixed-N": "N pairs, log-uniform 8..512 (N <= 300) or 8..256: every shape different",
    "tiny-N": "N pairs, uniform 4..32: call overhead and small products",
    "giant+tiny": "one 2048 x 2048 and 2000 pairs of 8..48: what defeats padding",
    "equal-N-S": "N pairs of S x S",
    "moe": "64 experts, 8192 tokens, skewed, 512 to 1024: one ragged axis",
    "gram:TABLE": "X @ X.T for every matrix of a shape table, its short side first",
    "muon:TABLE": "five Newton-Schulz steps for every matrix of a shape table",
    "chain-N": "a[i] @ f[i] @ W for N graphs of 5..60 nodes",
    "blocks": "a block-sparse contraction over a list of pairs",
}


def workload(name: str) -> Workload:
    """The workload called `name`; raises `ValueError` or `FileNotFoundError` with a sentence of advice."""
    if name in PLAIN:
        return PLAIN[name]()
    kind, _, rest = name.partition(":")
    if kind in TABLED and rest:
        return TABLED[kind](rest)
    counted = re.fullmatch(r"([a-z]+)-([1-9][0-9]*)", name)
    if counted and counted[1] in COUNTED:
        return COUNTED[counted[1]](int(counted[2]))
    equal = re.fullmatch(r"equal-([1-9][0-9]*)-([1-9][0-9]*)", name)
    if equal:
        return pairs.equal(int(equal[1]), int(equal[2]))
    raise ValueError(f"no workload is called {name!r}; there are {', '.join(CATALOGUE)}")
