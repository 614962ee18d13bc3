"""What is kept of a program: pickled it is its text and options, exported what XLA runs."""

import copy
import pickle

import jax
import numpy as np
import pytest
from jax import export

import raggeddsl as rd
from raggeddsl.native.library import TARGET, register
from raggeddsl.packing.layout import Layout
from raggeddsl.ragged.exported import from_bytes, to_bytes
from tests.processes import printed
from tests.programs import pairs
from tests.programs import program as run_of

TEXT = """
index i in 3
dim n = 4
dim m[i] = table("sizes.csv", m="rows")
input A[i] : f32[m[i], n]
input s : f32[]
output G[i] = s * A[i] @ A[i].T
"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "sizes.csv").write_text("rows\n2\n3\n5\n")
    path = tmp_path / "net.rmm"
    path.write_text(TEXT)
    return path


def test_a_program_is_pickled_as_its_text_and_options(spec):
    program = rd.compile_file(spec, dims={"n": 7}, kernel="xla", target="fused")
    again = pickle.loads(pickle.dumps(program))
    inputs = program.random_inputs(0)
    assert again is not program and again.options == program.options and again.choice == program.choice
    assert again.inputs["A"].shapes.tolist() == [[2, 7], [3, 7], [5, 7]]
    np.testing.assert_array_equal(again(inputs)["G"].data, program(inputs)["G"].data)


def test_another_process_unpickles_it(spec, tmp_path):
    program = rd.compile_file(spec)
    (tmp_path / "net.pickle").write_bytes(pickle.dumps(program))
    expected = program({"A": [np.ones((m, 4), np.float32) for m in (2, 3, 5)], "s": 2.0})["G"]
    code = (
        "import pickle, numpy as np; program = pickle.load(open('net.pickle', 'rb'));"
        "print(program({'A': [np.ones((m, 4), 'f') for m in (2, 3, 5)], 's': 2.0})['G'].data.sum())"
    )
    assert float(printed(code, tmp_path)) == float(expected.data.sum())


def test_a_copy_is_the_program_itself(spec):
    program = rd.compile_file(spec, ahead=False)
    assert copy.copy(program) is program and copy.deepcopy({"net": program})["net"] is program


def test_a_program_without_a_text_says_so():
    program = run_of(pairs())
    with pytest.raises(TypeError, match="only a program that was compiled from a text can be pickled"):
        pickle.dumps(program)


@pytest.mark.parametrize("layout", ["matrices", "transposed", "scalars", "empty"])
def test_a_layout_is_written_and_read(layout):
    matrices = Layout.of([2, 3], [4, 5])
    one = {
        "matrices": matrices,
        "transposed": matrices.transposed,
        "scalars": Layout.of([1, 1], [1, 1], scalar=True),
        "empty": Layout.of([], []),
    }[layout]
    assert from_bytes(to_bytes(one)) is one


@pytest.mark.parametrize("kernel", ["xla", "native"])
def test_a_program_and_its_gradient_are_exported(spec, kernel):
    if kernel == "native" and register() is not None:
        pytest.skip(f"no native kernel: {register()}")
    program = rd.compile_file(spec, kernel=kernel)
    known = [export.DisabledSafetyCheck.custom_call(TARGET)] if kernel == "native" else []
    inputs = {"A": program.random_inputs(0)["A"], "s": np.float32(2)}
    exported = export.export(jax.jit(program), disabled_checks=known)(inputs)
    np.testing.assert_allclose(exported.call(inputs)["G"].data, program(inputs)["G"].data, rtol=1e-6)
    pytest.importorskip("flatbuffers")
    loaded = export.deserialize(exported.serialize(vjp_order=1))

    def loss(call, inputs):
        return (call(inputs)["G"].norm() ** 2).sum()

    assert loaded.in_tree == exported.in_tree
    for have, want in zip(
        jax.tree.leaves(jax.grad(lambda x: loss(loaded.call, x))(inputs)),
        jax.tree.leaves(jax.grad(lambda x: loss(program, x))(inputs)),
        strict=True,
    ):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-5)


def test_the_native_call_is_not_exported_unasked(spec):
    if register() is not None:
        pytest.skip(f"no native kernel: {register()}")
    program = rd.compile_file(spec, kernel="native")
    with pytest.raises(ValueError, match=f"custom_call @{TARGET}"):
        export.export(jax.jit(program))(program.random_inputs(0))
