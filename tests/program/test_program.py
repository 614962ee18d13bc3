"""`Program`: a pure function of its inputs, compiled once, exact about what it is given."""

from __future__ import annotations

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from raggeddsl.diagnostics.errors import RmmError
from raggeddsl.graph.compare import compare
from raggeddsl.graph.interpret import interpret
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.kernels.xla import XlaKernel
from raggeddsl.lowering import choose
from raggeddsl.native.library import library
from raggeddsl.ragged import Ragged
from tests.programs import SHAPES, compilations, doubled, named, pair_inputs, pairs, program
from tests.strategies import graphs, inputs_for, seeds

NATIVE = pytest.mark.skipif(isinstance(library(), str), reason="the native library is not there")
WAYS = [
    ("fused", "xla"),
    ("fused", "reference"),
    ("dispatch", "auto"),
    pytest.param("fused", "native", marks=NATIVE),
]
ways = pytest.mark.parametrize(("target", "kernel"), WAYS)
INPUTS = pair_inputs()
PRODUCTS = [a @ b for a, b in zip(INPUTS["A"], INPUTS["B"], strict=True)]


def close(given, wanted):
    assert len(given) == len(wanted)
    for one, other in zip(given, wanted, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------- results


@ways
@settings(deadline=None, max_examples=8)
@given(graphs(dtypes=("f32",), max_operations=4, views=False), seeds)
def test_every_way_agrees_with_the_reference_on_random_graphs(target, kernel, graph, seed):
    inputs = inputs_for(graph, seed)
    results = program(graph, target, kernel)(inputs)
    assert compare(results, interpret(graph, inputs, bounds=True)).agreed


@ways
def test_a_family_is_a_ragged_and_a_single_matrix_an_array(target, kernel):
    out = program(pairs(), target, kernel)(INPUTS)
    assert list(out) == ["Y"] and isinstance(out["Y"], Ragged)
    close(out["Y"].to_list(), PRODUCTS)
    close([out["Y"][2]], PRODUCTS[2:3])
    np.testing.assert_allclose(
        out["Y"].data, np.concatenate([p.ravel() for p in PRODUCTS]), rtol=1e-5, atol=1e-6
    )

    weights = {f"W{i}": np.full((2 + i, 2 + i), 1.0, np.float32) for i in range(3)}
    out = program(named(3), target, kernel)({**weights, "s": 2.0})
    assert list(out) == ["G0", "G1", "G2"] and all(isinstance(g, jax.Array) for g in out.values())
    close(list(out.values()), [2 * w @ w for w in weights.values()])


@ways
def test_many_single_matrices_share_a_buffer_and_come_out_by_name(target, kernel):
    weights = {f"W{i}": np.full((2 + i, 2 + i), 1.0, np.float32) for i in range(20)}
    out = program(named(20), target, kernel)({**weights, "s": np.float32(3)})
    close(list(out.values()), [3 * w @ w for w in weights.values()])
    assert list(out) == [f"G{i}" for i in range(20)]


@ways
def test_every_form_of_a_family_gives_the_same(target, kernel):
    run = program(doubled(), target, kernel)
    arrays = [
        np.arange(4, dtype=np.float32).reshape(2, 2),
        np.ones((3, 1), np.float32),
        np.ones((1, 4), np.float32),
    ]
    forms = [
        arrays,
        tuple(jnp.asarray(a) for a in arrays),
        Ragged.from_list(arrays),
        [a.tolist() for a in arrays],
        [arrays[0], jnp.asarray(arrays[1]), arrays[2].astype(np.float64)],
        iter(arrays),
    ]
    for form in forms:
        close(run({"A": form})["D"].to_list(), [2 * a for a in arrays])


@ways
def test_a_uniform_family_may_be_one_array(target, kernel):
    shapes = [(2, 3, 4)] * 5
    run = program(pairs(shapes), target, kernel)
    inputs = pair_inputs(shapes)
    stacked = {"A": np.stack(inputs["A"]), "B": jnp.stack(inputs["B"])}
    close(run(stacked)["Y"].to_list(), [a @ b for a, b in zip(inputs["A"], inputs["B"], strict=True)])
    with pytest.raises(RmmError) as raised:
        run({"A": stacked["A"][:, :, :2], "B": stacked["B"][:4]})
    assert {d.code for d in raised.value.diagnostics} == {"RMM703", "RMM704"}


@ways
def test_results_of_a_program_are_inputs_of_another(target, kernel):
    first = program(pairs(), target, kernel)
    square = program(pairs([(m, n, n) for m, _, n in SHAPES]), target, kernel)
    eyes = [np.eye(n, dtype=np.float32) for _, _, n in SHAPES]
    close(square({"A": first(INPUTS)["Y"], "B": eyes})["Y"].to_list(), PRODUCTS)


@ways
def test_the_callers_memory_is_not_kept(target, kernel):
    inputs = pair_inputs([(64, 64, 64)] * 2)
    wanted = [a @ b for a, b in zip(inputs["A"], inputs["B"], strict=True)]
    out = program(pairs([(64, 64, 64)] * 2), target, kernel)(inputs)
    for array in inputs["A"]:
        array[:] = np.nan
    np.testing.assert_allclose(out["Y"][1], wanted[1], rtol=1e-4, atol=1e-4)


def test_nan_is_carried_through():
    inputs = pair_inputs()
    inputs["A"][0][0, 0] = np.nan
    out = program(pairs())(inputs)["Y"]
    assert np.isnan(out[0][0]).all() and not np.isnan(out[1]).any()


# ---------------------------------------------------------------- transformations


@ways
def test_it_works_under_jit_and_vmap(target, kernel):
    run = program(pairs(), target, kernel)
    close(jax.jit(run)(INPUTS)["Y"].to_list(), PRODUCTS)
    ragged = {name: Ragged.from_list(value) for name, value in INPUTS.items()}
    close(jax.jit(run)(ragged)["Y"].to_list(), PRODUCTS)
    batch = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), ragged)
    out = jax.vmap(run)(batch)["Y"]
    close([out[2]], [np.stack([PRODUCTS[2], 4 * PRODUCTS[2]])])


