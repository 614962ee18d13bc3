"""The xla kernel: whatever the graph, it gives what the reference gives, in a bounded number of classes."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.compare import compare
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Arithmetic, FamilyType, Input, Operand, Output, Product
from raggeddsl.graph.passes import normalise
from raggeddsl.kernels.xla import XlaKernel
from raggeddsl.kernels.xla.steps import ExactStep, Picked, Shared, TileStep, Whole
from raggeddsl.kernels.xla.tables import LARGEST
from raggeddsl.options import Options
from raggeddsl.plan import Plan, plan_graph
from raggeddsl.tuning import DEFAULT, XlaTuning
from tests.kernels.test_reference import packed_inputs
from tests.plan.graphs import family, pairs, show
from tests.plan.graphs import given as declared
from tests.references import reference_for
from tests.strategies import ALL_DTYPES, graphs, inputs_for, seeds
from tests.tunings import tunings


def run(plan: Plan, values: dict, wrap=lambda f: f, tuning: XlaTuning = DEFAULT.xla) -> dict:
    """The results by name, members as arrays."""
    lowered = XlaKernel(tuning).lower(plan)
    buffers = [jnp.asarray(b) for b in packed_inputs(plan, values)]
    outputs = jax.jit(wrap(lowered.run))(buffers, lowered.tables)
    results = {}
    for output, flat in zip(plan.results, outputs, strict=True):
        type = plan.graph.type(output.operand.node)
        stops = np.cumsum(type.sizes)
        sizes = zip(type.rows.tolist(), type.cols.tolist(), strict=True)
        shapes = [() if type.scalar else shape for shape in sizes]
        parts = np.split(np.asarray(flat), stops[:-1]) if len(stops) else []
        members = [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]
        if output.family:
            results[output.names[0]] = members
        else:
            results.update(zip(output.names, members, strict=True))
    return results


def check(graph: Graph, values: dict, plan: Plan | None = None, tuning: XlaTuning = DEFAULT.xla) -> None:
    """The kernel agrees with the interpreter within the bounds."""
    plan = plan_graph(graph, Options()) if plan is None else plan
    comparison = compare(run(plan, values, tuning=tuning), reference_for(graph, values))
    assert comparison.agreed, comparison


SMALL_CHUNKS = XlaTuning(tile_bytes=1 << 12, workspace_bytes=1 << 12, exact_bytes=1 << 8, chunk_elements=64)
"""Every step that can be cut into chunks is."""

ONLY_BOXES = XlaTuning(most_exact=0, few_shapes=0, large_flop=np.inf)
"""No class is exact."""


# ------------------------------------------------------------ random graphs


@given(graphs(normal=True, dtypes=ALL_DTYPES), seeds, tunings())
@settings(max_examples=40)
def test_agrees_with_the_reference_in_every_dtype(graph, seed, tuning):
    with jax.enable_x64(True):
        check(graph, inputs_for(graph, seed), tuning=tuning.xla)


@given(graphs(dtypes=("f32", "bf16"), mixed=False), seeds)
@settings(max_examples=10)
def test_agrees_with_the_reference_after_the_passes(graph, seed):
    values = inputs_for(graph, seed)
    check(graph, values, plan_graph(normalise(graph), Options()))


@given(graphs(normal=True, dtypes=("f32", "i32", "c64"), max_members=9), seeds)
@settings(max_examples=10)
def test_agrees_when_everything_is_tiled_and_in_chunks(graph, seed):
    boxes = replace(SMALL_CHUNKS, most_exact=0, few_shapes=0, large_flop=np.inf)
    check(graph, inputs_for(graph, seed), tuning=boxes)


@given(graphs(normal=True, max_members=9, max_size=5), seeds)
@settings(max_examples=10)
def test_agrees_when_exact_classes_are_in_chunks(graph, seed):
    with jax.enable_x64(True):
        check(graph, inputs_for(graph, seed), tuning=replace(SMALL_CHUNKS, few_shapes=1000))


# ------------------------------------------------------------ shapes that tiles must get right


def random_pairs(count: int, low: int, high: int, dtype: str = "f32", seed: int = 0) -> Graph:
    sizes = np.random.default_rng(seed).uniform(np.log(low), np.log(high + 1), (3, count))
    return pairs(*np.exp(sizes).astype(np.int64), dtype)


@pytest.mark.parametrize("dtype", ["f32", "bf16", "i8"])
def test_different_shapes_agree_with_the_reference(dtype):
    graph = random_pairs(60, 1, 70, dtype)
    check(graph, inputs_for(graph, 1))


def transposed_pairs(a_t: bool, b_t: bool) -> Graph:
    rng = np.random.default_rng(5)
    m, k, n = rng.integers(1, 50, (3, 30))
    graph = Graph()
    a = declared(graph, "A", family(k, m) if a_t else family(m, k))
    b = declared(graph, "B", family(n, k) if b_t else family(k, n))
    return show(graph, Y=graph.add(Product(family(m, n), Operand(a, None, a_t), Operand(b, None, b_t))))


@pytest.mark.parametrize("a_t", [False, True])
@pytest.mark.parametrize("b_t", [False, True])
def test_stored_transposes_are_tiled_too(a_t, b_t):
    graph = transposed_pairs(a_t, b_t)
    check(graph, inputs_for(graph, 2), tuning=ONLY_BOXES)


def test_a_sum_of_ragged_terms_shares_tiles_and_agrees():
    rng = np.random.default_rng(3)
    p, q = rng.integers(1, 40, (2, 4))
    target = np.sort(rng.integers(0, 4, 50))
    k = rng.integers(1, 40, 50)
    graph = Graph()
    a = declared(graph, "A", family(p[target], k))
    b = declared(graph, "B", family(k, q[target]))
    graph = show(graph, Y=graph.add(Product(family(p, q), Operand(a), Operand(b), target=target)))
    plan = plan_graph(graph, Options())
    check(graph, inputs_for(graph, 4), plan, ONLY_BOXES)
    key = XlaKernel(ONLY_BOXES).lower(plan).key
    (step,) = key[1].stages[0].steps
    assert any(box.pieces > 1 for box in step.boxes)


def test_inner_sizes_longer_than_any_box_are_accumulated():
    graph = pairs([3, 20], [3000, 1500], [5, 40])
    check(graph, inputs_for(graph, 6), tuning=ONLY_BOXES)


# ------------------------------------------------------------ what lies well is not gathered


def steps_of(graph: Graph, tuning: XlaTuning = DEFAULT.xla):
    return XlaKernel(tuning).lower(plan_graph(graph, Options())).key[1].stages[0].steps


def test_equal_members_are_one_batched_product_without_tables():
    graph = pairs([8] * 5, [6] * 5, [4] * 5)
    (step,) = steps_of(graph)
    assert isinstance(step, ExactStep)
    assert (step.a, step.b, step.c, step.tasks) == (Whole(0), Whole(0), Whole(0), 5)
    assert XlaKernel().lower(plan_graph(graph, Options())).tables == ()


def test_ragged_rows_times_one_matrix_are_one_tall_product():
    graph = Graph()
    a, w = declared(graph, "A", family([3, 5, 7], [4] * 3)), declared(graph, "W", family([4], [6]))
    y = Product(family([3, 5, 7], [6] * 3), Operand(a), Operand(w, np.zeros(3, np.int64)))
    graph = show(graph, Y=graph.add(y))
    (step,) = steps_of(graph)
    assert isinstance(step, ExactStep) and (step.m, step.tasks) == (15, 1)
    check(graph, inputs_for(graph, 0))


def test_a_sum_of_gram_matrices_is_one_deep_product():
    graph = Graph()
    x = declared(graph, "X", family([3, 5, 7], [4] * 3))
    gram = Product(family([4], [4]), Operand(x, None, True), Operand(x), target=np.zeros(3, np.int64))
    graph = show(graph, G=graph.add(gram))
    (step,) = steps_of(graph)
    assert isinstance(step, ExactStep) and (step.k, step.tasks) == (15, 1)
    check(graph, inputs_for(graph, 0))


def test_many_equal_terms_of_one_block_are_summed_by_the_product():
    graph = Graph()
    a, b = declared(graph, "A", family([4] * 37, [3] * 37)), declared(graph, "B", family([3] * 37, [5] * 37))
    order = np.random.default_rng(0).permutation(37)
    total = Product(family([4], [5]), Operand(a, order), Operand(b), target=np.zeros(37, np.int64))
    graph = show(graph, T=graph.add(total))
    steps = steps_of(graph, SMALL_CHUNKS)
    assert all(isinstance(step, ExactStep) and step.c == Shared(0) for step in steps)
    assert isinstance(steps[0].a, Picked) and steps[0].chunks > 1
    check(graph, inputs_for(graph, 0), tuning=SMALL_CHUNKS)


def test_large_equal_members_are_multiplied_one_by_one():
    graph = pairs([200] * 3, [700] * 3, [200] * 3)
    (step,) = steps_of(graph)
    assert isinstance(step, ExactStep) and step.singly
    check(graph, inputs_for(graph, 0))


# ------------------------------------------------------------ bounds that do not depend on N


def equations(count: int) -> int:
    """Lines of the traced program."""
    plan = plan_graph(random_pairs(count, 8, 40), Options())
    lowered = XlaKernel().lower(plan)
    buffers = [jax.ShapeDtypeStruct((plan.buffers[b].size,), jnp.float32) for b in plan.inputs]
    text = str(jax.make_jaxpr(lowered.run)(buffers, list(lowered.tables)))
    return text.count("\n")


@pytest.mark.parametrize("count", [100, 5000, 50_000])
def test_the_program_is_bounded_whatever_the_number_of_pairs(count):
    assert equations(count) < 16 * 250


def test_there_are_at_most_sixteen_classes_and_padding_is_told():
    plan = plan_graph(random_pairs(1000, 8, 256), Options())
    (report,) = XlaKernel().lower(plan).stages
    flop, padded = (sum(getattr(c, name) for c in report.classes) for name in ("flop", "padded_flop"))
    assert len(report.classes) <= 16
    assert sum(c.tasks for c in report.classes) == 1000
    assert flop == pytest.approx(plan.cost.flop)
    assert flop < padded <= 2.1 * flop


def test_padding_told_is_what_the_program_multiplies():
    plan = plan_graph(random_pairs(300, 8, 64), Options())
    lowered = XlaKernel().lower(plan)
    computed = 0.0
    for step in lowered.key[1].stages[0].steps:
        if isinstance(step, TileStep):
            computed += sum(box.flop * box.tasks for box in step.boxes) * step.chunks
        elif isinstance(step, ExactStep):
            computed += 2.0 * step.m * step.n * step.k * step.tasks * step.chunks
    assert sum(c.padded_flop for c in lowered.stages[0].classes) == pytest.approx(computed)


def test_workspace_is_bounded_whatever_the_number_of_pairs():
    few, many = (XlaKernel().lower(plan_graph(random_pairs(n, 8, 256), Options())) for n in (1000, 8000))
    assert few.stages[0].workspace_bytes < 1.1 * DEFAULT.xla.workspace_bytes
    assert many.stages[0].workspace_bytes < 1.1 * DEFAULT.xla.tile_bytes


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="other backends assign memory their own way")
def test_boxes_do_not_share_memory():
    """Else XLA computes them one after another, in one thread each."""
    lowered = XlaKernel().lower(plan := plan_graph(random_pairs(1000, 8, 256), Options()))
    buffers = [jnp.zeros(plan.buffers[number].size, "float32") for number in plan.inputs]
    compiled = jax.jit(lowered.run).lower(buffers, lowered.tables).compile()
    (step,) = lowered.key[1].stages[0].steps
    made = sum(b.tasks * (b.pieces * b.bk * (b.bm + b.bn) + b.bm * b.bn) for b in step.boxes)
    assert len(step.boxes) > 1
    assert compiled.memory_analysis().temp_size_in_bytes >= 4 * made


def test_programs_that_differ_only_in_where_members_lie_have_one_key():
    def permuted(seed: int) -> Plan:
        sizes = np.repeat([3, 9, 17, 30, 47, 5, 8, 21], 4)
        graph = Graph()
        a = declared(graph, "A", family(sizes, sizes))
        order = np.concatenate([q * 4 + np.random.default_rng(seed + q).permutation(4) for q in range(8)])
        y = Product(family(sizes, sizes), Operand(a, order), Operand(a))
        return plan_graph(show(graph, Y=graph.add(y)), Options())

    first, second = (XlaKernel().lower(permuted(seed)) for seed in (0, 100))
    assert first.key == second.key and hash(first.key) == hash(second.key)
    assert any((x != y).any() for x, y in zip(first.tables, second.tables, strict=True))


def test_a_buffer_past_32_bits_is_refused_with_its_size():
    plan = plan_graph(pairs([2], [2], [2]), Options())
    large = replace(plan, buffers=(replace(plan.buffers[0], size=LARGEST), *plan.buffers[1:]))
    assert "32 bits" in XlaKernel().unavailable(large, "cpu")
    assert XlaKernel().unavailable(plan, "cpu") is None


# ------------------------------------------------------------ what JAX does to it


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["A", "B"])
def test_nan_and_infinity_stay_in_their_member(bad, name):
    graph = random_pairs(40, 1, 40)
    values = inputs_for(graph, 0)
    clean = run(plan_graph(graph, Options()), values, tuning=ONLY_BOXES)["Y"]
    values[name][17][:] = bad
    spoilt = run(plan_graph(graph, Options()), values, tuning=ONLY_BOXES)["Y"]
    assert not np.isfinite(spoilt[17]).any()
    for member in set(range(40)) - {17}:
        np.testing.assert_array_equal(spoilt[member], clean[member])


def loops(plan: Plan, a, b):
    """The products of `pairs`, member by member, from packed buffers."""
    t = plan.tasks
    parts = []
    for m, n, k, i, j in zip(t.m, t.n, t.k, t.a_offset, t.b_offset, strict=True):
        parts.append((a[i : i + m * k].reshape(m, k) @ b[j : j + k * n].reshape(k, n)).reshape(-1))
    return jnp.concatenate(parts)


@pytest.fixture(params=["exact", "tiled", "chunks"])
def ragged(request):
    tuning = {
        "exact": DEFAULT.xla,
        "tiled": ONLY_BOXES,
        "chunks": replace(ONLY_BOXES, tile_bytes=1 << 13, workspace_bytes=1 << 13),
    }[request.param]
    rng = np.random.default_rng(2)
    plan = plan_graph(pairs(*rng.integers(1, 12, (3, 6))), Options())
    lowered = XlaKernel(tuning).lower(plan)
    a, b = (jnp.asarray(rng.standard_normal(plan.buffers[n].size), jnp.float32) for n in plan.inputs)
    return plan, lambda a, b: lowered.run((a, b), lowered.tables)[0], a, b


def test_gradients_are_those_of_the_loop(ragged):
    plan, f, a, b = ragged
    weight = jnp.cos(jnp.arange(plan.buffers[plan.outputs[0]].size, dtype=jnp.float32))
    ours = jax.jit(jax.grad(lambda a, b: jnp.sum(weight * f(a, b) ** 2), argnums=(0, 1)))(a, b)
    theirs = jax.grad(lambda a, b: jnp.sum(weight * loops(plan, a, b) ** 2), argnums=(0, 1))(a, b)
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)


def test_tangents_are_those_of_the_loop(ragged):
    plan, f, a, b = ragged
    ours = jax.jit(lambda a, b: jax.jvp(f, (a, b), (b[0] + a, jnp.sin(b))))(a, b)
    theirs = jax.jvp(lambda a, b: loops(plan, a, b), (a, b), (b[0] + a, jnp.sin(b)))
    for x, y in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_is_a_loop_over_calls(ragged, axes):
    _, f, a, b = ragged
    args = [jnp.stack([x, 2 * x, -x]) if axis == 0 else x for x, axis in zip((a, b), axes, strict=True)]
    mapped = jax.jit(jax.vmap(f, in_axes=axes))(*args)
    for i, row in enumerate(mapped):
        alone = [x[i] if axis == 0 else x for x, axis in zip(args, axes, strict=True)]
        np.testing.assert_allclose(row, f(*alone), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bf16", "f16"])
def test_a_vmap_that_is_not_jitted_takes_16_bit_floats(dtype):
    """XLA compiles each of its operations alone, and cannot do so for every product."""
    sizes = np.full(4, 3)
    graph = Graph()
    a = declared(graph, "A", family(np.full(4, 2), sizes, dtype))
    w = declared(graph, "W", family([3], [3], dtype))
    h = graph.add(Product(family(np.full(4, 2), sizes, dtype), Operand(a), Operand(w, np.zeros(4, int))))
    total = Product(family([3], [3], dtype), Operand(a, None, True), Operand(h), target=np.zeros(4, np.int64))
    plan = plan_graph(show(graph, N=graph.add(total)), Options())
    lowered = XlaKernel().lower(plan)
    first, second = (jnp.ones(plan.buffers[number].size, DTYPES[dtype].numpy) for number in plan.inputs)
    batch = jnp.stack([second, 2 * second])
    (got,) = jax.vmap(lambda second: lowered.run([first, second], lowered.tables))(batch)
    assert got.dtype == DTYPES[dtype].numpy
    np.testing.assert_array_equal(got.astype(np.float32), np.repeat([[24.0], [48.0]], 9, axis=1))


def test_precision_and_accumulation_reach_the_product():
    plan = plan_graph(random_pairs(3, 4, 9, "bf16"), Options())
    highest = Arithmetic(precision="highest", accum="f32")
    stages = tuple(replace(stage, arithmetic=highest) for stage in plan.stages)
    lowered = XlaKernel().lower(replace(plan, stages=stages))
    buffers = [jax.ShapeDtypeStruct((plan.buffers[b].size,), jnp.bfloat16) for b in plan.inputs]
    text = str(jax.make_jaxpr(lowered.run)(buffers, list(lowered.tables)))
    assert "HIGHEST" in text and "preferred_element_type=float32" in text


def test_scalars_are_read_at_run_time():
    sizes = np.arange(1, 20)
    graph = Graph()
    x = declared(graph, "X", family(sizes, sizes))
    s = graph.add(Input(FamilyType(np.ones(19, np.int64), np.ones(19, np.int64), "f32", True), ("s",), True))
    y = Product(family(sizes, sizes), Operand(x), Operand(x), factor=0.5, by=Operand(s))
    graph.outputs = (Output(("Y",), Operand(graph.add(y)), True),)
    check(graph, inputs_for(graph, 8), tuning=ONLY_BOXES)
