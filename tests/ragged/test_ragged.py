"""`rd.Ragged`: what goes in comes out, it is a cheap pytree, and it never shares the caller's memory."""

from __future__ import annotations

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import raggeddsl as rd
from raggeddsl.native.library import register
from raggeddsl.packing.layout import Layout
from raggeddsl.ragged import Ragged, operations
from tests.programs import compilations
from tests.steps import steps

shapes = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8)


def matrices(shapes, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def same(given, wanted):
    assert len(given) == len(wanted)
    for one, other in zip(given, wanted, strict=True):
        assert one.shape == other.shape
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


ARRAYS = matrices([(3, 2), (0, 4), (1, 1), (2, 5), (4, 0)])


@settings(deadline=None, max_examples=50)
@given(shapes)
def test_what_is_packed_comes_back(shapes):
    arrays = matrices(shapes)
    ragged = Ragged.from_list(arrays)
    assert ragged.data.ndim == 1 and ragged.data.size == sum(a.size for a in arrays)
    assert ragged.shapes.dtype == np.int64 and ragged.shapes.shape == (len(arrays), 2)
    same(ragged.to_list(), arrays)
    same(ragged.to_numpy(), arrays)
    same([ragged[i] for i in range(len(ragged))], arrays)
    same([ragged[i - len(ragged)] for i in range(len(ragged))], arrays)


@settings(deadline=None, max_examples=50)
@given(
    shapes,
    st.integers(-9, 9) | st.none(),
    st.integers(-9, 9) | st.none(),
    st.sampled_from([1, 2, -1, -3, None]),
)
def test_slices_are_those_of_a_list(shapes, start, stop, step):
    arrays = matrices(shapes)
    chosen = slice(start, stop, step)
    same(Ragged.from_list(arrays)[chosen].to_list(), arrays[chosen])
    inside = jax.jit(lambda ragged: ragged[chosen])(Ragged.from_list(arrays))
    same(inside.to_list(), arrays[chosen])


def test_members_are_jax_arrays_and_need_no_compilation():
    arrays = matrices([(n, n + 1) for n in range(40)])
    with compilations() as compiled:
        ragged = Ragged.from_list(arrays)
        assert all(isinstance(member, jax.Array) for member in ragged)
        assert isinstance(ragged[3], jax.Array)
        ragged[3:9].to_list()
        same(ragged.T.to_list(), [array.T for array in arrays])
    assert compiled == []


def test_it_does_not_share_the_memory_of_what_it_packs():
    array = np.ones((64, 64), np.float32)
    flat = np.ones(64 * 64, np.float32)
    packed, taken = Ragged.from_list([array]), Ragged.from_packed(flat, [(64, 64)])
    array[:] = flat[:] = 7
    assert np.asarray(packed.data).max() == np.asarray(taken.data).max() == 1


def test_a_member_outlives_the_donation_of_its_buffer():
    ragged = Ragged.from_list(ARRAYS)
    member = ragged[3]
    jax.jit(lambda r: jax.tree.map(lambda x: x * 0, r), donate_argnums=0)(ragged)
    same([member], [ARRAYS[3]])


def test_scalars_are_members_without_axes():
    ragged = Ragged.from_list([1.5, np.float32(2), jnp.float32(3)])
    assert ragged[1].shape == () and ragged.shapes.tolist() == [[1, 1]] * 3
    assert [float(x) for x in ragged] == [1.5, 2, 3]
    same(Ragged.from_packed(jnp.arange(2.0), [(), ()]).to_list(), [jnp.float32(0), jnp.float32(1)])


def test_it_packs_what_has_dlpack_and_nested_lists():
    class Foreign:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    ragged = Ragged.from_list([Foreign(np.ones((2, 3), np.float32)), [[1.0, 2.0]], jnp.zeros((1, 2))])
    assert ragged.dtype == jnp.float32
    same(ragged.to_list(), [np.ones((2, 3)), np.array([[1, 2]]), np.zeros((1, 2))])


def test_strided_and_transposed_members_are_packed_row_by_row():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    views = [base.T, base[::2, ::-1], np.asfortranarray(base)]
    same(Ragged.from_list(views).to_list(), views)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64", "int8", "int32", "float32"])
def test_every_element_type_is_kept(dtype):
    arrays = [jnp.ones((2, 3), dtype), jnp.zeros((1, 1), dtype)]
    ragged = Ragged.from_list(arrays)
    assert ragged.dtype == jnp.dtype(dtype) and ragged[0].dtype == jnp.dtype(dtype)
    same(ragged.to_list(), arrays)


def test_differing_types_promote_as_in_jax_and_dtype_overrides():
    mixed = [np.ones((1, 2), np.int32), np.ones((2, 1), np.float16)]
    assert Ragged.from_list(mixed).dtype == jnp.promote_types("int32", "float16")
    assert Ragged.from_list(mixed, dtype="bfloat16").dtype == jnp.bfloat16
    assert Ragged.from_list([np.ones((1, 2))]).dtype == jnp.float32


@pytest.mark.parametrize(
    ("arrays", "error", "said"),
    [
        ([np.ones((2, 2)), np.ones(3)], ValueError, "member 1 has 1 axis"),
        ([np.ones((2, 2, 2))], ValueError, "member 0 has 3 axes"),
        ([np.float32(1), np.ones((2, 2))], ValueError, "member 1 has 2 axes"),
        ([np.array([["a"]])], TypeError, "holds no numbers"),
        ([np.array([[None]], object)], TypeError, "holds no numbers"),
        ([[[1, 2], [3]]], TypeError, "differ in length"),
        ([None], TypeError, "holds no numbers"),
        ([np.ma.masked_array(np.ones((2, 2)), np.eye(2))], TypeError, "masked array .* `.filled`"),
        ([10**400], TypeError, "does not fit in 64 bits"),
    ],
)
def test_what_is_no_matrix_is_refused(arrays, error, said):
    with pytest.raises(error, match=said):
        Ragged.from_list(arrays)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([(2, 3)], "add up to 6"),
        ([(2, -1)], "0 or more"),
        ([(2.0, 2.0)], "whole numbers"),
        ([1, 2], "whole numbers"),
    ],
)
def test_shapes_that_do_not_fit_packed_data_are_refused(shapes, said):
    with pytest.raises(ValueError, match=said):
        Ragged.from_packed(jnp.zeros(4), shapes)


