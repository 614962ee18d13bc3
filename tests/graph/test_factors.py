"""Numbers that scale: which fit, what two come to, and that every kernel and target makes the same of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggeddsl as rd
from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.factors import fits, misfit, times

WAYS = ({"kernel": "native"}, {"kernel": "xla"}, {"kernel": "reference"}, {"target": "dispatch"})
RANGES = {"i8": 2**7, "i32": 2**31}
FLOATS = ("f16", "bf16", "f32", "f64", "c64", "c128")
WITHOUT_X64 = ("i8", "i32", "f32", "f16", "bf16", "c64")


def cases(*dtypes: str):
    """`dtype` and a factor that it holds, often one at the end of its range."""
    return st.sampled_from(dtypes).flatmap(lambda dtype: st.tuples(st.just(dtype), in_range(dtype)))


def in_range(dtype: str):
    edge = RANGES[dtype]
    return st.integers(-edge, edge - 1) | st.sampled_from([-edge, 1 - edge, edge - 1, edge // 2, -1])


def results(text: str, inputs: dict, **way) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in rd.compile(text, **way)(inputs).items()}


# ---------------------------------------------------------------- what fits


@pytest.mark.parametrize("dtype", FLOATS)
@given(st.floats(allow_nan=False) | st.integers(-(2**63), 2**63))
def test_a_number_fits_where_rounding_makes_it_neither_infinite_nor_zero(dtype, number):
    real = {"c64": "f32", "c128": "f64"}.get(dtype, dtype)
    with np.errstate(all="ignore"):
        rounded = float(np.asarray(float(number)).astype(DTYPES[real].numpy))
    whole = np.isfinite(rounded) and (rounded != 0 or number == 0)
    assert not fits(number, dtype) or whole
    normal = number == 0 or abs(number) >= {"f64": 2.0**-1022, "f16": 2.0**-24}.get(real, 2.0**-126)
    assert fits(number, dtype) == (whole and normal)


@pytest.mark.parametrize(("dtype", "edge"), RANGES.items())
def test_integers_fit_in_the_range_of_two_s_complement(dtype, edge):
    assert fits(-edge, dtype) and fits(edge - 1, dtype)
    assert not fits(edge, dtype) and not fits(-edge - 1, dtype)


@given(cases("i8", "i32"), st.data())
def test_two_factors_of_integers_come_to_what_numpy_s_wrap_to(case, data):
    dtype, first = case
    second = data.draw(in_range(dtype))
    own = DTYPES[dtype].numpy
    with np.errstate(all="ignore"):
        assert times(dtype, first, second) == int((np.array([first], own) * np.array([second], own))[0])


@given(st.sampled_from(FLOATS), st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e9, 1e9))
def test_two_factors_of_floats_come_to_one_that_fits_or_to_none(dtype, first, second):
    product = times(dtype, first, second)
    if product is None:
        assert not fits(first * second, dtype) or first * second == 0
    else:
        assert fits(product, dtype) and product == first * second


@pytest.mark.parametrize(
    ("number", "dtype", "words"),
    [
        (200, "i8", ("does not fit in i8", "-128 to 127", "input s : i32[]")),
        (3 * 10**9, "i8", ("does not fit in i8", "input s : f32[]")),
        (70000, "f16", ("infinite in f16", "up to 65504", "input s : f32[]")),
        (1e39, "bf16", ("infinite in bf16", "up to 3.3895e+38", "input s : f64[]")),
        (1e-50, "c64", ("is 0 in c64", "result c128")),
        (1e-310, "f64", ("is 0 in f64", "in two steps")),
    ],
)
def test_a_misfit_says_what_the_type_holds_and_what_mends_it(number, dtype, words):
    said = misfit(number, dtype)
    assert said is not None
    assert all(word in f"{said.message} {said.holds} {said.help}" for word in words)


@pytest.mark.parametrize("expression", ["-128 * A", "A * -128", "-128 * A - A", "A - 127 * A", "-(-128 * A)"])
def test_a_negative_factor_may_be_the_least_of_its_type(expression):
    assert rd.check(f"input A : i8[2, 2]\noutput Y = {expression}\n") == []


# ---------------------------------------------------------------- wherever they arise

PLACES = {
    "a product": "output Y = {0} * A @ A",
    "the right": "output Y = A @ A * {0}",
    "a sum": "output Y = A + {0} * A",
    "a difference": "output Y = A - {0} * A",
    "a sign": "output Y = -({0} * A)",
    "numbers worked out": "output Y = ({0} + 1 - 1) * A",
    "a scalar": "input s : {1}[]\noutput Y = ({0} * s) * A",
    "a function": "def f(X) = X @ X + {0} * X\noutput Y = f(A)",
    "an argument": "def f(X, c) = c * X\noutput Y = f(A, {0})",
    "an iteration": "def f(X) = X + {0} * X\noutput Y = iterate(f, A, 2)",
    "a sum over members": "index i in 2\ninput B[i] : {1}[2, 2]\noutput Y = sum({0} * B[i] for i)",
    "like lines": "output Y0 = 1 * A @ A\noutput Y1 = {0} * A @ A\noutput Y2 = 3 * A @ A",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("dtype", "number"), [("i8", "128"), ("i32", "2147483648"), ("f32", "1e39")])
def test_a_factor_that_does_not_fit_is_refused_wherever_it_stands(place, dtype, number):
    number = "-2147483649" if place == "a sign" and dtype == "i32" else number
    found = rd.check(f"input A : {dtype}[2, 2]\n{PLACES[place].format(number, dtype)}\n")
    assert "RMM320" in {one.code for one in found} <= {"RMM320", "RMM207"}


def test_a_macro_of_a_builder_is_checked_when_it_is_called():
    b = rd.Builder()
    f = b.macro("f", lambda X: 300 * X)
    with pytest.raises(rd.RmmError, match="RMM320"):
        b.output("Y", f(b.input("A", shape=(2, 2), dtype="i8")))
        b.compile()


# ---------------------------------------------------------------- the same on every way

NESTED = (
    "{0} * ({1} * A)",
    "{0} * ({1} * A) @ B",
    "{0} * (({1} * A) @ B) + {1} * A",
    "({0} * A) @ ({1} * B) - {1} * ({0} * A)",
    "{0} * ({1} * (A @ B + {0} * A))",
    "-({0} * (s * ({1} * A)) @ B)",
    "{0} * ({1} * (A @ ({0} * B) @ A))",
    "{0} * s * ({1} * s) * A",
)
EXACT = {"i8": np.int8, "i32": np.int32}


def by_hand(expression: str, values: dict[str, np.ndarray], *numbers: int) -> np.ndarray:
    """The expression in NumPy, one operation after another, each wrapping."""
    own = values["A"].dtype.type
    names = {"c": np.array(numbers[0], own), "d": np.array(numbers[1], own), **values}
    with np.errstate(all="ignore"):
        return np.asarray(eval(expression.format("c", "d"), {"__builtins__": {}}, names))


@pytest.mark.parametrize("expression", NESTED)
@settings(max_examples=4)
@given(cases("i8", "i32"), st.data(), st.integers(0, 2**32 - 1))
def test_factors_of_integers_wrap_alike_on_every_kernel_and_target(expression, case, data, seed):
    dtype, first = case
    second = data.draw(in_range(dtype))
    rng = np.random.default_rng(seed)
    edge = RANGES[dtype]
    values = {name: rng.integers(-edge, edge, (2, 2)).astype(EXACT[dtype]) for name in "AB"}
    values["s"] = np.asarray(rng.integers(-edge, edge), EXACT[dtype])
    used = [name for name in values if name in expression]
    declared = [f"input {name} : {dtype}{'[]' if name == 's' else '[2, 2]'}" for name in used]
    text = "\n".join([*declared, f"output Y = {expression.format(first, second)}"])
    wanted = by_hand(expression, values, first, second)
    for way in WAYS:
        found = results(text, {name: values[name] for name in used}, **way)
        np.testing.assert_array_equal(found["Y"], wanted, err_msg=f"{way} of {text}")


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_a_factor_wraps_before_a_wider_product_reads_it(way):
    a = np.array([[1, 2], [3, -4]], np.int8)
    b = np.array([[5, -6], [7, 8]], np.int32)
    text = "input A : i8[2, 2]\ninput B : i32[2, 2]\ninput F : f32[2, 2]\n"
    text += "output Y = (100 * A) @ B\noutput Z = 100 * A @ F\noutput V = 100 * A + B\n"
    found = results(text, {"A": a, "B": b, "F": b.astype(np.float32)}, **way)
    wrapped = (np.int8(100) * a).astype(np.int32)
    np.testing.assert_array_equal(found["Y"], wrapped @ b)
    np.testing.assert_array_equal(found["Z"], (wrapped @ b).astype(np.float32))
    np.testing.assert_array_equal(found["V"], wrapped + b)


@pytest.mark.parametrize("way", WAYS[:2] + WAYS[3:], ids=str)
@pytest.mark.parametrize(
    "expression",
    [
        "1e30 * (1e30 * A)",
        "1e38 * ((1e4 * A) @ B)",
        "1e30 * (s * (1e30 * A) @ B)",
        "1e38 * (1e3 * A @ B + 1e4 * A)",
        "1e38 * (s * (1e4 * A)) @ B",
    ],
)
def test_factors_of_floats_are_not_joined_to_one_that_is_infinite(expression, way):
    """Each step stays in range for these inputs, which one infinite factor would not: 0 * inf is NaN."""
    text = "input A : f32[2, 2]\n" + "input B : f32[2, 2]\n" * ("B" in expression)
    text += "input s : f32[]\n" * ("s" in expression) + f"output Y = {expression}\n"
    values = {"A": np.array([[1e-36, 0], [0, 0]], "f4"), "B": np.eye(2, dtype="f4"), "s": np.float32(0.5)}
    found = results(text, {name: values[name] for name in values if f"input {name} " in text}, **way)
    wanted = eval(expression, {"__builtins__": {}}, {k: v.astype(np.float64) for k, v in values.items()})
    np.testing.assert_allclose(found["Y"], wanted, rtol=1e-5)
