"""Train twenty networks of twenty widths at once, next to a jitted loop over the same networks.

    python examples/ensemble/train.py [--steps 300]

Each network learns the same function of four variables, at full batch.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import raggeddsl as rd

INPUTS, BATCH = 4, 256
WIDTHS = tuple(range(5, 177, 9))


def data() -> tuple[jax.Array, jax.Array]:
    """Points f32[256, 4] and the values f32[256] to be learnt."""
    points = np.random.default_rng(0).uniform(-1, 1, (BATCH, INPUTS))
    values = np.sin(3 * points[:, 0]) * points[:, 1] + np.abs(points[:, 2] - points[:, 3])
    return jnp.asarray(points, jnp.float32), jnp.asarray(values, jnp.float32)


def parameters(width: int) -> dict[str, jax.Array]:
    """Weights f32[inputs, outputs] and biases f32[1, outputs] of two hidden layers and a result."""
    rng = np.random.default_rng(width)
    found = {}
    for layer, (inputs, outputs) in enumerate(pairwise((INPUTS, width, width, 1))):
        weights = rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        found |= {f"W{layer}": jnp.asarray(weights, jnp.float32), f"b{layer}": jnp.zeros((1, outputs))}
    return found


# ---------------------------------------------------------------- all at once


def packed(models: list[dict[str, jax.Array]]) -> dict[str, rd.Ragged]:
    """For each name one `Ragged`, whose members are the models'."""
    return {name: rd.Ragged.from_list([model[name] for model in models]) for name in models[0]}


def tanh(x: rd.Ragged) -> rd.Ragged:
    return jax.tree.map(jnp.tanh, x)


def losses_at_once(params: dict[str, rd.Ragged], points: jax.Array, values: jax.Array) -> jax.Array:
    """The mean squared error of each model, f32[N]: every product below is one of all models."""
    ones = jnp.ones((len(points), 1))
    hidden = tanh(points @ params["W0"] + ones @ params["b0"])
    hidden = tanh(hidden @ params["W1"] + ones @ params["b1"])
    found = hidden @ params["W2"] + ones @ params["b2"]
    return jnp.square(found.data.reshape(len(found), -1) - values).mean(axis=1)


# ---------------------------------------------------------------- one after another


def losses_in_a_loop(models: list[dict[str, jax.Array]], points: jax.Array, values: jax.Array) -> jax.Array:
    """The same with models as a list."""

    def one(model: dict[str, jax.Array]) -> jax.Array:
        hidden = jnp.tanh(points @ model["W0"] + model["b0"])
        hidden = jnp.tanh(hidden @ model["W1"] + model["b1"])
        found = hidden @ model["W2"] + model["b2"]
        return jnp.square(found[:, 0] - values).mean()

    return jnp.stack([one(model) for model in models])


# ---------------------------------------------------------------- training


def train(widths: tuple[int, ...], steps: int) -> dict[str, dict[str, Any]]:
    """For each way its `losses` f32[steps, N], `compile_s`, and `step_s`, the median.

    The ways take turns.  The sum of all losses has for each model the gradient of its own.
    """
    models = [parameters(width) for width in widths]
    ways = {"raggeddsl": (losses_at_once, packed(models)), "loop": (losses_in_a_loop, models)}
    optimizer = optax.adam(3e-3)
    points, values = data()
    found: dict[str, dict[str, Any]] = {}
    now, steppers, seconds = {}, {}, {}
    for name, (losses, params) in ways.items():

        def step(params: Any, state: Any, losses: Any = losses) -> tuple[Any, Any, jax.Array]:
            def total(params: Any) -> tuple[jax.Array, jax.Array]:
                each = losses(params, points, values)
                return each.sum(), each

            gradient, each = jax.grad(total, has_aux=True)(params)
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state, each

        now[name] = params, optimizer.init(params)
        start = time.perf_counter()
        steppers[name] = jax.jit(step, donate_argnums=(0, 1)).lower(*now[name]).compile()
        found[name] = {"compile_s": time.perf_counter() - start, "losses": []}
        seconds[name] = []
    for _ in range(steps):
        for name, stepper in steppers.items():
            start = time.perf_counter()
            *now[name], each = jax.block_until_ready(stepper(*now[name]))
            seconds[name].append(time.perf_counter() - start)
            found[name]["losses"].append(np.asarray(each))
    for name, one in found.items():
        one["losses"] = np.stack(one["losses"])
        one["step_s"] = float(np.median(seconds[name]))
    return found


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--steps", type=int, default=300)
    steps = words.parse_args().steps
    train(WIDTHS[:1], 1)  # imports what both need
    found = train(WIDTHS, steps)
    shown = np.unique(np.linspace(0, steps - 1, 6).astype(int))
    print("losses    " + "".join(f"{f'step {step}':>12}" for step in shown))
    for model, width in enumerate(WIDTHS):
        losses = found["raggeddsl"]["losses"][shown, model]
        print(f"width {width:<4}" + "".join(f"{loss:12.5f}" for loss in losses))
    for name, one in found.items():
        print(f"{name:10} compile {one['compile_s']:7.2f} s   a step {1e3 * one['step_s']:7.2f} ms")
    a, b = (one["losses"] for one in found.values())
    print(f"losses differ by at most {np.abs(a - b).max():.0e} over all models and steps")


if __name__ == "__main__":
    main()
