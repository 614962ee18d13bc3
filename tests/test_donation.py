"""Donated results: the new result lies where the old one lay, and nothing else changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd

SPEC = """
index i in 3
dim m[i] = [100, 200, 300]
input A[i] : f32[m[i], 64]
input W : f32[64, 64]
output C[i] = A[i] @ W @ A[i].T
output D = W @ W
"""


def arrays():
    rng = np.random.default_rng(0)
    members = [rng.standard_normal((m, 64)).astype(np.float32) for m in (100, 200, 300)]
    return {"A": members, "W": rng.standard_normal((64, 64)).astype(np.float32)}


def test_a_donated_result_gives_its_memory_to_the_next():
    program = rd.compile(SPEC, target="fused")
    first = program(arrays())
    wanted = [np.array(member) for member in first["C"].to_numpy()]
    places = first["C"].data.unsafe_buffer_pointer(), first["D"].unsafe_buffer_pointer()
    second = program(arrays(), donate=first)
    assert (second["C"].data.unsafe_buffer_pointer(), second["D"].unsafe_buffer_pointer()) == places
    assert first["C"].data.is_deleted() and first["D"].is_deleted()
    for have, want in zip(second["C"].to_numpy(), wanted, strict=True):
        np.testing.assert_array_equal(have, want)


def test_a_part_of_a_result_may_be_donated():
    program = rd.compile(SPEC, target="fused")
    first = program(arrays())
    second = program(arrays(), donate={"D": first["D"]})
    assert first["D"].is_deleted() and not first["C"].data.is_deleted()
    np.testing.assert_array_equal(second["C"].data, first["C"].data)


@pytest.mark.parametrize("target", ["fused", "dispatch"])
def test_donation_is_only_a_hint_where_it_cannot_be_followed(target):
    program = rd.compile(SPEC, target=target)
    first = program(arrays())

    @jax.jit
    def inside(given, old):
        return program(given, donate=old)["D"]

    np.testing.assert_allclose(inside(arrays(), first), first["D"], rtol=1e-5, atol=1e-4)
    if target == "dispatch":
        program(arrays(), donate=first)
        assert not first["D"].is_deleted()


def test_packed_inputs_and_lists_give_the_same_bits():
    program = rd.compile("index i in 2\ninput A[i] : f32[5, 4]\noutput G[i] = A[i] @ A[i].T\n")
    members = [jnp.arange(20.0).reshape(5, 4), jnp.ones((5, 4))]
    packed = rd.Ragged.from_list(members)
    np.testing.assert_array_equal(program({"A": members})["G"].data, program({"A": packed})["G"].data)
    with pytest.raises(rd.RmmError, match="RMM702"):
        program({"A": packed, "B": packed})