@pytest.mark.parametrize(("target", "kernel"), [("fused", "xla"), ("dispatch", "auto")])
def test_it_can_be_differentiated(target, kernel):
    run = program(pairs(), target, kernel)

    def loss(inputs):
        return sum((y**2).sum() for y in run(inputs)["Y"])

    grads = jax.grad(loss)(INPUTS)
    close(grads["A"], [2 * p @ b.T for p, b in zip(PRODUCTS, INPUTS["B"], strict=True)])
    ragged = {name: Ragged.from_list(value) for name, value in INPUTS.items()}
    close(
        jax.grad(loss)(ragged)["B"].to_list(),
        [2 * a.T @ p for p, a in zip(PRODUCTS, INPUTS["A"], strict=True)],
    )


def test_shapes_are_checked_under_tracing_too():
    run = program(pairs())
    with pytest.raises(RmmError, match="RMM704"):
        jax.jit(run)({"A": INPUTS["B"], "B": INPUTS["A"]})


# ---------------------------------------------------------------- compiled once


@pytest.mark.parametrize(("target", "kernel"), [("fused", "xla"), ("dispatch", "auto")])
def test_it_is_compiled_once_and_never_by_a_call(target, kernel):
    shapes = [(7, 8, 9), (9, 8, 7), (7, 8, 9)]
    with compilations() as compiled:
        run = program(pairs(shapes), target, kernel).compile()
        assert len(compiled) == (1 if target == "fused" else 2)
        inputs, others = pair_inputs(shapes), pair_inputs(shapes, seed=1)
        ragged = {name: Ragged.from_list(value) for name, value in others.items()}
        resident = jax.tree.map(jnp.array, inputs)
        before = len(compiled)
        for given in (inputs, others, ragged, resident):
            run(given)["Y"].data.block_until_ready()
        thread = threading.Thread(target=lambda: run(others)["Y"].data.block_until_ready())
        thread.start()
        thread.join()
    assert len(compiled) == before


