"""A `Ragged` computes as a list of `jax.Array`s does, member by member, in all that JAX transforms."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.ragged import Ragged
from tests.ragged.families import SHAPES, arrays, ragged, same

SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
A, B = arrays(seed=1), arrays(seed=2)
R = Ragged.from_list(A)


def jax_arrays(members):
    return [jnp.asarray(member) for member in members]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("number", [2, 0.5, np.float32(3), np.float64(3), jnp.float32(2), jnp.array(7), 2j])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_numbers_act_on_every_element_and_promote_as_in_jax(sign, number, dtype):
    work, members = SIGNS[sign], jax_arrays(arrays(dtype=dtype))
    packed = Ragged.from_list(members)
    same(work(packed, number), [work(member, number) for member in members])
    shifted = [member + 9 for member in members]
    same(work(number, packed + 9), [work(number, member) for member in shifted])


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    ("dtype", "mend"), [("int32", "`ragged.astype"), ("float32", "write it as 3000000000.0")]
)
def test_a_number_that_jax_has_no_integer_type_for_is_an_overflow_that_says_so(sign, dtype, mend):
    packed = Ragged.from_list(arrays(dtype=dtype))
    for call in (lambda: SIGNS[sign](packed, 3000000000), lambda: SIGNS[sign](3000000000, packed)):
        with pytest.raises(
            OverflowError, match=f"of {dtype} and 3000000000: .* does not fit in 32 bits.*{mend}"
        ):
            call()
        with pytest.raises(OverflowError):
            SIGNS[sign](jnp.ones(2, dtype), 3000000000)


@pytest.mark.parametrize("sign", SIGNS)
def test_equal_shapes_act_member_by_member(sign):
    work = SIGNS[sign]
    same(work(R, ragged(seed=2)), [work(a, b) for a, b in zip(A, B, strict=True)])
    same(jax.jit(work)(R, ragged(seed=2)), [work(a, b) for a, b in zip(A, B, strict=True)])


def test_signs_and_types():
    same(-R, [-a for a in A])
    same(+R, A)
    same(R.astype("bfloat16"), [a.astype(jnp.bfloat16) for a in A])
    assert (R * 2).dtype == jnp.float32 and (R.astype(jnp.bfloat16) * np.float32(2)).dtype == jnp.float32
    same(rd.zeros_like(R), [np.zeros_like(a) for a in A])
    same(rd.ones_like(R.T, "int32"), [np.ones_like(a.T, "int32") for a in A])
    same(rd.full_like(R, 2), [np.full_like(a, 2) for a in A])


def test_numbers_may_be_traced():
    same(jax.jit(lambda r, s: s * r - s)(R, 3.0), [3 * a - 3 for a in A])
    found = jax.grad(lambda s: (R * s * s).data.sum())(2.0)
    assert np.isclose(found, 4 * sum(a.sum() for a in A), rtol=1e-4)
    many = jax.vmap(lambda s: (R * s)[0])(jnp.arange(3.0))
    same([many], [np.stack([A[0] * s for s in range(3)]).astype("float32")])


# ------------------------------------------------------------ transposes


def test_a_transpose_copies_nothing_and_reads_transposed():
    flipped = R.T
    assert flipped.data is R.data and flipped.T.layout is R.layout
    same(flipped, [a.T for a in A])
    same([flipped[i] for i in range(len(A))], [a.T for a in A])
    same(flipped.to_numpy(), [a.T for a in A])
    same(flipped[4:0:-2], [a.T for a in A][4:0:-2])
    assert flipped.shapes.tolist() == [list(shape[::-1]) for shape in SHAPES]
    assert "column-major" in repr(flipped)


def test_a_transpose_is_a_pytree_of_its_own_structure():
    doubled = jax.jit(lambda r: jax.tree.map(lambda x: 2 * x, r))(R.T)
    same(doubled, [2 * a.T for a in A])
    assert jax.tree.structure(R.T) == jax.tree.structure(ragged(seed=5).T) != jax.tree.structure(R)


def test_arithmetic_of_two_transposes_stays_lazy_and_mixed_becomes_row_major():
    other = ragged([shape[::-1] for shape in SHAPES], seed=3)
    both = R.T - 2 * R.T
    assert both.layout is R.T.layout
    same(both, [-a.T for a in A])
    for mixed in (R.T + other, other + R.T):
        assert not mixed.layout.column_major
        same(mixed, [a.T + b for a, b in zip(A, other.to_numpy(), strict=True)])


def test_rows_and_columns_have_one_order():
    thin = ragged([(1, 4), (3, 1), (0, 2)])
    assert not thin.T.layout.column_major
    same(thin.T, [a.T for a in thin.to_numpy()])


def test_row_major_brings_the_elements_in_order():
    straight = R.T.row_major()
    assert R.row_major() is R and not straight.layout.column_major
    np.testing.assert_array_equal(straight.data, np.concatenate([a.T.ravel() for a in A]))
    weights = jnp.arange(R.layout.size, dtype=jnp.float32)
    found = jax.grad(lambda r: (r.T.row_major().data * weights).sum())(R)
    taken = Ragged.from_packed(weights, straight.layout).to_numpy()
    same(found, [w.T for w in taken])


def test_a_program_takes_a_transpose_for_what_it_is():
    program = rd.compile(
        "index i in 2\ndim m[i] = [2, 3]\ninput A[i] : f32[m[i], 4]\noutput Y[i] = 2 * A[i]\n"
    )
    wide = arrays([(4, 2), (4, 3)])
    same(program({"A": Ragged.from_list(wide).T})["Y"], [2 * a.T for a in wide])
    with pytest.raises(rd.RmmError, match="RMM704"):
        program({"A": Ragged.from_list(wide)})


# ------------------------------------------------------------ products


def products(left, right):
    return [a @ b for a, b in zip(left, right, strict=True)]


def test_products_of_ragged_and_their_transposes():
    flipped = [a.T for a in A]
    same(R @ R.T, products(A, flipped))
    same(R.T @ R, products(flipped, A))
    same(R.T @ R.T.row_major().T, products(flipped, A))
    same((R.T @ R) @ R.T, products(products(flipped, A), flipped), rtol=1e-4)


def test_a_transposed_operand_is_read_where_it_lies():
    """No transpose, gather or copy is traced: only the product graph itself."""
    text = str(jax.make_jaxpr(lambda r: (r.T @ r).data)(R))
    assert text.count("= ") == 1 and "product_graph" in text


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_one_matrix_is_shared_by_all_members(convert):
    thin = arrays([(2, 5), (3, 5), (0, 5)])
    w = convert(arrays([(5, 3)], seed=7)[0])
    packed = Ragged.from_list(thin)
    same(packed @ w, [a @ w for a in thin])
    same(w.T @ packed.T, [w.T @ a.T for a in thin])
    same(jax.jit(lambda r, w: r @ w)(packed, w), [a @ w for a in thin])
    found = jax.grad(lambda w: (packed @ w).sum().sum())(jnp.asarray(w))
    same([found], [sum(a.T @ np.ones((len(a), 3), "float32") for a in thin)])
    assert isinstance(rd.matmul(thin, w), list)


def test_lists_and_stacks_are_still_lists():
    stack = np.stack(arrays([(3, 3)] * 2))
    same(rd.matmul(stack, stack), [stack[0] @ stack[0], stack[1] @ stack[1]])


# ------------------------------------------------------------ one number a member


def test_norms_and_sums_are_those_of_each_member():
    for each in (R, R.T):
        same([each.norm()], [np.array([np.linalg.norm(a) for a in A])])
        same([each.sum()], [np.array([a.sum() for a in A])])
    same([R.scale(np.arange(6.0)).norm()], [np.arange(6, dtype="f") * [np.linalg.norm(a) for a in A]])
    assert R.astype("bfloat16").norm().dtype == jnp.bfloat16
    whole = ragged(dtype="int8")
    same([whole.sum()], [np.array([a.sum() for a in whole.to_numpy()], "int32")])
    same([whole.norm()], [np.array([np.linalg.norm(a.astype("f")) for a in whole.to_numpy()])])
    assert Ragged.from_list([]).norm().shape == (0,)


def test_complex_norms_are_real():
    members = [(a + 1j * b).astype("complex64") for a, b in zip(A, B, strict=True)]
    same([Ragged.from_list(members).norm()], [np.array([np.linalg.norm(a) for a in members])])


def test_large_members_lose_no_digits():
    """Added up one after another in f32, three million times 0.1 would be off in the second digit."""
    large = Ragged.from_packed(jnp.full(3_000_001, 0.1), [(1000, 3000), (1, 1)])
    np.testing.assert_allclose(large.sum(), [300_000, 0.1], rtol=2e-5)
    np.testing.assert_allclose(large.norm(), [np.sqrt(30_000), 0.1], rtol=2e-5)


def test_norms_have_a_gradient_even_at_zero():
    some = [0 * A[0], *A[1:]]
    found = jax.grad(lambda r: (r.norm() * jnp.arange(1.0, 7)).sum())(Ragged.from_list(some))
    norms = [np.linalg.norm(a) or 1 for a in some]
    same(found, [(i + 1) * a / n for i, (a, n) in enumerate(zip(some, norms, strict=True))])
    assert np.isnan(Ragged.from_list([np.full((2, 2), np.nan, "f"), A[0]]).norm()[0])


def test_a_factor_for_each_member():
    factors = np.arange(6, dtype="float32")
    expected = [a * s for a, s in zip(A, factors, strict=True)]
    for given in (factors, list(factors), jnp.asarray(factors), Ragged.from_list(list(factors))):
        same(R.scale(given), expected)
    same(R.T.scale(factors), [a.T for a in expected])
    same(jax.jit(lambda r: r.scale(1 / (1 + r.norm())))(R), [a / (1 + np.linalg.norm(a)) for a in A])
    found = jax.grad(lambda s: (R.scale(s).norm() ** 2).sum())(jnp.asarray(factors))
    same([found], [np.array([2 * s * (a**2).sum() for a, s in zip(A, factors, strict=True)])], rtol=1e-4)


def test_everything_under_vmap():
    batch = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), R)
    same([jax.vmap(Ragged.norm)(batch)], [np.stack([R.norm(), 2 * R.norm()])])
    found = jax.vmap(lambda r: (r.T @ r - r.T @ r.scale(r.norm())).data)(batch)
    single = [((x * R).T @ (x * R) - (x * R).T @ (x * R).scale((x * R).norm())).data for x in (1, 2)]
    same([found], [np.stack(single)], rtol=1e-4, atol=1e-4)


def test_ten_times_the_members_take_no_more_python():
    from tests.steps import steps

    def taken(count):
        packed = Ragged.from_packed(jnp.zeros(6 * count), [(2, 3)] * count)
        work = [
            lambda: packed * 2 + packed,
            lambda: packed.T @ packed,
            lambda: packed.norm(),
            lambda: packed.scale(packed.norm()),
        ]
        for each in work:
            each()
        return [steps(each) for each in work]

    few, many = taken(100), taken(1000)
    assert all(abs(a - b) <= 20 for a, b in zip(few, many, strict=True)), (few, many)


# ------------------------------------------------------------ what does not fit


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        (lambda r: r + ragged(SHAPES[:3]), "RMM710", "6 and 3 members"),
        (
            lambda r: r + r.T,
            "RMM710",
            r"member 0 is \(3, 5\) on the left and \(5, 3\) on the right \(and 3 more",
        ),
        (lambda r: r * np.ones(6), "RMM711", r"`\*` takes two Ragged, or a Ragged and a number.*\(6,\)"),
        (lambda r: np.ones((2, 2)) + r, "RMM711", r"shape \(2, 2\)"),
        (lambda r: r @ np.ones(5), "RMM711", r"`@` takes"),
        (lambda r: r @ np.ones((5, 5)), "RMM708", r"As\[1\] is \(4, 2\), Bs is \(5, 5\) \(and 4 more\)"),
        (lambda r: r.scale(np.ones(5)), "RMM711", r"factors of shape \(5,\) for 6 members"),
        (lambda r: r.scale(2.0), "RMM711", r"factors of shape \(\)"),
        (lambda r: r.astype("uint8").sum() + r.astype("uint8").T.row_major(), "RMM709", "uint8"),
    ],
)
@pytest.mark.parametrize("traced", [False, True])
def test_what_does_not_fit_is_refused(work, code, said, traced):
    with pytest.raises(rd.RmmError, match=said) as caught:
        jax.jit(work)(R) if traced else work(R)
    assert [found.code for found in caught.value.diagnostics] == [code]
    assert caught.value.diagnostics[0].help


def test_a_batch_outside_of_vmap_is_refused():
    batch = jax.tree.map(lambda x: jnp.stack([x, x]), R)
    for work in (Ragged.norm, lambda r: r @ R.T, lambda r: r.scale(np.ones(6)), lambda r: r.T.row_major()):
        with pytest.raises(rd.RmmError, match=r"RMM711.*vmap|have shape \(2, "):
            work(batch)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        (
            lambda: R * [1, 2, 3],
            r"`\*` takes two Ragged, or a Ragged and a number, not a value of type `list`",
        ),
        (
            lambda: [1, 2, 3] * R,
            r"`\*` takes .* `list`(.|\n)*`ragged.scale\(s\)` has a factor for each member",
        ),
        (lambda: R + "a", r"`\+` takes .* `str`"),
        (lambda: None - R, r"`-` takes .* `NoneType`"),
        (lambda: R @ [A[0]], r"`@` takes two Ragged, or a Ragged and one matrix, not a value of type `list`"),
        (lambda: R @ 2.0, r"`@` takes .*, not a number(.|\n)*scale by a number with `\*`"),
        (lambda: R.scale(None), "factors are numbers, not a value of type `NoneType`"),
    ],
)
def test_plain_values_are_no_operands(work, said):
    with pytest.raises(rd.RmmError, match=said) as caught:
        work()
    assert caught.value.diagnostics[0].code == "RMM711"


def test_other_objects_may_know_better():
    class Known:
        def __rmul__(self, other):
            return "known"

    assert R * Known() == "known"
    with pytest.raises(TypeError, match="unsupported operand"):
        R + object()
