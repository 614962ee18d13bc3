"""A program is traced and compiled once, whatever it is called with and from; and once for all processes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.native.library import library
from tests.processes import printed
from tests.programs import compilations

KERNELS = ["xla", pytest.param("native", marks=pytest.mark.skipif(isinstance(library(), str), reason="none"))]
SHAPES = [(3, 4), (2, 5), (6, 1)]


def values(seed):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape).astype("f") for shape in SHAPES]


@pytest.fixture
def traces():
    """A list that grows with each function that jax traces."""
    seen, active = [], [True]

    def listen(event, duration, **_):
        if active and event == "/jax/core/compile/jaxpr_trace_duration":
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    active.clear()


@pytest.mark.parametrize("kernel", KERNELS)
def test_other_values_forms_and_threads_compile_nothing(kernel, traces):
    text = (
        "index i in 3\ndim m[i] = [3, 2, 6]\ndim n[i] = [4, 5, 1]\n"
        "input A[i] : f32[m[i], n[i]]\noutput G[i] = A[i] @ A[i].T\n"
    )
    program = rd.compile(text, target="fused", kernel=kernel)
    work = [
        lambda seed: program({"A": values(seed)})["G"].data,
        lambda seed: program({"A": rd.Ragged.from_list(values(seed))})["G"].data,
        lambda seed: program({"A": jax.device_put(values(seed))})["G"].data,
        lambda seed: rd.matmul(values(seed), [a.T for a in values(seed)], kernel=kernel)[1],
        lambda seed: rd.tree_map("X @ X.T", values(seed))[2],
    ]
    for each in work:
        each(0)
    assert traces
    with compilations() as compiled, ThreadPoolExecutor(4) as threads:
        del traces[:]
        for seed in range(1, 4):
            for found in [threads.submit(each, seed) for each in work]:
                jax.block_until_ready(found.result())
            for each in work:
                each(seed)
    assert compiled == [] and traces == []


def test_under_jit_it_is_traced_with_its_caller_and_not_again(traces):
    count = []

    @jax.jit
    def outer(ragged, factor):
        count.append(1)
        return (ragged @ ragged.T * factor).norm()

    for seed in range(3):
        outer(rd.Ragged.from_list(values(seed)), 2.0 + seed)
        if seed == 0:
            del traces[:]
    with compilations() as compiled, ThreadPoolExecutor(2) as threads:
        for found in [threads.submit(outer, rd.Ragged.from_list(values(s)), 1.0) for s in (7, 8)]:
            found.result()
    assert len(count) == 1 and compiled == [] and traces == []


CHILD = """
import json, jax, numpy as np, raggeddsl as rd
counts = {"requests": 0, "hits": 0}
def listen(event, **_):
    counts["requests"] += event == "/jax/compilation_cache/compile_requests_use_cache"
    counts["hits"] += event == "/jax/compilation_cache/cache_hits"
jax.monitoring.register_event_listener(listen)
pairs = [np.ones((3, 4), "f"), np.ones((2, 5), "f")], [np.ones((4, 2), "f"), np.ones((5, 5), "f")]
rd.matmul(*pairs, target=TARGET, kernel=KERNEL)
print(json.dumps(counts))
"""


@pytest.mark.parametrize("target", ["fused", "dispatch"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_another_process_takes_it_from_the_persistent_cache(target, kernel, tmp_path):
    """Though it compiles in less than the second below which JAX would not keep it."""
    cache = tmp_path / "cache"
    code = CHILD.replace("TARGET", repr(target)).replace("KERNEL", repr(kernel))
    first, second = (
        json.loads(printed(code, tmp_path, JAX_COMPILATION_CACHE_DIR=str(cache))) for _ in range(2)
    )
    kept = {file.name for file in cache.iterdir()}
    assert first["requests"] > 0 == first["hits"]
    assert second["hits"] == second["requests"] == first["requests"]
    assert kept


def test_a_new_layout_is_what_it_takes_to_compile_anew():
    other = jnp.zeros((7, 3))
    with compilations() as compiled:
        rd.matmul([np.ones((7, 3), "f")], [np.ones((3, 9), "f")], target="fused", kernel="xla")
        once = len(compiled)
        rd.matmul([other], [np.ones((3, 9), "f")], target="fused", kernel="xla")
    assert once == len(compiled) == 1