def test_wrong_indices_say_so():
    ragged = Ragged.from_list(ARRAYS)
    with pytest.raises(IndexError, match="member 5 of a Ragged with 5 members"):
        ragged[5]
    with pytest.raises(IndexError):
        ragged[-6]
    with pytest.raises(TypeError, match=r"ragged\[3\]"):
        ragged[0, 1]
    with pytest.raises(TypeError, match="different shapes"):
        np.asarray(ragged)


def test_it_is_a_pytree_with_one_leaf():
    ragged = Ragged.from_list(ARRAYS)
    leaves, tree = jax.tree.flatten(ragged)
    assert len(leaves) == 1 and leaves[0] is ragged.data
    assert tree == jax.tree.structure(Ragged.from_list(ARRAYS))
    assert tree != jax.tree.structure(Ragged.from_list(ARRAYS[:3]))
    same(jax.tree.map(jnp.tanh, ragged).to_list(), [jnp.tanh(a) for a in ARRAYS])
    assert jax.tree_util.tree_flatten_with_path(ragged)[0][0][0] == (jax.tree_util.GetAttrKey("data"),)


@pytest.mark.parametrize("leaf", [object(), None, jax.ShapeDtypeStruct((6,), jnp.float32), 0])
def test_any_leaf_is_carried_through(leaf):
    tree = jax.tree.structure(Ragged.from_list(ARRAYS))
    ragged = jax.tree.unflatten(tree, [leaf])
    assert ragged.data is leaf
    assert "5 members" in repr(ragged)


def test_transformations_see_members():
    ragged = Ragged.from_list(ARRAYS)
    grads = jax.grad(lambda r: (r[0] ** 2).sum() + r[3].sum())(ragged)
    same(
        grads.to_list(),
        [2 * ARRAYS[0], np.zeros((0, 4)), np.zeros((1, 1)), np.ones((2, 5)), np.zeros((4, 0))],
    )
    batch = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), ragged)
    same([jax.vmap(lambda r: r[3])(batch)], [np.stack([ARRAYS[3], 2 * ARRAYS[3]])])
    same(jax.jit(lambda xs: Ragged.from_list(xs))(ARRAYS).to_list(), ARRAYS)


def test_flattening_and_a_jit_cache_hit_look_at_no_member(monkeypatch):
    many = Ragged.from_packed(jnp.zeros(4), [(1, 1)] * 4 + [(0, 3)] * 200_000)
    function = jax.jit(lambda ragged: jax.tree.map(lambda x: x + 1, ragged))
    works = (jax.tree.flatten, function)
    for work in works:
        work(many)
        assert steps(lambda work=work: work(many)) < 50
    for column in ("rows", "cols", "sizes", "offsets"):
        monkeypatch.setattr(many.layout, column, None)
    with compilations() as compiled:
        for work in works:
            work(many)
    assert compiled == []


