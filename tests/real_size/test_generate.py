"""Generated specs are valid, the same for a seed, of real size, and of every kind."""

from __future__ import annotations

import re
from functools import cache

import pytest

import raggeddsl as rd
from raggeddsl.dtypes import DTYPES
from tests.real_size.generate import generate
from tests.real_size.shrink import shrink
from tests.real_size.spec import Spec

SEEDS = range(300)
FEATURES = {
    "sum", "blocks", "outer", "shared", "map", "transpose", "scaled", "number", "plus", "negated",
    "two", "applied", "iterate", "chain", "product", "gram", "named one by one", "with",
    "single output", "output over a family", "shown again",
}  # fmt: skip


@cache
def specs() -> tuple[Spec, ...]:
    return tuple(map(generate, SEEDS))


def errors(spec: Spec) -> list:
    return [found for found in rd.check(spec.render()) if found.severity == "error"]


def test_specs_are_valid_whatever_their_types_and_sizes():
    for seed, spec in zip(SEEDS, specs(), strict=True):
        assert not errors(spec), f"seed {seed}: {errors(spec)[0]}"
    for spec in specs()[:40]:
        assert not errors(spec.in_dtype("f64")) and not errors(spec.capped(3))


def test_a_seed_always_gives_the_same_spec():
    assert all(generate(seed).render() == specs()[seed].render() for seed in range(20))


def test_every_feature_and_type_is_met():
    assert frozenset().union(*(spec.features for spec in specs())) == FEATURES
    text = "".join(spec.render() for spec in specs())
    assert set(re.findall(r": (\w+)\[", text)) == set(DTYPES)
    assert re.search(r"A\d+\[\d+\]", text), "a member of a family by its number"


def test_families_are_of_real_size_and_of_none():
    counts = [index.members for spec in specs() for index in spec.indexes]
    sizes = [int(dim.sizes.max(initial=0)) for spec in specs() for dim in spec.dims]
    assert min(counts) == 0 and max(counts) > 4000 and sum(count > 1000 for count in counts) > 50
    assert max(sizes) > 1000 and sum(size > 128 for size in sizes) > 100


@pytest.mark.parametrize("word", ["sum(", "iterate("])
def test_shrinking_leaves_what_fails(word):
    spec = next(spec for spec in specs() if word in spec.render() and len(spec.render()) > 2000)
    small = shrink(spec, lambda one: word in one.render() and not errors(one), seconds=10)
    assert word in small.render() and not errors(small) and len(small.render()) < 600
