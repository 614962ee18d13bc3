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


def test_each_single_matrix_gives_its_own_memory():
    program = rd.compile("input A : f32[64, 64]\noutput B = A @ A\noutput C = A + A\n", target="fused")
    given = {"A": jnp.ones((64, 64))}
    first = program(given)
    second = program(given, donate={"C": first["C"]})
    assert first["C"].is_deleted() and not first["B"].is_deleted()
    np.testing.assert_array_equal(second["C"], np.full((64, 64), 2.0))
    np.testing.assert_array_equal(second["B"], first["B"])


def family(count=3, dtype=np.float32):
    return rd.Ragged.from_list([np.ones((m, m), dtype) for m in (100, 200, 300)[:count]])


def batch():
    return jax.tree.map(lambda data: jnp.stack([data, data]), family())


@pytest.mark.parametrize("target", ["fused", "dispatch"])
@pytest.mark.parametrize(
    ("old", "said"),
    [
        (lambda old: 3, r"`donate` is a value of type `int`.*dict of outputs by name"),
        (lambda old: [old], r"value of type `list`"),
        (lambda old: old["C"], r'Ragged of 3 members, not an earlier result(.|\n)*donate=\{"C": old\["C"\]'),
        (lambda old: old["D"], r"an array f32\[64, 64\], not an earlier result"),
        (
            lambda old: {"c": old["C"]},
            r"names `c`, and the program has no such(.|\n)*did you mean `C`",
        ),
        (lambda old: {"Y": old["C"]}, r"names `Y`(.|\n)*its outputs are `C`, `D`"),
        (lambda old: {"C": old["D"]}, r"`C` is a Ragged of 3 members, and an array f32\[64, 64\]"),
        (lambda old: {"D": old["C"]}, r"`D` is an array f32\[64, 64\], and a Ragged of 3 members"),
        (lambda old: {"D": np.asarray(old["D"])}, r"`D` is an array f32\[64, 64\], and .*`ndarray`"),
        (lambda old: {"C": family(2)}, r"`C` is a Ragged of 3 members, and a Ragged of 2 members"),
        (lambda old: {"C": old["C"][::-1]}, r"`C\[0\]` is f32\[100, 100\], and one of shape \(300, 300\)"),
        (lambda old: {"C": family().T}, r"for output `C` lie transposed"),
        (lambda old: {"C": batch()}, r"`C.data` is f32\[140000\], and one of shape \(2, 140000\)"),
        (lambda old: {"D": jnp.ones((3, 3))}, r"`D` is f32\[64, 64\], and one of shape \(3, 3\)"),
        (
            lambda old: {"C": family(dtype=jnp.bfloat16)},
            r"`C` has element type float32 \(f32\), and bf16 is donated",
        ),
    ],
)
def test_what_is_no_earlier_result_is_refused(old, said, target):
    program = rd.compile(SPEC, target=target, ahead=False)
    result = program(arrays())
    with pytest.raises(rd.RmmError, match=said) as caught:
        program(arrays(), donate=old(result))
    assert {one.code for one in caught.value.diagnostics} == {"RMM714"}
    assert not result["D"].is_deleted()


ONE = "index i in 2\ninput X[i] : f32[4, 4]\noutput Y[i] = X[i] @ X[i]\noutput Z[i] = 2 * X[i]\n"


def refused(call):
    with pytest.raises(rd.RmmError) as caught:
        call()
    (one,) = caught.value.diagnostics
    return one.code, one.message


