"""Inside another function's jit a table is named, not contained: its size costs neither text nor work."""

from __future__ import annotations

import gc
import re
import weakref
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.kernels.native.kernel import NativeKernel
from raggeddsl.native.library import NAMED_TARGET, TARGET
from raggeddsl.tuning import DEFAULT
from tests.kernels.native.running import LEAST, packed, pairs, planned
from tests.steps import steps

SHAPES = [(5, 7, 3), (20, 30, 40), (1, 64, 17)]


def program(count: int, seed: int = 0):
    """A program of so many products of different shapes, and inputs for it as packed families."""
    rng = np.random.default_rng(seed)
    m = rng.integers(1, 9, count)
    text = (
        f"index i in {count}\ndim m[i] = {m.tolist()}\n"
        "input A[i] : f32[m[i], 3]\ninput W : f32[3, 4]\noutput Y[i] = A[i] @ W\n"
    )
    found = rd.compile(text, kernel="native")
    given = found.random_inputs(seed)
    return found, {"A": rd.Ragged.from_list(given["A"].to_list()), "W": jnp.asarray(given["W"])}


def forward(of):
    return lambda inputs: of(inputs)["Y"].data


def loss(of):
    return jax.value_and_grad(lambda inputs: (of(inputs)["Y"].data ** 2).sum())


def copies(of):
    return lambda inputs: jax.vmap(forward(of))(jax.tree.map(lambda x: jnp.stack([x, 2 * x]), inputs))


def scanned(of):
    def step(total, _):
        value, change = loss(of)(inputs_of[0])
        return total + value, change["W"]

    inputs_of: list = []

    def run(inputs):
        inputs_of[:] = [inputs]
        return jax.lax.scan(step, 0.0, None, length=3)

    return run


def saved(of):
    return jax.grad(lambda inputs: (jax.checkpoint(forward(of))(inputs) ** 2).sum())


def chosen(of):
    return lambda inputs: jax.lax.cond(inputs["W"][0, 0] > 0, forward(of), lambda x: -forward(of)(x), inputs)


def nested(of):
    return lambda inputs: jax.jit(forward(of))(inputs) + jax.jit(forward(of))(inputs)


WAYS = [forward, loss, copies, scanned, saved, chosen, nested]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_it_gives_the_bits_that_tables_as_constants_give(way, monkeypatch):
    of, inputs = program(30)
    found = jax.jit(way(of))(inputs)
    assert NAMED_TARGET in jax.jit(way(of)).lower(inputs).as_text()
    monkeypatch.setenv("RAGGEDDSL_EMBED_TABLES", "1")
    other, _ = program(30)
    assert NAMED_TARGET not in jax.jit(way(other)).lower(inputs).as_text()
    wanted = jax.jit(way(other))(inputs)
    pairs_ = zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True)
    assert all(np.asarray(a).tobytes() == np.asarray(b).tobytes() for a, b in pairs_)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_text_is_as_long_for_ten_products_as_for_many(way):
    def shown(count):
        of, inputs = program(count)
        text = jax.jit(way(of)).lower(inputs).as_text()
        return re.sub(r"-?\d+", "0", text)  # sizes and names

    assert shown(10) == shown(3000)


def test_lowering_takes_as_many_steps_for_ten_products_as_for_many():
    def taken(count):
        of, inputs = program(count)
        for way in (forward, loss):  # derives, plans and schedules
            jax.jit(way(of)).lower(inputs)
        return [steps(jax.jit(way(of)).trace(inputs).lower) for way in (forward, loss)]

    taken(5)
    few, many = taken(10), taken(3000)
    assert all(b <= a * 1.1 for a, b in zip(few, many, strict=True)), (few, many)


def test_equal_tables_have_one_name_and_others_another():
    tables = [
        NativeKernel().lower(planned(pairs(shapes))).resident for shapes in (SHAPES, SHAPES, SHAPES[:2])
    ]
    one, same, other = [(table.low, table.high) for table in tables]
    sizes = replace(DEFAULT, blocks=LEAST)
    tuned = NativeKernel(tuning=sizes).lower(planned(pairs(SHAPES))).resident
    assert one == same and (tuned.low, tuned.high) != one
    assert not {*one} & {*other} and 0 not in (*one, *other)


def test_a_program_outlives_all_that_it_was_made_from():
    def made():
        of, inputs = program(12, seed=3)
        compiled = jax.jit(forward(of)).lower(inputs).compile()
        return compiled, inputs, np.asarray(compiled(inputs))

    compiled, inputs, wanted = made()
    jax.clear_caches()
    gc.collect()
    np.testing.assert_array_equal(compiled(inputs), wanted)


