"""The public functions: from text to a program, with every fault located, and `matmul` without a spec."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.graph.compare import compare
from raggeddsl.program.program import PARTS
from tests.processes import printed
from tests.programs import compilations

GRAM = """\
index i in 3
dim k = 4
dim m[i] = [2, 3, 5]
input A[i] : f32[m[i], k]
input w : f32[k, k]
output Y[i] = 2 * A[i] @ w
output G = sum(A[i].T @ A[i] for i)
"""


def matrices(shapes, dtype=np.float32):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


# ---------------------------------------------------------------- specs


@pytest.mark.parametrize(
    "options", [{}, {"target": "fused"}, {"target": "dispatch"}, {"kernel": "reference"}]
)
def test_text_becomes_a_program_that_agrees_with_the_reference(options):
    program = rd.compile(GRAM, **options)
    inputs = program.random_inputs(0)
    out = program(inputs)
    assert isinstance(out["Y"], rd.Ragged) and out["G"].shape == (4, 4)
    assert compare(out, program.reference(inputs)).agreed
    assert set(program.timings) >= {"parse", "graph", "plan"}


@pytest.mark.parametrize("function", [rd.compile, rd.check, rd.parse, rd.format])
@pytest.mark.parametrize(
    ("text", "mend"), [(None, "input A"), (3, "input A"), (b"x", "decode"), (Path("x.rmm"), "path")]
)
def test_what_is_no_text_is_a_type_error_that_says_what_is_taken(function, text, mend):
    with pytest.raises(TypeError, match=f"takes the text of a spec, not a value of type.*{mend}"):
        function(text)


@pytest.mark.parametrize(
    ("function", "mend"),
    [(rd.compile, "compile_file"), (rd.check, "check_file"), (rd.parse, "read the file")],
)
def test_a_path_that_is_given_as_text_is_called_a_path(function, mend):
    with pytest.raises(TypeError, match=f"not the path 'models/net.rmm'; .*{mend}"):
        function("models/net.rmm")
    assert rd.check(GRAM + "# as in net.rmm") == []


def test_timings_are_those_of_what_has_happened():
    program = rd.compile(GRAM.replace("5]", "8]"), target="fused", ahead=False)
    assert list(program.timings) == ["parse", "graph", "plan"]
    explained = program.explain().to_dict()
    assert list(explained["timings"]) == ["parse", "graph", "plan", "tables", "trace", "lower"]
    assert list(program.compile().explain().to_dict()["timings"]) == list(PARTS)
    dispatched = rd.compile(GRAM, target="dispatch", ahead=False)
    assert list(dispatched.timings) == ["parse", "graph", "plan"]
    dispatched.compile()
    assert list(dispatched.timings) == ["parse", "graph", "plan", "lower", "compile"]


def test_compiling_ahead_leaves_nothing_for_the_first_call():
    with compilations() as compiled:
        later = rd.compile(GRAM.replace("5]", "6]"), target="fused", ahead=False)
        later.explain()
        assert compiled == []
        program = rd.compile(GRAM.replace("5]", "7]"), target="fused")
        assert len(compiled) == 1
        program(program.random_inputs(0))
        assert len(compiled) == 1


def test_sizes_can_be_given_from_outside():
    assert rd.compile(GRAM, dims={"k": 6}).inputs["w"].shape == (6, 6)


def test_a_file_reads_tables_beside_it(tmp_path):
    (tmp_path / "t.csv").write_text("rows\n2\n7\n")
    spec = tmp_path / "net.rmm"
    lines = [
        "index i",
        'dim m[i] = table("t.csv", m="rows")',
        "input A[i] : f32[m[i], 4]",
        "output G[i] = A[i] @ A[i].T",
    ]
    spec.write_text("\n".join(lines))
    assert rd.compile_file(spec).outputs["G"].shapes.tolist() == [[2, 2], [7, 7]]
    assert rd.check_file(spec) == []
    with pytest.raises(rd.RmmError):
        rd.compile(spec.read_text())
    assert rd.compile(spec.read_text(), folder=tmp_path).inputs["A"].shapes.tolist() == [[2, 4], [7, 4]]


def test_every_error_of_a_spec_is_raised_at_once():
    with pytest.raises(rd.RmmError) as raised:
        rd.compile("input A : f32[2, 3]\noutput Y = A @ A\noutput Z = B @ A\n", name="bad.rmm")
    assert len(raised.value.diagnostics) == 2
    assert "bad.rmm:2:" in str(raised.value) and "bad.rmm:3:" in str(raised.value)


def test_wide_types_need_x64():
    text = "input A : f64[2, 2]\noutput Y = A @ A\n"
    assert rd.check(text) == []
    with pytest.raises(rd.RmmError, match="x64"):
        rd.compile(text)
    with jax.enable_x64(True):
        assert rd.compile(text)({"A": np.eye(2)})["Y"].dtype == np.float64


def test_more_memory_than_allowed_is_an_error():
    with pytest.raises(rd.RmmError, match="RMM501"):
        rd.compile(GRAM, memory_limit=100)


def test_check_lists_what_is_wrong_and_nothing_else():
    assert rd.check(GRAM) == []
    (found,) = rd.check("input A : f32[2, 3]\noutput Y = A @ A\n")
    assert found.code == "RMM301" and found.severity == "error"
    (missing,) = rd.check_file("no/such/file.rmm")
    assert missing.severity == "error"


def test_parse_and_format_need_no_meaning():
    assert len(list(rd.parse("output   Y=A@B").statements())) == 1
    assert rd.format("output   Y=A@B") == "output Y = A @ B\n"
    with pytest.raises(rd.RmmError):
        rd.parse("output Y = A @@ B")


def test_a_wrong_input_is_shown_at_its_declaration():
    program = rd.compile(GRAM, name="gram.rmm", ahead=False)
    with pytest.raises(rd.RmmError) as raised:
        program({"A": matrices([(2, 4), (3, 4), (5, 5)]), "w": np.eye(4, dtype=np.float32)})
    assert "gram.rmm:4:" in str(raised.value) and "A[2]" in str(raised.value)


def test_importing_and_checking_do_not_import_jax(tmp_path):
    code = (
        "import sys, raggeddsl as rd; rd.check('input A : f32[2, 2]\\noutput Y = A'); rd.format('dim n = 3');"
        "rd.RmmError; rd.Diagnostic; print('jax' in sys.modules)"
    )
    assert printed(code, tmp_path) == "False\n"


def test_unknown_names_are_attribute_errors_and_known_ones_are_listed():
    with pytest.raises(AttributeError, match="no attribute 'compyle'"):
        _ = rd.compyle
    assert set(rd.__all__) <= set(dir(rd))
    assert all(getattr(rd, name).__doc__ for name in rd.__all__)


# ---------------------------------------------------------------- matmul

SHAPES = [(3, 4, 2), (1, 1, 1), (5, 2, 7), (0, 3, 2), (2, 0, 3)]
AS = matrices([(m, k) for m, k, _ in SHAPES])
BS = matrices([(k, n) for _, k, n in SHAPES])
PRODUCTS = [a @ b for a, b in zip(AS, BS, strict=True)]


def close(given, wanted, tolerance=1e-5):
    assert len(given) == len(wanted)
    for one, other in zip(given, wanted, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "options", [{}, {"target": "fused"}, {"target": "dispatch"}, {"kernel": "reference"}]
)
def test_matmul_multiplies_pair_by_pair(options):
    out = rd.matmul(AS, BS, **options)
    assert isinstance(out, list) and all(isinstance(c, jax.Array) for c in out)
    close(out, PRODUCTS)
    packed = rd.matmul(rd.Ragged.from_list(AS), rd.Ragged.from_list(BS), **options)
    assert isinstance(packed, rd.Ragged)
    close(packed.to_list(), PRODUCTS)
    assert isinstance(rd.matmul(rd.Ragged.from_list(AS), BS, **options), rd.Ragged)
    assert rd.matmul([], [], **options) == []


def test_matmul_works_under_transformations():
    close(jax.jit(rd.matmul)(AS, BS), PRODUCTS)
    grads = jax.grad(lambda a: sum((c**2).sum() for c in rd.matmul(a, BS)))(AS)
    close(grads, [2 * p @ b.T for p, b in zip(PRODUCTS, BS, strict=True)], 1e-4)
    stacked = [jnp.stack([a, -a]) for a in AS]
    close(jax.vmap(lambda a: rd.matmul(a, BS))(stacked), [np.stack([p, -p]) for p in PRODUCTS])
    ragged = rd.Ragged.from_list(AS)
    close(jax.jit(rd.matmul)(ragged, rd.Ragged.from_list(BS)).to_list(), PRODUCTS)


def test_matmul_keeps_its_program_for_the_same_shapes():
    rd.clear_caches()
    rd.matmul(AS, BS)
    with compilations() as compiled:
        rd.matmul([a + 1 for a in AS], BS)
        rd.matmul(rd.Ragged.from_list(AS), rd.Ragged.from_list(BS)).data.block_until_ready()
    assert compiled == []


@pytest.mark.parametrize(
    ("left", "right"), [("float32", "bfloat16"), ("int32", "float16"), ("complex64", "float32")]
)
def test_matmul_promotes_as_jax_does(left, right):
    out = rd.matmul([jnp.ones((2, 3), left)], [jnp.ones((3, 1), right)])
    assert out[0].dtype == jnp.promote_types(left, right)
    np.testing.assert_array_equal(np.asarray(out[0]), np.full((2, 1), 3))


def test_matmul_takes_a_precision():
    close(rd.matmul(AS, BS, precision="highest"), PRODUCTS)
    close(rd.matmul(AS, BS, precision=jax.lax.Precision.HIGH), PRODUCTS)


@pytest.mark.parametrize(
    ("left", "right", "code", "said"),
    [
        (AS, BS[:2], "RMM708", "5 matrices and `Bs` 2"),
        (AS, AS, "RMM708", r"As\[0\] is \(3, 4\), Bs\[0\] is \(3, 4\)"),
        ([1.0], [2.0], "RMM706", "0 axes"),
        (["a"], BS[:1], "RMM706", "holds no numbers"),
        (None, BS[:1], "RMM706", "`As` is a value of type `NoneType`, not a list of matrices"),
        (BS[:1], "text", "RMM706", "`Bs` is a value of type `str`, not a list of matrices"),
        (np.float32(1), BS[:1], "RMM706", "`As` is a value of type `float32`, not a list"),
        (np.ones(()), BS[:1], "RMM706", "`As` is a value of type `ndarray`, not a list"),
        ([np.ones((2, 2), "m8[s]")], BS[:1], "RMM706", "holds no numbers"),
    ],
)
def test_matmul_says_what_does_not_fit(left, right, code, said):
    with pytest.raises(rd.RmmError, match=said) as raised:
        rd.matmul(left, right)
    assert [d.code for d in raised.value.diagnostics] == [code]
