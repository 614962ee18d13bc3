"""The element types of `rd.matmul` are those of `jnp.matmul`: promotion, weak types, x64, preferred types."""

import itertools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.dtypes import DTYPES as DTYPES_BY_NAME
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


NARROW = ["bool", "int16", "uint8", "uint16", "uint32"]


def extremes(dtype, shape):
    """Integers of all sizes that the type has, or truth values."""
    rng = np.random.default_rng(sum(shape))
    if dtype == "bool":
        return jnp.asarray(rng.random(shape) < 0.2)
    if jnp.issubdtype(dtype, jnp.integer):
        limits = jnp.iinfo(dtype)
        return jnp.asarray(rng.integers(limits.min, limits.max, shape, endpoint=True), dtype)
    return jnp.asarray(rng.integers(-3, 3, shape), dtype)


def same(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("right", [*NARROW, "int8", "int32"])
@pytest.mark.parametrize("left", NARROW)
def test_integers_and_booleans_that_the_language_has_not(left, right):
    a, b = extremes(left, (3, 9)), extremes(right, (9, 4))
    expected = jnp.matmul(a, b)
    same(rd.matmul([a, a], [b, b])[1], expected)
    same(rd.matmul([b.T], [a.T])[0], expected.T)
    same((rd.Ragged.from_list([a]) @ rd.Ragged.from_list([b]))[0], expected)
    same(jax.jit(lambda a, b: rd.matmul([a], b)[0])(a, b), expected)
    same(rd.matmul([np.asarray(a)], [np.asarray(b)], kernel="xla")[0], expected)


@pytest.mark.parametrize("right", ["float32", "bfloat16", "complex64"])
@pytest.mark.parametrize("left", NARROW)
def test_integers_and_booleans_times_floats(left, right):
    a, b = extremes(left, (3, 1)), extremes(right, (1, 4))
    same(rd.matmul([a], [b])[0], jnp.matmul(a, b))


@pytest.mark.parametrize(
    ("dtype", "preferred"),
    [
        ("float32", "int32"),
        ("float32", "bool"),
        ("float32", "uint8"),
        ("bfloat16", "int16"),
        ("int8", "int16"),
        ("int16", "float32"),
        ("uint32", "float32"),
        ("uint8", "int32"),
        ("bool", "int32"),
        ("bool", "float32"),
        ("bool", "bfloat16"),
        ("uint8", "complex64"),
    ],
)
def test_preferred_types_of_other_kinds(dtype, preferred):
    a, b = extremes(dtype, (3, 1)), extremes(dtype, (1, 4))
    if dtype == "float32":
        a, b = jnp.abs(a) + 0.7, jnp.abs(b) + 0.6
    expected = jnp.matmul(a, b, preferred_element_type=preferred)
    same(rd.matmul([a], [b], preferred_element_type=preferred)[0], expected)


@pytest.mark.parametrize(
    ("dtype", "preferred", "said"),
    [
        ("int32", "int16", "`preferred_element_type` is int16, which is narrower than i32"),
        ("uint16", "bool", "`preferred_element_type` is bool, which is narrower than uint16"),
        ("complex64", "float32", "`preferred_element_type` is f32, which cannot hold products of c64"),
        ("complex64", "uint8", "`preferred_element_type` is uint8, which cannot hold products of c64"),
        ("float32", "float8_e5m2", "`preferred_element_type` has element type float8_e5m2"),
        ("float32", "f23", "'f23' is no element type\n.*`bf16`"),
        ("float8_e5m2", None, "the result has element type float8_e5m2"),
    ],
)
def test_a_preferred_type_that_cannot_hold_the_products_is_refused(dtype, preferred, said):
    a, b = sides(dtype, dtype)
    with pytest.raises(rd.RmmError, match=said) as caught:
        rd.matmul([a], [b], preferred_element_type=preferred)
    assert caught.value.diagnostics[0].code == "RMM709"


@pytest.mark.parametrize("name", ["f32", "bf16", "f16", "i8", "i32", "c64"])
def test_the_names_of_the_language_name_element_types(name):
    dtype, ragged = DTYPES_BY_NAME[name].numpy, rd.Ragged.from_list([np.ones((2, 2), np.float32)])
    found = [
        ragged.astype(name),
        rd.zeros_like(ragged, dtype=name),
        rd.ones_like(ragged, name),
        rd.full_like(ragged, 2, dtype=name),
        rd.Ragged.from_list([np.ones((2, 2))], dtype=name),
        rd.Ragged.from_list([], dtype=name),
        rd.matmul(ragged, ragged, preferred_element_type=name),
    ]
    assert {one.dtype for one in found} == {dtype}
    with pytest.raises(rd.RmmError, match=r"RMM709.*'f23' is no element type"):
        ragged.astype("f23")


def test_64_bits_without_x64_are_warned_of_as_in_jax():
    a, b = sides("float32", "float32")
    for asked in ("float64", "f64", np.float64, np.dtype("float64")):
        with pytest.warns(UserWarning, match="requested dtype float64 .* matmul is not available") as ours:
            (found,) = rd.matmul([a], [b], preferred_element_type=asked)
        assert found.dtype == jnp.float32 and ours[0].filename == __file__
    with pytest.warns(UserWarning, match="requested dtype float64 .* from_list is not available"):
        rd.Ragged.from_list([a], dtype="float64")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rd.matmul([a], [b], preferred_element_type=float)[0].dtype == jnp.float32
        assert rd.Ragged.from_list([np.ones((2, 2))]).dtype == jnp.float32


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
