"""What a program says about wrong inputs: everything at once, by name, with what was expected and given."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.lowering.signature import input_signature
from raggeddsl.options import Options
from raggeddsl.packing.inputs import checked
from raggeddsl.packing.signature import Signature
from raggeddsl.packing.values import members, packed
from raggeddsl.plan import plan_graph
from raggeddsl.ragged import Ragged
from tests.programs import doubled, named, pair_inputs, pairs

PAIRS = input_signature(plan_graph(pairs(), Options(memory_limit=1 << 40)))
NAMED = input_signature(plan_graph(named(30), Options(memory_limit=1 << 40)))
GOOD = pair_inputs()
WEIGHTS = {f"W{i}": np.ones((2 + i, 2 + i), np.float32) for i in range(30)} | {"s": 1.0}


def faults(inputs, signature: Signature = PAIRS):
    with pytest.raises(RmmError) as raised:
        checked(inputs, signature)
    return raised.value.diagnostics


def fault(inputs, signature: Signature = PAIRS):
    (one,) = faults(inputs, signature)
    assert one.help, "every fault says how to mend it"
    return one.code, one.message, one.help


def test_a_missing_name_is_named():
    code, message, help = fault({"A": GOOD["A"]})
    assert code == "RMM701" and "`B`" in message and "6 matrices" in help


def test_what_is_missing_is_described():
    spec = "index i in {}\ninput s[i] : f32[]\ninput A : f32[2, 3]\noutput B[i] = s[i] * A\n"
    for count, scalars in ((3, "3 scalars"), (1, "1 scalar")):
        signature = rd.compile(spec.format(count), ahead=False).inputs
        one, two = faults({}, signature)
        assert one.help == f"give {scalars} under this name" and two.help == "give f32[2, 3] under this name"
    wrong = fault({"s": [1.0], "A": np.ones((2, 5), np.float32)}, signature)
    assert wrong[0] == "RMM704" and wrong[2].startswith("give one of this shape, or change the sizes")


def test_an_unknown_name_is_named_with_what_is_near():
    code, message, help = fault({**WEIGHTS, "ss": 1}, NAMED)
    assert code == "RMM702" and "`ss`" in message and "did you mean `s`" in help
    assert "its inputs are `A`, `B`" in fault({**GOOD, "nothing_like_it": 1})[2]


def test_a_name_that_is_missing_is_suggested_before_one_that_was_given():
    found = faults({"A": GOOD["A"], "b": 1})
    assert [one.help for one in found if one.code == "RMM702"] == ["did you mean `B`?"]
    found = faults({"A": GOOD["A"], "AB": 1})
    assert [one.help for one in found if one.code == "RMM702"] == ["did you mean `B`?"]


def test_all_faults_of_a_call_are_found_at_once():
    found = faults({"A": GOOD["A"][:2], "C": 1})
    assert [one.code for one in found] == ["RMM701", "RMM702", "RMM703"]


def test_at_most_twenty_faults_are_listed():
    found = faults({name: np.ones((1, 1), np.float32) for name in WEIGHTS}, NAMED)
    assert len(found) == 20 and "more faults" in "".join(one.message for one in found)


@pytest.mark.parametrize("form", [list, Ragged.from_list])
def test_a_wrong_number_of_members_says_both_numbers(form):
    code, message, _ = fault({**GOOD, "A": form(GOOD["A"][:4])})
    assert code == "RMM703" and "6 members" in message and "4 were given" in message


@pytest.mark.parametrize("form", [list, Ragged.from_list])
def test_a_wrong_shape_names_the_member_and_both_shapes(form):
    wrong = [*GOOD["A"]]
    wrong[2] = np.ones((5, 3), np.float32)
    wrong[3] = np.ones((5, 3), np.float32)
    code, message, _ = fault({**GOOD, "A": form(wrong)})
    assert code == "RMM704"
    for part in ("`A[2]`", "(5, 3)", "(5, 2)", "f32[5, 2]", "1 more"):
        assert part in message


def test_a_transposed_member_is_recognised():
    assert "`.T`" in fault({**GOOD, "A": [a.T for a in GOOD["A"]]})[2]


def test_a_wrong_rank_says_how_many_axes():
    wrong = [a.ravel() for a in GOOD["A"]]
    code, _, help = fault({**GOOD, "A": wrong})
    assert code == "RMM704" and "2 axes" in help
    assert fault({**WEIGHTS, "s": np.ones((1, 1), np.float32)}, NAMED)[0] == "RMM704"


@pytest.mark.parametrize("dtype", ["int32", "float16", "bfloat16", "complex64", "bool", "uint8"])
@pytest.mark.parametrize("form", ["numpy", "jax", "Ragged"])
def test_nothing_is_converted_in_silence(dtype, form):
    wrong = [jnp.asarray(a).astype(dtype) for a in GOOD["A"]]
    forms = {"numpy": [np.asarray(a) for a in wrong], "jax": wrong, "Ragged": Ragged.from_list(wrong)}
    code, message, help = fault({**GOOD, "A": forms[form]})
    assert code == "RMM705" and dtype in message and "float32" in message and '.astype("float32")' in help


def test_float64_arrays_are_taken_without_x64_and_refused_with_it():
    wide = {name: [a.astype(np.float64) for a in value] for name, value in GOOD.items()}
    received = checked(wide, PAIRS)
    assert packed(received[0], PAIRS.groups[0]).dtype == jnp.float32
    with jax.enable_x64(True):
        assert {one.code for one in faults(wide)} == {"RMM705"}


def test_numbers_of_python_take_the_declared_type():
    received = checked({**WEIGHTS, "s": 2}, NAMED)
    assert packed(received[1], NAMED.groups[1]).dtype == jnp.float32
    integers = input_signature(plan_graph(doubled("i8"), Options(memory_limit=1 << 40)))
    small = [[[1, 2], [3, 4]], [[1], [2], [3]], [[1, 2, 3, -128]]]
    assert packed(checked({"A": small}, integers)[0], integers.groups[0]).dtype == jnp.int8
    for wrong in (300, 1.5, 1j):
        assert fault({"A": [*small[:2], [[1, 2, 3, wrong]]]}, integers)[0] == "RMM705"


@pytest.mark.parametrize(
    "scalar",
    [
        2,
        2.0,
        True,
        np.bool_(True),
        np.int64(2),
        np.uint8(2),
        np.float16(2),
        jnp.int32(2),
        jnp.bfloat16(2),
        np.array(2),
    ],
)
def test_a_scalar_is_taken_where_it_gives_way_to_the_declared_type_in_and_out_of_jit(scalar):
    program = rd.compile("input s : f32[]\ninput A : f32[2, 2]\noutput B = s * A\n", ahead=False)
    A = jnp.ones((2, 2))
    for call in (program, jax.jit(program)):
        found = call({"s": scalar, "A": A})["B"]
        assert found.dtype == jnp.float32
        np.testing.assert_array_equal(found, np.full((2, 2), float(scalar), np.float32))


@pytest.mark.parametrize("scalar", [1j, np.complex64(2), jnp.complex64(2)])
def test_a_scalar_that_does_not_give_way_is_refused_in_and_out_of_jit(scalar):
    program = rd.compile("input s : f32[]\ninput A : f32[2, 2]\noutput B = s * A\n", ahead=False)
    for call in (program, jax.jit(program)):
        with pytest.raises(rd.RmmError, match="RMM705"):
            call({"s": scalar, "A": jnp.ones((2, 2))})


@pytest.mark.parametrize("scalar", [2**40, np.int64(2**40), np.uint32(2**31), -(2**31) - 1])
def test_an_integer_out_of_range_is_refused(scalar):
    program = rd.compile("input s : i32[]\ninput A : i32[2, 2]\noutput B = s * A\n", ahead=False)
    with pytest.raises(rd.RmmError, match="RMM705"):
        program({"s": scalar, "A": np.ones((2, 2), np.int32)})
    with pytest.raises(rd.RmmError, match="RMM705"):
        program({"s": 1, "A": np.full((2, 2), 2**40)})


def test_a_batch_outside_of_vmap_is_refused_and_inside_computed():
    program = rd.compile("index i in 2\ninput A[i] : f32[2, 3]\noutput G[i] = A[i] @ A[i].T\n", ahead=False)
    packed = Ragged.from_list([np.ones((2, 3), np.float32)] * 2)
    batch = jax.tree.map(lambda data: jnp.stack([data, 2 * data]), packed)
    for call in (program, jax.jit(program)):
        for given in (batch, batch.T):
            with pytest.raises(rd.RmmError, match=r"input `A` have shape \(2, 12\).*\(12,\)(.|\n)*jax.vmap"):
                call({"A": given})
        with pytest.raises(rd.RmmError, match=r"RMM704.*have shape \(7,\), and its members take \(12,\)"):
            call({"A": Ragged(jnp.ones(7), packed.layout)})
    assert jax.vmap(program)({"A": batch})["G"].data.shape == (2, 8)


@pytest.mark.parametrize(
    "value",
    ["text", None, object(), {"a": 1}, 3, [[[1, 2], [3]]] * 6, [np.array([[None]], object)] * 6, ["a"] * 6],
)
def test_what_holds_no_numbers_is_refused(value):
    assert fault({**GOOD, "A": value})[0] == "RMM706"


def test_pickled_content_of_an_npz_is_refused(tmp_path):
    np.savez(tmp_path / "inputs.npz", A=np.array([[1, {}]], object))
    with np.load(tmp_path / "inputs.npz") as opened:
        found = faults(opened)
    assert {one.code for one in found} == {"RMM701", "RMM706"}
    assert "allow_pickle" in "".join(one.message for one in found)


@pytest.mark.parametrize("inputs", [[1, 2], None, 3, "A"])
def test_inputs_that_are_no_dict_are_refused(inputs):
    code, _, help = fault(inputs)
    assert code == "RMM707" and '"A"' in help


def test_a_ragged_of_the_same_layout_is_not_copied():
    ragged = Ragged.from_list(GOOD["A"])
    assert checked({**GOOD, "A": ragged}, PAIRS)[0] is ragged.data


def test_jax_members_are_used_as_they_are():
    arrays = [jnp.asarray(a) for a in GOOD["A"]]
    given = members(checked({**GOOD, "A": arrays}, PAIRS)[0], PAIRS.groups[0])
    assert all(one is other for one, other in zip(given, arrays, strict=True))
