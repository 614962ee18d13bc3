"""A workload's levels backwards give what JAX's reverse mode gives for its natural code."""

import jax
import numpy as np
import pytest

from raggeddsl.bench.adjoint import cotangents
from raggeddsl.bench.workloads import workload


def small(name, tmp_path):
    if ":" not in name:
        return workload(name)
    path = tmp_path / "net.csv"
    path.write_text("rows,cols\n2,3\n3,2\n4,4\n")
    return workload(f"{name}{path}")


@pytest.mark.parametrize("name", ["mixed-3", "chain-3", "gram:", "muon:"])
def test_cotangents_are_those_of_natural_code(name, tmp_path):
    chosen = small(name, tmp_path)
    inputs = chosen.inputs()
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(shape) for shape in chosen.results.tolist()]
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jax.numpy.asarray(x, np.float64), inputs)
        (wanted,) = jax.vjp(chosen.natural, wide)[1](given)
    found = cotangents(chosen, inputs, given)
    assert set(found) == set(wanted)
    for name, members in found.items():
        right = wanted[name] if isinstance(wanted[name], list) else [wanted[name]]
        for one, other in zip(members, right, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_results_that_accumulate_pass_their_cotangent_to_every_term():
    chosen = workload("blocks")
    inputs = chosen.inputs()
    given = [np.ones(shape) for shape in chosen.results.tolist()]
    found = cotangents(chosen, inputs, given)
    # The results are linear in X and in Z: <given, C> = <dX, X> = <dZ, Z>.
    total = sum(float(member.astype(np.float64).sum()) for member in chosen.natural(inputs))
    for name in ("X", "Z"):
        pairs = zip(found[name], inputs[name], strict=True)
        assert sum(float((d * x).sum()) for d, x in pairs) == pytest.approx(total, rel=1e-4)
