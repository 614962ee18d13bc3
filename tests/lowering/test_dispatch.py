"""The lowering `dispatch`: agrees with the reference, shares executables, keeps nothing for long."""

from __future__ import annotations

import gc
import io
import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.compare import compare
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, Input, Operand, Output, Product, Term
from raggeddsl.lowering.dispatch import executables as compiling
from raggeddsl.lowering.dispatch.executables import clear_executables
from raggeddsl.lowering.dispatch.kind import Kind
from raggeddsl.lowering.dispatch.launcher import lower_dispatch
from raggeddsl.lowering.dispatch.progress import ProgressBar
from raggeddsl.options import Options
from raggeddsl.plan import plan_graph
from tests.programs import compilations, family, pairs
from tests.references import reference_for
from tests.strategies import graphs, inputs_for, seeds

NARROW = ("bf16", "f16", "f32", "i8", "i32", "c64")


def run(graph: Graph, inputs: dict) -> dict:
    plan = plan_graph(graph, Options(memory_limit=1 << 40))
    given = []
    for buffer in plan.inputs:
        node = graph.op(plan.buffers[buffer].node)
        members = inputs[node.names[0]] if node.family else [inputs[name] for name in node.names]
        given.append([jnp.asarray(member) for member in members])
    out = {}
    for output, members in zip(plan.results, lower_dispatch(plan)(given), strict=True):
        if output.family:
            out[output.names[0]] = [np.asarray(member) for member in members]
        else:
            out.update(zip(output.names, map(np.asarray, members), strict=True))
    return out


@settings(max_examples=12, deadline=None)
@given(graphs(normal=True, views=False, dtypes=("f32",), max_operations=5), seeds)
def test_agrees_with_the_reference_on_random_graphs(graph, seed):
    inputs = inputs_for(graph, seed)
    assert compare(run(graph, inputs), reference_for(graph, inputs)).agreed


@settings(max_examples=12, deadline=None)
@given(graphs(normal=True, views=False, dtypes=NARROW, max_operations=4), seeds)
def test_agrees_with_the_reference_in_every_type_that_needs_no_x64(graph, seed):
    inputs = inputs_for(graph, seed)
    assert compare(run(graph, inputs), reference_for(graph, inputs)).agreed


@settings(max_examples=8, deadline=None)
@given(graphs(normal=True, views=False, dtypes=("f64", "c128"), max_operations=4), seeds)
def test_agrees_with_the_reference_in_wide_types(graph, seed):
    inputs = inputs_for(graph, seed)
    with jax.enable_x64(True):
        assert compare(run(graph, inputs), reference_for(graph, inputs)).agreed


def test_a_long_sum_in_bf16_is_kept_in_f32_until_its_end():
    terms = 600
    graph = Graph()
    a = graph.add(Input(family([1] * terms, [1] * terms, dtype="bf16"), ("A",), True))
    one = Operand(a, np.zeros(terms, np.int64))
    total = Product(family([1], [1], dtype="bf16"), one, one, target=np.zeros(terms, np.int64))
    graph.outputs = (Output(("G",), Operand(graph.add(total)), False),)
    ones = [np.ones((1, 1), DTYPES["bf16"].numpy)] * terms
    # Stored in bf16 after each term, the sum would stop growing at 256.
    assert run(graph, {"A": ones})["G"].item() == 600


# ---------------------------------------------------------------- executables


def dispatched(graph: Graph):
    return lower_dispatch(plan_graph(graph, Options(memory_limit=1 << 40)))


def test_there_is_one_executable_for_each_exact_shape():
    made = dispatched(pairs([(3, 4, 5), (5, 4, 3), (3, 4, 5), (3, 4, 5)]))
    assert len(made.launches.kinds) == 2 and len(made.launches.kind) == 4
    (report,) = made.stages
    assert [(c.form, c.tasks, c.m, c.k, c.n) for c in report.classes] == [
        ("exact", 3, 3, 4, 5),
        ("exact", 1, 5, 4, 3),
    ]
    assert sum(c.padded_flop for c in report.classes) == sum(c.flop for c in report.classes)


def test_factors_are_operands_so_that_they_need_no_executable_of_their_own():
    def scaled(factor: float) -> Graph:
        graph = Graph()
        type = family([3, 2], [4, 2])
        a = graph.add(Input(type, ("A",), True))
        graph.outputs = (
            Output(("Y",), Operand(graph.add(Combine(type, (Term(Operand(a), factor),)))), True),
        )
        return graph

    assert dispatched(scaled(2.5)).launches.kinds == dispatched(scaled(-0.125)).launches.kinds
    assert dispatched(scaled(2.5)).launches.kinds != dispatched(scaled(1)).launches.kinds


def test_the_heaviest_members_are_launched_first():
    graph = pairs([(2, 2, 2), (9, 9, 9), (5, 5, 5), (0, 1, 2)])
    assert dispatched(graph).launches.order.tolist() == [1, 2, 0]