def test_one_that_is_lowered_is_compiled_when_its_program_is_gone():
    def made():
        of, inputs = program(12, seed=4)
        return jax.jit(forward(of)).lower(inputs), inputs, np.asarray(of(inputs)["Y"].data)

    lowered, inputs, wanted = made()
    gc.collect()
    np.testing.assert_array_equal(lowered.compile()(inputs), wanted)


def test_an_exported_program_contains_its_tables():
    of, inputs = program(12)
    data = [inputs["A"].data, inputs["W"]]

    def run(a, w):
        return forward(of)({"A": rd.Ragged(a, inputs["A"].layout), "W": w})

    assert NAMED_TARGET in jax.jit(run).lower(*data).as_text()
    checks = [jax.export.DisabledSafetyCheck.custom_call(TARGET)]
    exported = jax.export.export(jax.jit(run), disabled_checks=checks)(*data)
    assert TARGET in exported.mlir_module() and NAMED_TARGET not in exported.mlir_module()
    np.testing.assert_array_equal(exported.call(*data), run(*data))


def test_threads_trace_lower_and_run_at_once():
    made = [program(20 + number % 3, seed=number % 3) for number in range(12)]

    def work(of, inputs):
        return [np.asarray(x) for x in jax.tree.leaves(jax.jit(loss(of))(inputs))]

    wanted = [work(of, inputs) for of, inputs in made[:3]]
    with ThreadPoolExecutor(6) as threads:
        found = [one.result() for one in [threads.submit(work, *each) for each in made]]
    for number, results in enumerate(found):
        for a, b in zip(results, wanted[number % 3], strict=True):
            np.testing.assert_array_equal(a, b)


def held():
    """A plan made ready, its table in the registry, and zeros for its buffers."""
    plan = planned(pairs(SHAPES))
    a = [np.zeros((m, k), np.float32) for m, k, n in SHAPES]
    b = [np.zeros((k, n), np.float32) for m, k, n in SHAPES]
    return NativeKernel().lower(plan).resident, packed(plan, {"A": a, "B": b})


def call(table, buffers, **changed):
    names = {"low": table.low, "high": table.high, "isa": ""} | changed
    one = jax.ffi.ffi_call(NAMED_TARGET, table.results)
    return jax.block_until_ready(jax.jit(lambda *operands: one(*operands, **names))(*buffers))


def test_an_unknown_name_is_an_error_that_says_what_to_do():
    table, buffers = held()
    call(table, buffers)
    swapped = {"low": table.high, "high": table.low}
    for changed in ({"low": table.low ^ 1}, {"high": np.int64(0)}, swapped):
        with pytest.raises(Exception, match="no table of the name") as error:
            call(table, buffers, **changed)
        assert "trace and lower its function there first" in str(error.value)
        assert "RAGGEDDSL_EMBED_TABLES=1" in str(error.value)


def test_a_table_that_nobody_holds_any_more_still_runs():
    """JAX calls what it has compiled long after its caches forgot where that came from."""
    table, buffers = held()
    names = {"low": table.low, "high": table.high, "isa": ""}
    results, gone = table.results, weakref.ref(table)
    run = jax.jit(lambda *operands: jax.ffi.ffi_call(NAMED_TARGET, results)(*operands, **names)[0])
    del table
    gc.collect()
    assert gone() is None
    assert not np.asarray(run(*buffers)).any()


def test_buffers_of_other_sizes_are_refused():
    table, buffers = held()
    a, b = buffers
    for wrong in ((a[:-1], b), (a, b, b), (a,), (b, a), (np.append(a, a), b)):
        with pytest.raises(Exception, match="not of the sizes"):
            call(table, wrong)


@pytest.mark.parametrize("field", ["a_offset", "c_buffer", "m", "b_type", "op"])
def test_a_wrong_table_is_not_held(field, monkeypatch):
    from raggeddsl.kernels.native import kernel

    monkeypatch.delenv("RAGGEDDSL_CHECK", raising=False)  # the library must see for itself
    made = kernel.schedule(planned(pairs(SHAPES)), None)
    made.tasks[field][1] = 101
    monkeypatch.setattr(kernel, "schedule", lambda *_: made)
    assert NativeKernel().lower(planned(pairs(SHAPES))).resident is None


def test_a_table_with_wrong_block_sizes_is_not_held():
    tuning = replace(DEFAULT, blocks=replace(DEFAULT.blocks, sum_side=0))
    assert NativeKernel(tuning=tuning).lower(planned(pairs(SHAPES))).resident is None
