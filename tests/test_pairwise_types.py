"""The element types of `rd.matmul` are those of `jnp.matmul`: promotion, weak types, x64, preferred types."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from tests.processes import printed

DTYPES = ["float32", "bfloat16", "float16", "int8", "int32", "complex64"]


def sides(left, right):
    return jnp.ones((2, 3), left), jnp.ones((3, 2), right)


def weak(kind):
    array = jnp.full((2, 3), kind)
    assert array.weak_type
    return array


@pytest.mark.parametrize(("left", "right"), list(itertools.product(DTYPES, DTYPES)))
def test_types_promote(left, right):
    a, b = sides(left, right)
    expected = jnp.matmul(a, b)
    for found in (rd.matmul([a], [b])[0], (rd.Ragged.from_list([a]) @ rd.Ragged.from_list([b]))[0]):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("number", [2, 2.0, 2j])
@pytest.mark.parametrize("dtype", DTYPES)
def test_weak_types_give_way(number, dtype):
    a, b = weak(number), jnp.ones((3, 2), dtype)
    wanted = jnp.result_type(a, b)
    for found in (
        rd.matmul([a], [b])[0],
        rd.matmul([a, a], b)[1],
        rd.matmul(rd.Ragged.from_packed(a.ravel(), [(2, 3)]), [b])[0],
        jax.jit(lambda a, b: rd.matmul([a], [b])[0])(a, b),
    ):
        assert found.dtype == wanted
        np.testing.assert_array_equal(np.asarray(found), np.full((2, 2), 3 * number, wanted))


@pytest.mark.parametrize(
    ("dtype", "preferred"),
    [
        ("bfloat16", "float32"),
        ("float16", "float32"),
        ("int8", "int32"),
        ("float32", "bfloat16"),
        ("int8", "float32"),
        ("float32", "complex64"),
    ],
)
def test_the_preferred_type_is_that_of_the_result(dtype, preferred):
    rng = np.random.default_rng(0)
    a, b = rng.integers(-100, 100, (2, 64)), rng.integers(-100, 100, (64, 3))
    a, b = jnp.asarray(a, dtype), jnp.asarray(b, dtype)
    (found,) = rd.matmul([a], [b], preferred_element_type=preferred)
    exact = np.asarray(a, "float64") @ np.asarray(b, "float64")
    assert found.dtype == jnp.dtype(preferred)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(jnp.asarray(exact, preferred)))


def test_a_preferred_type_that_cannot_hold_the_products_is_refused():
    a, b = sides("float32", "float32")
    for preferred, said in (("int32", "cannot hold products of f32"), ("uint8", "element type uint8")):
        with pytest.raises(rd.RmmError, match=f"RMM709.*{said}"):
            rd.matmul([a], [b], preferred_element_type=preferred)


@pytest.mark.parametrize("precision", [None, "highest", "high", jax.lax.Precision.DEFAULT])
def test_precisions_are_those_of_jax(precision):
    a, b = sides("float32", "float32")
    np.testing.assert_array_equal(rd.matmul([a], [b], precision=precision)[0], a @ b)


X64 = """
import numpy as np, jax, jax.numpy as jnp, raggeddsl as rd
for a in (np.ones((2, 3)), np.ones((2, 3), "f4"), jnp.full((2, 3), 2.0), jnp.full((2, 3), 2)):
    for b in (np.ones((3, 2)), np.ones((3, 2), "f4"), np.ones((3, 2), "c8"), jnp.ones((3, 2), "bfloat16")):
        expected = jnp.matmul(jnp.asarray(a), jnp.asarray(b)).dtype
        assert rd.matmul([a], [b])[0].dtype == expected, (a.dtype, b.dtype)
ragged = rd.Ragged.from_list([np.ones((2, 3), "f4")])
for number in (2, 2.0, np.float32(2), np.float64(2), jnp.float32(2)):
    assert (ragged * number).dtype == (jnp.ones(3, "f4") * number).dtype
assert ragged.scale(np.ones(1)).dtype == (jnp.ones(3, "f4") * jnp.asarray(np.ones(3))).dtype
print("alike")
"""


@pytest.mark.parametrize("enabled", ["0", "1"])
def test_with_and_without_x64(enabled, tmp_path):
    assert printed(X64, tmp_path, JAX_ENABLE_X64=enabled) == "alike\n"


@pytest.mark.parametrize("precision", ["bogus", ("high", "default"), 7])
def test_a_precision_that_there_is_not_is_refused_with_those_that_there_are(precision):
    with pytest.raises(ValueError, match="'high' or 'highest', one for both sides, not"):
        rd.matmul([np.ones((2, 2))], [np.ones((2, 2))], precision=precision)
