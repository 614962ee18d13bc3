"""The Muon example: it gives optax's updates, in one program whatever the number of matrices."""

from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from raggeddsl.native.library import library

optax = pytest.importorskip("optax")

TALL = {"conv": (3, 3, 2, 5), "dense": (20, 7)}
WIDE = {"conv": (1, 1, 4, 9), "square": (6, 6)}
OTHERS = {"bias": (7,), "temperature": ()}


def normal(shapes, seed):
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(rng.standard_normal(shape), jnp.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("shapes", [TALL, WIDE, {**OTHERS, "up": (3, 8), **TALL}])
def test_updates_are_those_of_optax(example, shapes, nesterov):
    train = example("muon/train")
    ours = train.muon(0.1, weight_decay=0.01, nesterov=nesterov)
    theirs = optax.contrib.muon(
        0.1, weight_decay=0.01, nesterov=nesterov, muon_weight_dimension_numbers=train.matrix_axes
    )
    params = normal(shapes, 0)
    a, b = ours.init(params), theirs.init(params)
    for step in range(3):
        gradient = normal(shapes, 1 + step)
        one, a = jax.jit(ours.update)(gradient, a, params)
        other, b = jax.jit(theirs.update)(gradient, b, params)
        for name in shapes:
            np.testing.assert_allclose(one[name], other[name], rtol=1e-3, atol=1e-5)


def test_singular_values_come_near_to_one(example):
    muon = example("muon/muon")
    matrices = muon.pack([value * 40 for value in normal({**TALL, **WIDE}, 3).values()])
    for before, after in zip(matrices, muon.orthogonal(matrices), strict=True):
        assert before.shape == after.shape
        values = np.linalg.svd(np.asarray(after), compute_uv=False)
        strength = np.linalg.svd(np.asarray(before), compute_uv=False)
        assert (values < 1.3).all() and (values[strength > 0.1 * strength[0]] > 0.6).all()


def wide_and_tall(count):
    return [jnp.ones((3 + i, 40) if i % 2 else (40, 3 + i)) for i in range(count)]


def test_the_update_has_as_many_programs_for_many_matrices_as_for_few(example):
    scale = example("muon/muon").scale_by_muon()

    def programs(count):
        params = wide_and_tall(count)
        return str(jax.make_jaxpr(scale.update)(params, scale.init(params))).count("product_graph[")

    assert programs(12) == programs(3) > 0


def test_xla_compiles_no_slice_for_each_matrix(example):
    muon = example("muon/muon")
    if isinstance(library(), str):
        pytest.skip(library())
    scale = muon.scale_by_muon()

    def fusions(count):
        params = wide_and_tall(count)
        compiled = jax.jit(scale.update).lower(params, scale.init(params)).compile()
        return compiled.as_text().count(" fusion(")

    assert fusions(24) < 12


def test_the_momentum_is_one_buffer(example):
    params = normal({**TALL, **WIDE}, 0)
    state = example("muon/muon").scale_by_muon().init(params)
    assert state.momentum.data.shape == (sum(p.size for p in params.values()),)
    assert len(jax.tree.leaves(state)) == 2


def test_training_falls_as_it_does_with_optax(example, monkeypatch):
    train = example("muon/train")
    monkeypatch.setattr(train, "WIDTHS", (3, 8, 12))
    found = train.train(12)
    ours, theirs = found["raggeddsl"][0], found["optax"][0]
    assert np.mean(ours[-3:]) < 0.9 * np.mean(ours[:3])
    np.testing.assert_allclose(ours, theirs, rtol=1e-2)
    curves = {name: losses for name, (losses, _, _) in found.items()}
    picture = ElementTree.fromstring(train.picture(curves))
    assert len(picture.findall("{*}polyline")) == 3


def test_compare_finds_the_two_close(example):
    found = example("muon/compare").compare([(30, 8), (8, 30), (12, 12)], 2)
    assert found["matrices"] == 3 and found["apart"] < 1e-3
    assert len(found["rounds_s"]["optax"]) == 2


def test_tables_have_inputs_first(example):
    compare = example("muon/compare")
    assert {table: len(compare.shapes_of(table)) for table in compare.TABLES} == {
        "resnet50": 54,
        "efficientnet_b0": 82,
        "densenet121": 121,
    }
    assert (2048, 1000) in compare.shapes_of("resnet50")
