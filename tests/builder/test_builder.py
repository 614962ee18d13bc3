"""`rd.Builder`: the text it writes, the names it chooses, and what it makes of many matrices."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd


def families() -> tuple[rd.Builder, rd.builder.Expression, rd.builder.Expression]:
    b = rd.Builder()
    A = b.input("A", shapes=[(128, 48), (64, 48), (32, 48)])
    B = b.input("B", shape=(48, 16), count=3, dtype="bf16")
    return b, A, B


def test_the_text_is_a_spec_that_a_person_could_have_written():
    b, A, B = families()
    W, s = b.input("W", shape=(16, 16)), b.input("s", shape=(), count=3)
    H = b.define("H", A @ B)
    b.output("Y", s * H @ W + 0.5 * H, precision="highest")
    b.output("G", b.sum(H.T @ H))
    assert b.to_text() == (
        "rmm 1\n"
        "\n"
        "index i in 3\n"
        "dim A_rows[i] = [128, 64, 32]\n"
        "\n"
        "input A[i] : f32[A_rows[i], 48]\n"
        "input B[i] : bf16[48, 16]\n"
        "input W : f32[16, 16]\n"
        "input s[i] : f32[]\n"
        "\n"
        "H[i] = A[i] @ B[i]\n"
        "output Y[i] = s[i] * H[i] @ W + 0.5 * H[i] with precision=highest\n"
        "output G = sum(H[i].T @ H[i] for i)\n"
    )


def test_maps_targets_and_single_members():
    b = rd.Builder()
    X, W = b.input("X", shape=(4, 8), count=3), b.input("W", shape=(8, 4), count=2)
    b.output("C", b.sum(X[[0, 1, 2, 0]] @ W[[0, 0, 1, 1]], into=[1, 0, 1, 1], count=2))
    b.output("D", X[-1] @ W[0])
    assert b.to_text().split("\n\n")[-1] == (
        "output C[j] = sum(X[at[k]] @ W[at1[k]] for k if owner[k] == j)\noutput D = X[2] @ W[0]\n"
    )


def test_a_chain_is_one_product_of_many_factors_and_brackets_stay():
    b = rd.Builder(association="left")
    A = b.input("A", shape=(2, 2))
    b.output("Y", A @ A @ A)
    b.output("Z", A @ (A @ A) - (A - A))
    b.output("N", (-A).T + -(A.T) - -2 * A)
    text = b.to_text()
    assert "option association = left\n" in text
    assert "output Y = A @ A @ A\n" in text
    assert "output Z = A @ (A @ A) - (A - A)\n" in text
    assert "output N = (-A).T + -A.T - -2 * A\n" in text


def test_what_is_used_twice_is_said_once():
    b, A, _ = families()
    G = A @ A.T
    b.output("Y", G @ G)
    b.output("Z", G)
    assert b.to_text().endswith("h[i] = A[i] @ A[i].T\noutput Y[i] = h[i] @ h[i]\noutput Z[i] = h[i]\n")


def test_attributes_hold_for_parts_that_are_shared_too():
    b, A, _ = families()
    G = A @ A.T
    b.output("Y", G @ G, precision="highest")
    b.output("Z", G @ G)
    lines = b.to_text().splitlines()[-4:]
    assert lines[0] == "h[i] = A[i] @ A[i].T with precision=highest"
    assert lines[2] == "h1[i] = A[i] @ A[i].T"


def test_names_of_the_builder_never_meet_those_of_the_caller():
    b = rd.Builder()
    i, h = b.input("i", shapes=[(2, 3), (3, 2)]), b.input("h", shape=(3, 3))
    X = b.input("X", shape=(3, 3))
    own = b.macro("f", lambda X: X @ h)
    H = i[[1, 0]].T @ i[[1, 0]]
    b.output("i_rows", own(b.sum(i[[0, 0]].T @ i[[0, 0]])) + X)
    b.output("at", H @ H)
    program = b.compile(ahead=False)
    assert set(program.inputs) == {"i", "h", "X"}
    assert set(program.outputs) == {"i_rows", "at"}


def test_a_macro_does_not_capture_what_is_called_like_its_parameter():
    b = rd.Builder()
    X, Y = b.input("X", shape=(2, 2)), b.input("Y", shape=(2, 2))
    plus = b.macro("plus", lambda Y: Y + X @ b_y(Y))
    b.output("Z", plus(X) + Y)
    out = b.compile(kernel="reference")(
        {"X": 2 * np.eye(2, dtype=np.float32), "Y": np.eye(2, dtype=np.float32)}
    )
    np.testing.assert_array_equal(out["Z"], (2 + 2 * 2 + 1) * np.eye(2))


def b_y(value):
    return value


def test_ten_thousand_matrices_and_products_are_one_stage():
    b = rd.Builder()
    for k in range(10_000):
        A = b.input(f"A{k}", shape=(k % 50 + 1, k % 7 + 1))
        b.output(f"C{k}", A @ b.input(f"B{k}", shape=(k % 7 + 1, 8)))
    program = b.compile(ahead=False)
    assert len(program.plan.stages) == 1


def test_a_family_of_many_members_is_text_of_short_lines():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 2000, (100_000, 3))
    b = rd.Builder()
    A, B = b.input("A", shapes=sizes[:, :2]), b.input("B", shapes=sizes[:, 1:])
    b.output("C", b.sum(A, into=np.arange(100_000), count=100_000) @ B)
    text = b.to_text()
    assert max(map(len, text.split("\n"))) <= 100


def test_very_deep_and_much_shared_expressions_stay_short():
    b = rd.Builder()
    A = b.input("A", shape=(2, 2), count=2)
    Y = b.iterate(lambda X: X @ X - X, A, 200)
    for _ in range(300):
        Y = Y + A
    b.output("Y", Y)
    text = b.to_text()
    assert len(text) < 20_000
    assert [d for d in b.check() if d.severity == "error"] == []


def test_a_macro_is_iterated_in_the_text():
    b, A, _ = families()
    ns = b.macro("ns", lambda X: 3.4445 * X - 4.7750 * (X @ X.T) @ X)
    b.output("O", b.iterate(ns, A, 5))
    assert b.to_text().splitlines()[-2:] == [
        "def ns(X) = 3.4445 * X - 4.775 * (X @ X.T) @ X",
        "output O[i] = iterate(ns, A[i], 5)",
    ]


def test_a_function_that_is_iterated_may_be_another_each_time():
    b = rd.Builder()
    A = b.input("A", shape=(1, 1))
    factors = iter([2, 3, 5])
    b.output("Y", b.iterate(lambda X: next(factors) * X, A, 3))
    out = b.compile(kernel="reference")({"A": np.ones((1, 1), np.float32)})
    assert float(out["Y"][0, 0]) == 30


def test_a_family_may_be_empty_and_a_result_may_have_no_terms():
    b = rd.Builder()
    A, s = b.input("A", shapes=[]), b.input("s", shapes=np.zeros((0, 0)))
    b.output("Y", s * (A @ A.T))
    b.output("S", b.sum(A, shape=(2, 3)))
    b.output("T", b.sum(s))
    b.output("C", b.sum(A[[]], into=[], count=2, shapes=[(1, 2), (3, 4)]))
    out = b.compile(kernel="reference")({"A": [], "s": []})
    assert out["Y"].to_list() == []
    assert out["S"].shape == (2, 3) and not np.asarray(out["S"]).any()
    assert [m.shape for m in out["C"].to_list()] == [(1, 2), (3, 4)]


def test_a_family_like_the_matrices_of_a_pytree():
    tree = {
        "a": jnp.ones((2, 3)),
        "b": [np.ones((4, 2), np.float32), jax.ShapeDtypeStruct((1, 5), jnp.float32)],
    }
    b = rd.Builder(dtype="bf16")
    W = b.input_like("W", tree)
    assert W.dtype == "f32"
    assert W.shapes.tolist() == [[2, 3], [4, 2], [1, 5]]
    assert b.input_like("V", tree, dtype=jnp.bfloat16).dtype == "bf16"
    assert b.input_like("none", []).shapes.shape == (0, 2)


@pytest.mark.parametrize("dtype", ["f32", np.float32, jnp.float32, np.dtype("float32"), "float32"])
def test_a_dtype_is_named_in_any_usual_way(dtype):
    b = rd.Builder(dtype=dtype)
    assert b.input("A", shape=(1, 1)).dtype == "f32"
    assert b.input("B", shape=(1, 1), dtype=jnp.bfloat16).dtype == "bf16"


def test_numpy_scalars_scale_from_both_sides():
    _, A, _ = families()
    for factor in (np.float32(0.5), np.int64(2), 3, 2.5):
        assert (factor * A).shapes.tolist() == (A * factor).shapes.tolist() == A.shapes.tolist()


def test_a_handle_says_what_it_is():
    b, A, B = families()
    assert repr(A @ B) == "<A @ B: 3 members of f32[...]>"
    assert repr(A[1]) == "<A[1]: f32[64,48]>"
    assert [one.shapes.tolist() for one in A] == [[[128, 48]], [[64, 48]], [[32, 48]]]
    assert len(A) == 3 and A[1:].shapes.tolist() == [[64, 48], [32, 48]]
    assert repr(b) == "Builder(2 inputs)"


def test_options_reach_the_compiler():
    b, A, _ = families()
    b.output("Y", A)
    assert b.compile(target="fused", kernel="reference", ahead=False).options.kernel == "reference"


class Three:
    def __index__(self) -> int:
        return 3


@pytest.mark.parametrize("three", [3, np.int64(3), np.array(3), jnp.int32(3), jnp.array([3, 4])[0], Three()])
def test_whole_numbers_of_any_kind_say_sizes_counts_and_repeats(three):
    b = rd.Builder()
    A = b.input("A", shape=(three, 4), count=three)
    assert A.shapes.tolist() == [[3, 4]] * 3
    assert b.input("B", shapes=[(three, 4), (5, three)]).shapes.tolist() == [[3, 4], [5, 3]]
    assert b.sum(A, into=[0, 2, 2], count=three, shape=(three, 4)).shapes.tolist() == [[3, 4]] * 3
    X = b.input("X", shape=(2, 2))
    assert repr(b.iterate(lambda Y: Y @ X, X, three)) == "<X @ X @ X @ X: f32[2,2]>"
    b.output("Y", three * A)
    assert "output Y[i] = 3 * A[i]" in b.to_text()


@pytest.mark.parametrize("half", [0.5, np.float32(0.5), np.array(0.5), jnp.float32(0.5), jnp.bfloat16(0.5)])
def test_concrete_scalars_of_any_kind_are_numbers(half):
    b = rd.Builder()
    A = b.input("A", shape=(2, 2))
    b.output("Y", half * A - A * half)
    assert "output Y = 0.5 * A - A * 0.5" in b.to_text()


def test_a_tracer_is_no_number_yet():
    b = rd.Builder()
    A = b.input("A", shape=(2, 2))
    with pytest.raises(rd.RmmError, match="RMM317"):
        jax.jit(lambda s: s * A)(2.0)
    with pytest.raises(rd.RmmError, match="RMM405"):
        jax.jit(lambda m: b.input("B", shape=(m, 2)))(2)
