"""The ensemble example: all models train as they do one by one, in programs that do not grow with them."""

import jax
import numpy as np
import pytest

pytest.importorskip("optax")


def test_losses_fall_as_they_do_in_a_loop(example):
    found = example("ensemble/train").train((3, 5, 8), 25)
    ours, loop = found["raggeddsl"]["losses"], found["loop"]["losses"]
    assert ours.shape == (25, 3)
    assert (ours[-1] < 0.9 * ours[0]).all()
    np.testing.assert_allclose(ours, loop, rtol=1e-3, atol=1e-5)


def test_a_model_has_the_gradient_of_its_own_loss(example):
    train = example("ensemble/train")
    points, values = train.data()
    models = [train.parameters(width) for width in (3, 6)]
    ours = jax.grad(lambda p: train.losses_at_once(p, points, values).sum())(train.packed(models))
    for place, model in enumerate(models):
        alone = jax.grad(lambda p: train.losses_in_a_loop([p], points, values)[0])(model)
        for name, gradient in alone.items():
            np.testing.assert_allclose(ours[name][place], gradient, rtol=1e-4, atol=1e-6)


def test_twenty_models_take_as_many_programs_as_two(example):
    train = example("ensemble/train")
    points, values = train.data()

    def equations(widths):
        params = train.packed([train.parameters(width) for width in widths])
        total = jax.make_jaxpr(jax.grad(lambda p: train.losses_at_once(p, points, values).sum()))
        return len(total(params).eqns)

    assert len(set(train.WIDTHS)) == 20
    assert equations(train.WIDTHS) == equations(train.WIDTHS[:2])
