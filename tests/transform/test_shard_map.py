"""Inside `shard_map` a program runs on each device's own part; gradients of what is shared are added up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.processes import PACKAGE_PARENT, printed
from tests.transform.functions import KERNELS

SCRIPT = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import PartitionSpec as P
from tests.programs import pairs, program

kernel = {kernel!r}
run = program(pairs([(2, 2, 2)]), "fused", kernel)
mesh = jax.make_mesh((2,), ("d",), axis_types=(jax.sharding.AxisType.Auto,))

def one(a, b):
    return run({{"A": [a[0]], "B": [b]}})["Y"][0][None]

sharded = jax.shard_map(one, mesh=mesh, in_specs=(P("d"), P()), out_specs=P("d"))
a, b = jnp.arange(8.0).reshape(2, 2, 2), jnp.asarray([[1.0, 2.0], [3.0, 4.0]])
np.testing.assert_allclose(jax.block_until_ready(jax.jit(sharded)(a, b)), a @ b)
grads = jax.jit(jax.grad(lambda a, b: jnp.sum(sharded(a, b) ** 2), (0, 1)))(a, b)
wanted = jax.grad(lambda a, b: jnp.sum((a @ b) ** 2), (0, 1))(a, b)
for given, other in zip(jax.block_until_ready(grads), wanted, strict=True):
    np.testing.assert_allclose(given, other)
print("agreed")
"""


@pytest.mark.parametrize("kernel", KERNELS[:2])
def test_values_and_gradients_are_those_of_one_device(kernel, tmp_path):
    said = printed(
        SCRIPT.format(kernel=kernel),
        tmp_path,
        XLA_FLAGS="--xla_force_host_platform_device_count=2",
        PYTHONPATH=os.pathsep.join([str(PACKAGE_PARENT), str(Path(__file__).parents[2])]),
    )
    assert said.strip() == "agreed"
