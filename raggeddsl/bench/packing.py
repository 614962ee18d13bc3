"""Lists of matrices in, how fast they are packed and read again out: `python -m raggeddsl.bench.packing`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import raggeddsl as rd

SIZES = ((100_000, 8), (1_000, 256))
ROUNDS = 15


def ways(count: int, size: int) -> dict[str, tuple[int, Callable[[], object]]]:
    """By name: the bytes of all members, and what packs or reads `count` f32 matrices of `size` x `size`."""
    stack = np.random.default_rng(7).random((count, size, size), np.float32)
    room = np.empty_like(stack)
    lists: dict[str, list[Any]] = {"NumPy": [member.copy() for member in stack]}
    lists["jax.Array"] = jax.device_put(lists["NumPy"])
    lists["jax.Array, bf16"] = jax.device_put([member.astype(jnp.bfloat16) for member in stack])
    try:
        import torch
    except ImportError:
        pass
    else:
        lists["torch"] = [torch.from_numpy(member.copy()) for member in stack]
        lists["torch, bf16"] = [member.bfloat16() for member in lists["torch"]]
    packed = rd.Ragged.from_list(lists["NumPy"])
    by_name: dict[str, tuple[int, Callable[[], object]]] = {
        "one copy (np.copyto)": (stack.nbytes, lambda: np.copyto(room, stack))
    }
    for name, members in lists.items():
        size_in_bytes = stack.nbytes // (2 if "bf16" in name else 1)
        by_name[f"from_list, {name}"] = size_in_bytes, lambda family=members: rd.Ragged.from_list(family)  # type: ignore[misc]
    by_name["to_numpy"] = stack.nbytes, packed.to_numpy
    by_name["to_list"] = stack.nbytes, packed.to_list
    return by_name


def measured(count: int, size: int) -> dict[str, tuple[float, float]]:
    """By name: GB/s, and nanoseconds a member; the least time of rounds in which all take turns."""
    all_ways = ways(count, size)
    least = dict.fromkeys(all_ways, float("inf"))
    for _ in range(ROUNDS):
        for name, (_, work) in all_ways.items():
            start = time.perf_counter()
            result = work()
            least[name] = min(least[name], time.perf_counter() - start)
            del result
    return {
        name: (size_in_bytes / least[name] / 1e9, least[name] / count * 1e9)
        for name, (size_in_bytes, _) in all_ways.items()
    }


def report() -> str:
    """A table in text for each of `SIZES`."""
    lines = []
    for count, size in SIZES:
        lines.append(f"{count} members of {size} x {size}")
        for name, (rate, each) in measured(count, size).items():
            lines.append(f"  {name:26} {rate:8.2f} GB/s {each:10.0f} ns a member")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(report() + "\n")