def test_memory_is_given_once_and_not_while_it_is_read():
    program = rd.compile(ONE, target="fused")
    X = rd.Ragged.from_list([np.ones((4, 4), np.float32)] * 2)
    old = program({"X": X})
    assert refused(lambda: program({"X": old["Y"]}, donate=old)) == (
        "RMM714",
        "what is donated for output `Y` is also given as input `X`",
    )
    twice = {"Y": old["Y"], "Z": old["Y"]}
    assert refused(lambda: program({"X": X}, donate=twice))[1].endswith("`Z` is also given for output `Y`")
    program({"X": X}, donate=old)
    code, message = refused(lambda: program({"X": X}, donate={"Y": old["Y"]}))
    assert code == "RMM714" and "`Y` has been deleted or donated already" in message
    single = rd.compile("input A : f32[4, 4]\noutput B = A @ A\n", target="fused")
    A = jnp.ones((4, 4))
    assert "also given as input `A`" in refused(lambda: single({"A": A}, donate={"B": A}))[1]


@pytest.mark.parametrize("target", ["fused", "dispatch"])
def test_what_is_gone_is_no_input(target):
    program = rd.compile(ONE, target=target, ahead=False)
    X = rd.Ragged.from_list([np.ones((4, 4), np.float32)] * 2)
    member, stack = jnp.ones((4, 4)), jnp.ones((2, 4, 4))
    for array in (X.data, member, stack):
        array.delete()
    calls = {
        "input `X`": lambda: program({"X": X}),
        "input `X[1]`": lambda: program({"X": [np.ones((4, 4), np.float32), member]}),
        "input `X` ": lambda: program({"X": stack}),
        "`As`": lambda: rd.matmul(X, rd.Ragged.from_list([np.ones((4, 4))] * 2)),
        "`Bs[0]`": lambda: rd.matmul([jnp.ones((4, 4))], [member]),
        "`As` ": lambda: rd.matmul(X, [np.ones((4, 4))] * 2),
        "`A`": lambda: X.norm(),
    }
    for name, call in calls.items():
        code, message = refused(call)
        assert code == "RMM706" and name in message and "deleted, or donated to an earlier call" in message
    assert refused(lambda: jax.jit(lambda _: program({"X": X}))(0))[0] == "RMM706"


def test_donating_under_a_transformation_changes_nothing_but_is_checked():
    program = rd.compile(ONE, target="fused")
    X = rd.Ragged.from_list([np.ones((4, 4), np.float32)] * 2)
    old = program({"X": X})
    inside = jax.jit(lambda x, old: program({"X": x}, donate=old))
    np.testing.assert_array_equal(inside(X, old)["Y"].data, old["Y"].data)
    np.testing.assert_array_equal(
        jax.jit(lambda old: program({"X": X}, donate=old))(old)["Y"].data, old["Y"].data
    )
    np.testing.assert_array_equal(
        jax.jit(lambda x: program({"X": x}, donate=old))(X)["Y"].data, old["Y"].data
    )
    assert not old["Y"].data.is_deleted()
    assert refused(lambda: inside(X, {"Q": X}))[0] == "RMM714"
    assert "`Y` has element type" in refused(lambda: inside(X, {"Y": X.astype(jnp.int32)}))[1]


def test_packed_inputs_and_lists_give_the_same_bits():
    program = rd.compile("index i in 2\ninput A[i] : f32[5, 4]\noutput G[i] = A[i] @ A[i].T\n")
    members = [jnp.arange(20.0).reshape(5, 4), jnp.ones((5, 4))]
    packed = rd.Ragged.from_list(members)
    np.testing.assert_array_equal(program({"A": members})["G"].data, program({"A": packed})["G"].data)
    with pytest.raises(rd.RmmError, match="RMM702"):
        program({"A": packed, "B": packed})


def test_a_dispatched_program_takes_what_it_reads_and_leaves_it_as_it_is():
    text = "index i in 2\ndim n[i] = [2, 3]\ninput A[i] : f32[n[i], n[i]]\noutput Y[i] = A[i] @ A[i]\n"
    program = rd.compile(text, target="dispatch")
    first = program(program.random_inputs(0))
    packed = rd.Ragged(first["Y"].data, first["Y"].layout)
    second = program({"A": packed}, donate={"Y": packed})
    assert not packed.data.is_deleted()
    for before, after in zip(packed, second["Y"], strict=True):
        np.testing.assert_allclose(after, before @ before, rtol=1e-5)