def test_executables_are_compiled_side_by_side_and_counted(monkeypatch):
    clear_executables()
    threads, seen = set(), []
    compile_one = compiling._compile

    def watched(*arguments):
        threads.add(threading.current_thread().name)
        compile_one(*arguments)

    monkeypatch.setattr(compiling, "_compile", watched)
    assert dispatched(pairs([(2, 3, n) for n in range(1, 9)])).compile(
        lambda done, total: seen.append((done, total))
    )
    assert len(threads) > 1 and all("raggeddsl-compile" in name for name in threads)
    assert seen[-1] == (8, 8) and seen == sorted(seen)


def test_a_second_program_compiles_only_what_is_new_until_the_cache_is_cleared():
    first, second = pairs([(6, 5, 4), (4, 5, 6)]), pairs([(4, 5, 6), (4, 5, 7)])
    dispatched(first).compile()
    with compilations() as compiled:
        dispatched(second).compile()
        assert len(compiled) == 1
        clear_executables()
        dispatched(second).compile()
        assert len(compiled) == 3


def test_threads_that_compile_the_same_at_once_share_the_work():
    clear_executables()
    barrier = threading.Barrier(4)

    def compile_one():
        barrier.wait()
        dispatched(pairs([(3, 3, n) for n in range(1, 6)])).compile()

    with compilations() as compiled:
        threads = [threading.Thread(target=compile_one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(compiled) == 5


def test_a_failed_compilation_is_raised_and_tried_again(monkeypatch):
    clear_executables()
    jitted = Kind.jitted

    def broken(kind: Kind):
        if kind.n == 3:
            raise MemoryError("no room")
        return jitted(kind)

    graph = pairs([(2, 2, 2), (2, 2, 3), (2, 2, 4)])
    with monkeypatch.context() as patch, pytest.raises(MemoryError):
        patch.setattr(Kind, "jitted", broken)
        dispatched(graph).compile()
    assert dispatched(graph).compile()


def test_the_persistent_cache_takes_small_executables_too(tmp_path, monkeypatch):
    clear_executables()
    jax.clear_caches()
    from jax.experimental.compilation_cache import compilation_cache

    old = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    try:
        compilation_cache.reset_cache()
        dispatched(pairs([(3, 4, 5), (6, 7, 8)])).compile()
    finally:
        jax.config.update("jax_compilation_cache_dir", old)
        compilation_cache.reset_cache()
    assert len([file for file in tmp_path.iterdir() if "product_" in file.name]) >= 2


# ---------------------------------------------------------------- memory


def test_intermediates_are_let_go_when_their_last_reader_is_launched():
    graph = Graph()
    type = family([40] * 3, [40] * 3)
    a = graph.add(Input(type, ("A",), True))
    h = graph.add(Product(type, Operand(a), Operand(a)))
    y = graph.add(Product(type, Operand(h), Operand(h)))
    graph.outputs = (Output(("Y",), Operand(y), True),)
    made = dispatched(graph)
    made.compile()
    alive: list[int] = []
    refs: list[weakref.ref] = []

    def counted(function):
        def call(*operands):
            result = function(*operands)
            refs.append(weakref.ref(result))
            gc.collect()
            alive.append(sum(ref() is not None for ref in refs))
            return result

        return call

    made._executables = [
        compiling.ShapeProgram(counted(one.compiled), one.jitted) for one in made._executables
    ]
    made([[jnp.ones((40, 40)) * 0.01 for _ in range(3)]])
    # Three intermediates are made; then one is let go for each result that is made.
    assert alive == [1, 2, 3, 4, 4, 4]


def test_a_sum_gives_its_memory_on_and_leaves_inputs_alone():
    terms = 5
    graph = Graph()
    a = graph.add(Input(family([8] * terms, [8] * terms), ("A",), True))
    total = Combine(family([8], [8]), (Term(Operand(a)),), np.zeros(terms, np.int64))
    graph.outputs = (Output(("G",), Operand(graph.add(total)), False),)
    made = dispatched(graph)
    assert [kind.donated for kind in made.launches.kinds].count(True) >= 1
    given = [jnp.full((8, 8), float(i + 1)) for i in range(terms)]
    (result,) = made([given])
    np.testing.assert_array_equal(result[0], np.full((8, 8), 15.0))
    np.testing.assert_array_equal(given[0], np.ones((8, 8)))
    (again,) = made([given])
    np.testing.assert_array_equal(again[0], result[0])


# ---------------------------------------------------------------- the progress bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_is_drawn_on_a_terminal_only_after_a_second(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("raggeddsl.lowering.dispatch.progress.time.perf_counter", lambda: clock[0])
    terminal, file = Terminal(), io.StringIO()
    bars = [ProgressBar(terminal), ProgressBar(file)]
    for second, done in ((0.5, 10), (1.5, 20), (2.5, 30), (3.0, 40)):
        clock[0] = second
        for bar in bars:
            bar(done, 40)
    assert "20/40 shapes" in terminal.getvalue() and "10/40" not in terminal.getvalue()
    assert terminal.getvalue().endswith("\r\x1b[K"), "the bar is wiped at the end"
    assert file.getvalue() == ""