def test_dispatched_programs_share_executables():
    program(pairs([(11, 12, 13), (13, 12, 11)]), "dispatch").compile()
    with compilations() as compiled:
        program(pairs([(13, 12, 11), (11, 12, 13), (11, 12, 13)]), "dispatch").compile()
        assert compiled == []
        program(pairs([(13, 12, 11), (10, 12, 13)]), "dispatch").compile()
    assert len(compiled) == 1


@ways
def test_several_threads_may_call_it_at_once(target, kernel):
    run = program(pairs(), target, kernel)
    results = [None] * 8
    barrier = threading.Barrier(8)

    def call(place):
        barrier.wait()
        results[place] = run(pair_inputs(seed=place))["Y"].to_list()

    threads = [threading.Thread(target=call, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, result in enumerate(results):
        inputs = pair_inputs(seed=place)
        close(result, [a @ b for a, b in zip(inputs["A"], inputs["B"], strict=True)])


# ---------------------------------------------------------------- looking at it


def test_its_signature_has_types_and_shapes_by_name():
    run = program(named(3))
    assert list(run.inputs) == ["W0", "W1", "W2", "s"]
    w, s = run.inputs["W1"], run.inputs["s"]
    assert (w.dtype, w.family, w.shapes.tolist(), w.shape) == (np.dtype("float32"), False, [[3, 3]], (3, 3))
    assert s.shape == () and s.shapes.tolist() == [[1, 1]]
    assert repr(w) == "W1: float32[3, 3]"
    family = program(pairs()).inputs["A"]
    assert family.family and len(family) == 6 and family.shapes.dtype == np.int64
    assert "(3, 4)" in repr(family)
    with pytest.raises(AttributeError, match=r"\.shapes"):
        _ = family.shape
    with pytest.raises(KeyError):
        run.inputs["G0"]


@pytest.mark.parametrize(("target", "kernel"), [("fused", "xla"), ("dispatch", "auto")])
def test_it_shows_its_stages(target, kernel):
    run = program(pairs(), target, kernel).compile()
    assert "stablehlo.dot_general" in run.lower().as_text("stablehlo")
    assert "dot_general" in str(run.jaxpr())
    assert run.timings["compile"] > 0 and run.timings["lower"] > 0
    said = run.explain().to_dict()
    assert said["target"]["name"] == target and said["target"]["why"] == "as asked"
    assert said["kernel"]["name"] == ("dispatch" if target == "dispatch" else "xla")
    assert said["xla_operations"] > 0
    assert target in str(run.explain())


@ways
def test_random_inputs_are_the_same_for_a_seed_and_fit_the_reference(target, kernel):
    run = program(named(4), target, kernel)
    one, again, other = run.random_inputs(3), run.random_inputs(3), run.random_inputs(4)
    assert all(np.array_equal(one[name], again[name]) for name in run.inputs)
    assert not np.array_equal(one["W0"], other["W0"])
    assert compare(run(one), run.reference(one)).agreed


def test_random_inputs_keep_spectral_norms_near_one():
    run = program(pairs([(200, 300, 2), (1, 1, 1), (40, 400, 4)]))
    norms = [np.linalg.norm(a, 2) for a in run.random_inputs(0)["A"]]
    assert max(norms) < 1.27 and norms[0] > 0.7


# ---------------------------------------------------------------- choices


def test_a_kernel_that_cannot_run_is_an_error_when_asked_for(monkeypatch):
    monkeypatch.setattr(NativeKernel, "unavailable", lambda self, plan, backend: "it is not built")
    with pytest.raises(RmmError, match=r"RMM510.*it is not built") as raised:
        program(pairs(), kernel="native")
    assert 'kernel="xla"' in raised.value.diagnostics[0].help
    monkeypatch.setattr(XlaKernel, "unavailable", lambda self, plan, backend: "it is too long")
    with pytest.raises(RmmError, match=r"RMM510.*it is too long") as raised:
        program(pairs(), kernel="xla")
    help = raised.value.diagnostics[0].help
    assert 'kernel="xla"' not in help and 'kernel="reference"' in help


def test_auto_says_why_a_better_kernel_is_passed_over(monkeypatch):
    monkeypatch.setattr(NativeKernel, "unavailable", lambda self, plan, backend: "it is not built")
    run = program(pairs(), "auto")
    assert run.diagnostics == () and run.choice.kernel == "xla"
    assert "it is not built" in run.explain().to_dict()["kernel"]["why"]
    monkeypatch.setattr(XlaKernel, "unavailable", lambda self, plan, backend: "it is too long")
    run = program(pairs(), "auto")
    assert [d.code for d in run.diagnostics] == ["RMM511"] and run.choice.kernel == "reference"
    assert "it is too long" in run.diagnostics[0].message


def test_a_kernel_that_dispatch_leaves_unused_is_a_warning():
    run = program(pairs(), "dispatch", "reference")
    assert [d.code for d in run.diagnostics] == ["RMM512"]
    assert program(pairs(), "dispatch").diagnostics == ()


@pytest.mark.parametrize("target", ["fusd", "Dispatch", None])
def test_a_target_that_there_is_not_is_an_error(target):
    with pytest.raises(RmmError, match=f"RMM513.*no target `{target}`") as raised:
        program(pairs(), target)
    assert '"dispatch"' in raised.value.diagnostics[0].help


def test_auto_dispatches_few_long_products_and_fuses_many_short_ones(monkeypatch):
    others = {name: kernel for name, kernel in choose.KERNELS.items() if name != "native"}
    monkeypatch.setattr(choose, "KERNELS", others)
    assert program(pairs([(500, 500, 500)] * 4), "auto").choice.target == "dispatch"
    assert program(pairs([(n, n, n) for n in range(1, 200)]), "auto").choice.target == "fused"
    assert program(pairs([(500, 500, 500)] * 4), "auto", "xla").choice.target == "fused"


def test_members_of_a_dispatched_result_are_packed_only_when_data_is_read():
    out = program(pairs(), "dispatch")(INPUTS)["Y"].block_until_ready()
    assert not out.packed
    first = out[0]
    again = program(pairs([(m, n, n) for m, _, n in SHAPES]), "dispatch")
    again({"A": out, "B": [np.eye(n, dtype=np.float32) for _, _, n in SHAPES]})
    assert not out.packed and out[0] is first, "read by another program, member by member"
    assert out.data.shape == (out.layout.size,) and out.packed
    close(out.to_list(), PRODUCTS)
    close(out[1:3].to_list(), PRODUCTS[1:3])


@pytest.mark.parametrize(("target", "kernel"), [("fused", "xla"), ("dispatch", "auto")])
def test_it_works_under_jaxs_debugging_modes(target, kernel):
    with jax.disable_jit():
        close(program(pairs(), target, kernel)(INPUTS)["Y"].to_list(), PRODUCTS)
    with jax.debug_nans(True), jax.checking_leaks():
        close(program(pairs(), target, kernel)(INPUTS)["Y"].to_list(), PRODUCTS)
        close(jax.jit(program(pairs(), target, kernel))(INPUTS)["Y"].to_list(), PRODUCTS)


def test_threads_that_make_the_first_call_at_once_compile_once():
    run = program(pairs([(4, 9, 6), (6, 9, 4)]), "fused", "xla")
    inputs = pair_inputs([(4, 9, 6), (6, 9, 4)])
    barrier = threading.Barrier(4)

    def call():
        barrier.wait()
        run(inputs)["Y"].data.block_until_ready()

    with compilations() as compiled:
        threads = [threading.Thread(target=call) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(compiled) == 1
