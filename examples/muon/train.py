"""Train a small convolutional network with Muon in raggeddsl, Muon in optax, and AdamW.

    python examples/muon/train.py [--steps 150] [--svg loss.svg]

Images are made here: each of ten classes is a pattern, seen at a random place under noise.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from muon import muon

CLASSES, SIZE, BATCH = 10, 16, 64
WIDTHS = (3, 24, 48, 96, 160)


def batches(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images f32[64, 16, 16, 3] and their classes i32[64], the same for a seed."""
    rng = np.random.default_rng(seed)
    patterns = rng.standard_normal((CLASSES, SIZE, SIZE, 3), dtype=np.float32)
    for axis in (1, 2):
        patterns += np.roll(patterns, 1, axis)
    while True:
        classes = rng.integers(0, CLASSES, BATCH, dtype=np.int32)
        places = rng.integers(0, SIZE, (BATCH, 2))
        images = [np.roll(patterns[c], place, (0, 1)) for c, place in zip(classes, places, strict=True)]
        yield np.stack(images) + 2 * rng.standard_normal((BATCH, SIZE, SIZE, 3), dtype=np.float32), classes


def parameters(seed: int) -> dict[str, jax.Array]:
    """Kernels f32[3, 3, inputs, outputs] with their biases, and a dense layer on top."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> jax.Array:
        scale = np.sqrt(2 / np.prod(shape[:-1]))
        return jnp.asarray(scale * rng.standard_normal(shape), jnp.float32)

    found = {}
    for layer, (inputs, outputs) in enumerate(pairwise(WIDTHS)):
        found[f"kernel{layer}"] = normal(3, 3, inputs, outputs)
        found[f"bias{layer}"] = jnp.zeros(outputs)
    return found | {"dense": normal(WIDTHS[-1], CLASSES), "bias": jnp.zeros(CLASSES)}


def loss(params: dict[str, jax.Array], images: jax.Array, classes: jax.Array) -> jax.Array:
    """Mean cross-entropy of convolutions with stride 2, ReLU, and a mean over all places."""
    x = images
    for layer in range(len(WIDTHS) - 1):
        x = jax.lax.conv_general_dilated(
            x, params[f"kernel{layer}"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(x + params[f"bias{layer}"])
    logits = x.mean((1, 2)) @ params["dense"] + params["bias"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, classes).mean()


def matrix_axes(params: Any) -> Any:
    """For `optax.contrib.muon`: which axes are the inputs and which the outputs of a matrix."""
    axes = optax.contrib.MuonDimensionNumbers
    return jax.tree.map(lambda p: axes(range(p.ndim - 1), p.ndim - 1) if p.ndim >= 2 else None, params)


def optimizers() -> dict[str, optax.GradientTransformation]:
    return {
        "raggeddsl": muon(0.02),
        "optax": optax.contrib.muon(0.02, muon_weight_dimension_numbers=matrix_axes),
        "adamw": optax.adamw(0.002),
    }


def train(steps: int, seed: int = 0) -> dict[str, tuple[list[float], float, float]]:
    """For each optimizer: its losses, its seconds of compiling and its median seconds a step.

    All see the same batches; each step is taken by one after the other.
    """
    runs: dict[str, Any] = {}
    for name, optimizer in optimizers().items():
        params = parameters(seed)
        state = optimizer.init(params)
        function = jax.jit(_step(optimizer), donate_argnums=(0, 1))
        start = time.perf_counter()
        step = function.lower(params, state, *next(batches(seed))).compile()
        runs[name] = {"step": step, "compile": time.perf_counter() - start, "now": (params, state)}
    losses: dict[str, list[float]] = {name: [] for name in runs}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _, (images, classes) in zip(range(steps), batches(seed), strict=False):
        for name, run in runs.items():
            start = time.perf_counter()
            *run["now"], value = run["step"](*run["now"], images, classes)
            losses[name].append(float(value))
            seconds[name].append(time.perf_counter() - start)
    return {n: (losses[n], run["compile"], statistics.median(seconds[n])) for n, run in runs.items()}


def _step(optimizer: optax.GradientTransformation) -> Any:
    def step(params: Any, state: Any, images: jax.Array, classes: jax.Array) -> tuple[Any, Any, jax.Array]:
        value, gradient = jax.value_and_grad(loss)(params, images, classes)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, value

    return step


def picture(curves: dict[str, list[float]]) -> str:
    """Losses over steps as an SVG; a dashed line lets the one below it be seen."""
    width, height, most = 480, 240, max(max(curve) for curve in curves.values())
    steps = len(next(iter(curves.values())))
    styles = ["#0969da", "#d1242f; stroke-dasharray: 6 6", "#8c959f"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-40 -20 {width + 60} {height + 60}" '
        'font-family="sans-serif" font-size="13">',
        f'<path d="M0 0V{height}H{width}" fill="none" stroke="#57606a"/>',
        f'<text x="{width}" y="{height + 30}" text-anchor="end">{steps} steps</text>',
        f'<text x="-6" y="6" text-anchor="end">{most:.1f}</text>',
        f'<text x="-6" y="{height}" text-anchor="end">0</text>',
    ]
    for place, ((name, curve), style) in enumerate(zip(curves.items(), styles, strict=True)):
        places = np.linspace(0, width, len(curve))
        points = [f"{x:.0f},{height * (1 - y / most):.0f}" for x, y in zip(places, curve, strict=True)]
        parts.append(f'<polyline points="{" ".join(points)}" style="fill: none; stroke: {style}"/>')
        parts.append(
            f'<text x="{width}" y="{20 * place + 12}" text-anchor="end" fill="{style[:7]}">{name}</text>'
        )
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--steps", type=int, default=150)
    words.add_argument("--svg", type=Path, help="where to draw the losses")
    given = words.parse_args()
    found = train(given.steps)
    print("step      " + "".join(f"{name:>12}" for name in found))
    for at in np.unique(np.linspace(0, given.steps - 1, 11).astype(int)):
        print(f"{at:<10}" + "".join(f"{losses[at]:12.4f}" for losses, _, _ in found.values()))
    print("compile   " + "".join(f"{compiling:10.2f} s" for _, compiling, _ in found.values()))
    print("a step    " + "".join(f"{1e3 * step:9.1f} ms" for _, _, step in found.values()))
    if given.svg:
        given.svg.write_text(picture({name: losses for name, (losses, _, _) in found.items()}))


if __name__ == "__main__":
    main()