def test_layouts_are_interned_and_hashed_once():
    rows = np.arange(10)
    one, other = Layout.of(rows, rows + 1), Layout.of(rows.copy(), rows + 1)
    assert one is other and hash(one) == hash(other)
    assert Layout.of(rows, rows) != one
    ones = np.ones(3)
    assert Layout.of(ones, ones) != Layout.of(ones, ones, scalar=True)
    with pytest.raises(ValueError, match="read-only"):
        one.rows[0] = 5
    rows[0] = 99
    assert one.rows[0] == 0


def test_it_can_be_pickled_and_copied():
    ragged = Ragged.from_list(ARRAYS)
    for again in (pickle.loads(pickle.dumps(ragged)), copy.deepcopy(ragged)):
        assert again.layout is ragged.layout
        same(again.to_list(), ARRAYS)


def test_repr_shows_a_few_members():
    assert repr(Ragged.from_list(ARRAYS)) == (
        "Ragged(float32, 5 members: (3, 2), (0, 4), (1, 1), …, (4, 0); 17 elements)"
    )
    assert len(repr(Ragged.from_list(ARRAYS * 1000))) < 120
    assert repr(Ragged.from_list([])) == "Ragged(float32, 0 members; 0 elements)"


# ------------------------------------------------------------ all members, under jit


def test_all_members_under_jit_are_one_call_where_the_native_kernel_runs():
    ragged = Ragged.from_list(matrices([(i % 4, i % 3 + 1) for i in range(12)]))

    def members(ragged):
        return ragged.to_list()

    for each in (ragged, ragged.T):
        same(jax.jit(members)(each), each.to_numpy())
        text = jax.jit(members).lower(each).as_text()
        if register() is None:
            assert text.count("stablehlo.custom_call") == 1 and "stablehlo.slice" not in text
    few = jax.jit(members).lower(ragged[:3]).as_text()
    assert "custom_call" not in few and few.count("stablehlo.slice") == 3


@pytest.mark.parametrize(("backend", "reason"), [("cpu", "it is not built"), ("gpu", None)])
def test_where_the_native_kernel_does_not_run_no_call_is_planned_for_all_members(
    backend, reason, monkeypatch
):
    ragged = Ragged.from_list(matrices([(i % 4, i % 3 + 1) for i in range(13)]))
    rd.clear_caches()
    planned = []
    monkeypatch.setattr(operations, "lower_graph", lambda *given: planned.append(given))
    monkeypatch.setattr(operations, "register", lambda: reason)
    monkeypatch.setattr(jax, "default_backend", lambda: backend)
    for each in (ragged, ragged.T):
        same(jax.jit(lambda each: each.to_list())(each), each.to_numpy())
    assert planned == []


def test_members_read_under_jit_have_derivatives_and_batches():
    ragged = Ragged.from_list(matrices([(2, i + 1) for i in range(9)]))

    def last(ragged):
        return (ragged.to_list()[8] ** 2).sum()

    slope = jax.jit(jax.grad(last))(ragged)
    same(slope.to_numpy()[:8], [np.zeros((2, i + 1), np.float32) for i in range(8)])
    np.testing.assert_allclose(slope[8], 2 * ragged[8])
    batch = jax.vmap(lambda factor: (factor * ragged).to_list()[8])(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(batch[1], 2 * ragged[8])
    turned = jax.vmap(lambda factor: (factor * ragged).T.to_list()[8])(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(turned[1], 2 * ragged[8].T)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (
            [np.ones((2, 2)), None],
            TypeError,
            "^member 1 of a Ragged cannot be read as a matrix: a value of type `NoneType` holds no numbers$",
        ),
        ([np.ones((2, 2)), [[1], [1, 2]]], TypeError, "member 1 .* rows differ in length"),
        ([np.ones((2, 2)), np.ones(3)], ValueError, "member 1 has 1 axis"),
        (5, TypeError, "a list of matrices, not of a value of type `int`"),
        (None, TypeError, "a list of matrices, not of a value of type `NoneType`"),
        ({"a": np.ones((2, 2))}, TypeError, "a list of matrices, not of a value of type `dict`"),
    ],
)
def test_what_is_no_member_is_named_by_its_number(given, error, said):
    with pytest.raises(error, match=said):
        Ragged.from_list(given)


@pytest.mark.parametrize("other", [jnp.ones, np.ones])
def test_a_member_that_is_gone_is_named_by_its_number(other):
    gone = jnp.ones((2, 2)) + 1
    gone.delete()
    with pytest.raises(
        TypeError, match=r"^member 1 of a Ragged cannot .*: the array has been deleted"
    ) as caught:
        Ragged.from_list([other((2, 2), np.float32), gone])
    assert type(caught.value) is TypeError


def test_like_takes_a_ragged():
    with pytest.raises(TypeError, match=r"a Ragged is wanted, .* not a value of type `list`"):
        rd.zeros_like([np.ones((2, 2))])
