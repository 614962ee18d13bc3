"""Muon's update of all matrices of three networks, by raggeddsl and by optax's own, side by side.

    python examples/muon/compare.py [--tables resnet50 ...] [--rounds 7] [--json results.json]

Each is one jitted function of gradients and state.  Compiling is tracing, lowering and XLA; a step
is the median of rounds that take turns; `apart` is the largest difference of the two in any matrix,
after three steps, as a part of its largest entry.  The process keeps the memory that either frees
(`rd.keep_memory`), so that neither pays for fresh pages at every step.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import time
from importlib import resources
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from muon import scale_by_muon

import raggeddsl as rd

TABLES = ("resnet50", "efficientnet_b0", "densenet121")


def shapes_of(table: str) -> list[tuple[int, int]]:
    """(inputs, outputs) of each weight matrix of a network, from the tables of `raggeddsl bench`."""
    text = (resources.files("raggeddsl.bench") / "tables" / f"{table}.csv").read_text("utf-8")
    return [(int(row["cols"]), int(row["rows"])) for row in csv.DictReader(text.splitlines())]


def optimizers(count: int) -> dict[str, optax.GradientTransformation]:
    """Both for a list of `count` matrices."""
    axes = [optax.contrib.MuonDimensionNumbers()] * count
    optaxs = optax.contrib.scale_by_muon(weight_dimension_numbers=axes)
    return {"raggeddsl": scale_by_muon(), "optax": optaxs}


def compare(shapes: list[tuple[int, int]], rounds: int) -> dict[str, Any]:
    """`compile_s` and `step_s` by name, their ratios optax / raggeddsl, and how far `apart` results are."""
    rng = np.random.default_rng(0)
    gradients = [jnp.asarray(rng.standard_normal(shape, np.float32)) for shape in shapes]
    steps, states, compiling = {}, {}, {}
    for name, optimizer in optimizers(len(shapes)).items():
        states[name] = optimizer.init(gradients)
        start = time.perf_counter()
        steps[name] = jax.jit(optimizer.update, donate_argnums=1).lower(gradients, states[name]).compile()
        compiling[name] = time.perf_counter() - start
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    results: dict[str, Any] = {}
    for number in range(rounds + 3):
        for name, step in steps.items():
            start = time.perf_counter()
            results[name], states[name] = jax.block_until_ready(step(gradients, states[name]))
            if number >= 3:
                seconds[name].append(time.perf_counter() - start)
        if number == 2:
            pairs = zip(results["raggeddsl"], results["optax"], strict=True)
            apart = max(float(jnp.abs(a - b).max() / jnp.abs(b).max()) for a, b in pairs)
    step_s = {name: statistics.median(seconds[name]) for name in steps}
    return {
        "matrices": len(shapes),
        "compile_s": compiling,
        "step_s": step_s,
        "rounds_s": seconds,
        "compile_ratio": compiling["optax"] / compiling["raggeddsl"],
        "step_ratio": step_s["optax"] / step_s["raggeddsl"],
        "apart": apart,
    }


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--tables", nargs="+", default=TABLES, metavar="TABLE", help=", ".join(TABLES))
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--json", type=Path, help="where to write all figures")
    words.add_argument("--give-back", action="store_true", help="without rd.keep_memory()")
    given = words.parse_args()
    if not given.give_back:
        rd.keep_memory()
    compare([(3, 2), (2, 3)], 1)  # imports what both need
    found = {}
    print(f"{'':16}{'raggeddsl':>22}{'optax':>22}{'ratio':>18}")
    columns = f"{'compile':>12}{'step':>10}" * 2 + f"{'compile':>10}{'step':>8}"
    print(f"{'network':16}{columns}   apart")
    for table in given.tables:
        one = found[table] = compare(shapes_of(table), given.rounds)
        times = "".join(
            f"{one['compile_s'][name]:10.2f} s{1e3 * one['step_s'][name]:7.0f} ms"
            for name in ("raggeddsl", "optax")
        )
        ratios = f"{one['compile_ratio']:9.1f}x{one['step_ratio']:7.2f}x"
        print(f"{table:16}{times}{ratios}   {one['apart']:.0e}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
