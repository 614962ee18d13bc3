"""`rd.tree_map` and `rd.tree_matmul` are `jax.tree.map` of the function that the text says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from tests.programs import compilations
from tests.ragged.families import ragged
from tests.steps import steps

STEP = "def step(X) = 1.5*X - 0.5*(X @ X.T) @ X\ndef twice(X) = iterate(step, X, 2)\n"


def tree(seed=0, dtypes=("float32", "bfloat16")):
    rng = np.random.default_rng(seed)

    def leaf(m, n, dtype):
        return jnp.asarray(0.2 * rng.standard_normal((m, n)), dtype)

    first, second = dtypes
    return {"a": leaf(3, 5, first), "b": [leaf(4, 2, second), None, (leaf(2, 2, first), leaf(1, 6, second))]}


def transposed(params):
    return jax.tree.map(jnp.transpose, params)


def twice(x):
    for _ in range(2):
        x = 1.5 * x - 0.5 * (x @ x.T) @ x
    return x


def alike(found, expected, tolerance=2e-2):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype)
        np.testing.assert_allclose(np.asarray(one, "f4"), np.asarray(other, "f4"), tolerance, tolerance)


P, Q = tree(0), tree(1)
F32 = tree(2, ("float32", "float32"))


def test_products_leaf_by_leaf_each_in_its_own_type():
    alike(rd.tree_matmul(P, transposed(Q)), jax.tree.map(lambda a, b: a @ b.T, P, Q))
    alike(rd.tree_matmul(F32, transposed(P)), jax.tree.map(lambda a, b: a @ b.T, F32, P))
    alike(
        rd.tree_matmul(F32, transposed(F32), precision="highest"), jax.tree.map(lambda a: a @ a.T, F32), 1e-5
    )


@pytest.mark.parametrize(
    ("text", "named", "expected"),
    [
        ("A - 0.5 * B", {"A": P, "B": Q}, lambda: jax.tree.map(lambda a, b: a - 0.5 * b, P, Q)),
        ("A @ B.T @ A", {"B": Q, "A": P}, lambda: jax.tree.map(lambda a, b: a @ b.T @ a, P, Q)),
        ("(A\n @ A.T)", {"A": P}, lambda: jax.tree.map(lambda a: a @ a.T, P)),
        (STEP, {"X": F32}, lambda: jax.tree.map(twice, F32)),
        ("def f(A, B) = B @ A.T", {"A": P, "B": Q}, lambda: jax.tree.map(lambda a, b: b @ a.T, P, Q)),
    ],
)
def test_trees_are_given_by_name(text, named, expected):
    alike(rd.tree_map(text, **named), expected())


def test_trees_are_given_by_place():
    alike(rd.tree_map("X @ X.T", P), jax.tree.map(lambda x: x @ x.T, P))
    alike(rd.tree_map(STEP, F32), jax.tree.map(twice, F32))
    both = "def f(A, B) = B @ A.T"
    alike(rd.tree_map(both, P, Q), jax.tree.map(lambda a, b: b @ a.T, P, Q))
    alike(rd.tree_map(both, P, B=Q), jax.tree.map(lambda a, b: b @ a.T, P, Q))


@pytest.mark.parametrize("rate", [0.5, np.float32(0.5), jnp.float32(0.5), 1])
def test_numbers_are_shared_by_all_leaves(rate):
    alike(rd.tree_map("A - r * B", A=F32, B=F32, r=rate), jax.tree.map(lambda a: a - rate * a, F32))
    alike(rd.tree_map("r * A", A=F32["a"], r=rate), rate * F32["a"])


def test_the_type_of_a_number_is_that_of_the_leaves_without_x64_too():
    wide = [np.ones((2, 3)), np.ones((4, 1), np.float32)]  # float64, which JAX reads as float32
    for leaf in rd.tree_map("X - rate * X", X=wide, rate=0.5):
        np.testing.assert_array_equal(leaf, np.full(leaf.shape, 0.5, jax.dtypes.canonicalize_dtype(float)))


def test_lines_may_end_in_comments():
    alike(rd.tree_map("# a product\nX @ X.T  # with itself", P), rd.tree_map("X @ X.T", P), 0)


def test_one_matrix_is_shared_by_all_leaves():
    w = jnp.asarray(np.random.default_rng(3).standard_normal((5, 2)), "float32")
    leaves = [jnp.ones((2, 5)), {"x": jnp.ones((3, 5))}]
    alike(rd.tree_map("A @ W", A=leaves, W=w), jax.tree.map(lambda a: a @ w, leaves))
    alike(rd.tree_matmul(w.T, transposed(leaves)), jax.tree.map(lambda a: w.T @ a.T, leaves))


def test_a_leaf_may_be_a_number_of_its_own():
    scales = jax.tree.map(lambda a: jnp.float32(a.shape[0]), F32)
    alike(rd.tree_map("s * A", A=F32, s=scales), jax.tree.map(lambda a: a.shape[0] * a, F32))


def test_a_ragged_leaf_gives_a_ragged():
    params = {"r": ragged([(2, 3), (4, 1)]), "m": jnp.ones((2, 2))}
    found = rd.tree_map("X @ X.T", params)
    assert isinstance(found["r"], rd.Ragged)
    expected = {"r": params["r"] @ params["r"].T, "m": jnp.full((2, 2), 2.0)}
    alike(found, expected, 1e-5)
    alike(rd.tree_map("X @ X.T", params["r"].T), params["r"].T @ params["r"], 1e-5)
    alike(rd.tree_map("2 * X", [params["r"], params["r"]])[1], params["r"] * 2)


def test_an_empty_tree_stays_empty():
    assert rd.tree_map("X @ X.T", {"a": None}) == {"a": None}
    assert rd.tree_matmul([], []) == []


def test_it_works_under_every_transformation():
    def loss(work, params):
        return sum((x**2).sum() for x in jax.tree.leaves(work(params)))

    ours, theirs = lambda p: rd.tree_map(STEP, p), lambda p: jax.tree.map(twice, p)
    alike(jax.jit(ours)(F32), theirs(F32), 1e-4)
    alike(jax.grad(lambda p: loss(ours, p))(F32), jax.grad(lambda p: loss(theirs, p))(F32), 1e-4)
    batch = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), F32)
    alike(jax.vmap(ours)(batch), jax.vmap(theirs)(batch), 1e-4)


def test_the_program_is_kept():
    rd.tree_map(STEP, F32)
    other = tree(5, ("float32", "float32"))
    with compilations() as compiled:
        rd.tree_map(STEP, other)
        again = steps(lambda: rd.tree_map(STEP, other))
    assert compiled == []
    rd.clear_caches()
    assert steps(lambda: rd.tree_map(STEP, other)) > 5 * again


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        (
            lambda: rd.tree_map("X @ X.T", {"k": P["a"], "b": np.ones(3)}),
            "RMM712",
            r"`X\['b'\]` has 1 axis, shape",
        ),
        (lambda: rd.tree_map("X", {"k": "text"}), "RMM712", r"`X\['k'\]` cannot be read"),
        (
            lambda: rd.tree_matmul(P, {"a": P["a"]}),
            "RMM713",
            r"`A` has a leaf `\['b'\]\[0\]`, where `B` has none",
        ),
        (
            lambda: rd.tree_matmul({"a": P["a"]}, P),
            "RMM713",
            r"`B` has a leaf `\['b'\]\[0\]`, where `A` has none",
        ),
        (lambda: rd.tree_matmul([P["a"]], (P["a"],)), "RMM713", r"`B` is PyTreeDef\(\(\*,\)\), where `A` is"),
        (lambda: rd.tree_map("A @ B", P, Q), "RMM713", "have no order"),
        (
            lambda: rd.tree_map("A @ B", A=P),
            "RMM713",
            "reads `A`, `B`; trees given: `A` by name",
        ),
        (lambda: rd.tree_map("A @ A", A=P, C=P), "RMM713", "`C` by name"),
        (lambda: rd.tree_map(STEP, P, P), "RMM713", "reads `X`; trees given: 2 by place"),
        (lambda: rd.tree_map("def f(X) = X\noutput Y = X", P), "RMM713", "nothing else"),
        (
            lambda: rd.tree_map("A + B", A=[ragged()], B=[jnp.ones((2, 2))]),
            "RMM713",
            r"the leaf `\[0\]` is a Ragged in one",
        ),
        (lambda: rd.tree_map("X @@ X", P), "RMM101", "unexpected `@`"),
        (lambda: rd.tree_map("X @ X", {"a": P["a"]}), "RMM301", "inner sizes differ in `X @ X`"),
        (lambda: rd.tree_map("X", [np.ones((2, 2), "uint8")]), "RMM709", r"the leaf `X\[0\]` has .* uint8"),
        (
            lambda: rd.tree_map(5, P),
            "RMM713",
            "takes the text of a function first, not a value of type `int`",
        ),
        (lambda: rd.tree_map(jnp.sin, P), "RMM713", "a function of Python is for `jax.tree.map`"),
        (lambda: rd.tree_map(" ", P), "RMM713", "is empty"),
        (lambda: rd.tree_map("X @", P), "RMM110", r"the line ends after `@`\n --> tree_map:1:4\n"),
        (lambda: rd.tree_map("kernel @ X", X=P, kernel=P), "RMM713", "`kernel` is an option of `tree_map`"),
    ],
)
def test_what_does_not_fit_is_refused(call, code, said):
    with pytest.raises(rd.RmmError, match=said) as caught:
        call()
    assert code in {one.code for one in caught.value.diagnostics}


def message(call):
    with pytest.raises(rd.RmmError) as caught:
        call()
    assert "tree_" not in str(caught.value).replace("tree_map:", ""), "names that the caller never wrote"
    (one,) = caught.value.diagnostics
    return one.message


def test_an_error_names_the_first_leaf_and_its_shapes():
    several = {"w": jnp.ones((3, 3)), "b": [jnp.ones((2, 2)), jnp.ones((4, 2)), jnp.ones((3, 5))]}
    assert message(lambda: rd.tree_map("X @ X", several)) == (
        "inner sizes differ in `X @ X` for the leaf `['b'][1]` (and 1 more): `X` is f32[4,2]"
    )
    assert message(lambda: rd.tree_matmul(several, jnp.ones((2, 2)))) == (
        "inner sizes differ in `A @ B` for the leaf `['b'][2]` (and 1 more): `A` is f32[3,5], `B` is f32[2,2]"
    )
    assert message(lambda: rd.tree_map("(X\n @ X)", jnp.ones((3, 5)))) == (
        "inner sizes differ in `X @ X`: `X` is f32[3,5]"
    )
    family = {"r": rd.Ragged.from_list([jnp.ones((3, 3)), jnp.ones((3, 4))])}
    assert message(lambda: rd.tree_map("def f(X) = X @ X", family)) == (
        "inner sizes differ in `X @ X` for member 1 of the leaf `['r']`: `X` is f32[3,4]"
    )
    whole = {"v": jnp.ones((2, 2)), "w": [jnp.ones((2, 3), "int32"), jnp.ones((2, 2), "int32")]}
    assert message(lambda: rd.tree_map("0.5 * X", whole)) == (
        "a fractional number times i32 is not i32 for the leaf `['w'][0]` (and 1 more): `X` is i32[2,3]"
    )


def test_places_are_those_of_the_text():
    for text in ("X @ X", "def f(X) = X @ X", "(X\n @ X)"):
        with pytest.raises(rd.RmmError) as caught:
            rd.tree_map(text, P)
        for one in caught.value.diagnostics:
            assert one.source.text == text and text[one.span.start : one.span.end].split() == ["X", "@", "X"]


@pytest.mark.parametrize("how", [{"kernel": "xla"}, {"target": "dispatch"}, {"precision": "highest"}])
def test_options_are_those_of_compile_and_matmul(how):
    alike(rd.tree_map("X @ X.T", P, **how), jax.tree.map(lambda a: a @ a.T, P))
    alike(rd.tree_matmul(P, transposed(P), **how), jax.tree.map(lambda a: a @ a.T, P))


def test_an_option_that_there_is_not_is_refused():
    for how in ({"kernel": "cuda"}, {"target": "cuda"}, {"precision": "cuda"}):
        with pytest.raises((rd.RmmError, ValueError), match="cuda"):
            rd.tree_map("X @ X.T", P, **how)
    alike(rd.tree_map("kernel @ kernel.T", P), jax.tree.map(lambda a: a @ a.T, P))
