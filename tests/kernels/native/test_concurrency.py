"""Many calls at once, from XLA's threads and from Python's, never wait for each other's queued work."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import jax
import numpy as np
import pytest

from raggeddsl.kernels.native.kernel import NativeKernel
from tests.kernels.native.running import packed, pairs, planned
from tests.strategies import inputs_for

ROOT = Path(__file__).parents[3]
WATCHDOG = 240  # seconds; each script takes a few


def in_a_new_process(script: str, **environment: str) -> str:
    """What a script prints; it is killed, and the test fails, when it does not end."""
    env = {**os.environ, "PYTHONWARNINGS": "ignore", **environment}
    # As in these tests, an installed raggeddsl comes before the checkout.
    text = f"import sys\nsys.path.append({str(ROOT)!r})\n" + textwrap.dedent(script)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", text],
            env=env,
            capture_output=True,
            text=True,
            timeout=WATCHDOG,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"the process hangs; it had printed {late.stdout!r}")
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr[-3000:]}"
    return done.stdout


SIXTEEN = """
    import jax, numpy as np
    from raggeddsl.kernels.native.kernel import NativeKernel
    from tests.kernels.native.running import pairs, packed, planned
    from tests.strategies import inputs_for

    # Sixteen results of 200,000 elements, each some milliseconds' work, so that XLA runs several at
    # once: smaller programs hide an executor that waits for what is only queued.
    plan = planned(pairs([(50, 1500, 100)] * 40))
    lowered = NativeKernel(workers=8).lower(plan)
    a, b = (jax.device_put(x) for x in packed(plan, inputs_for(plan.graph, 1)))
    assert plan.buffers[plan.outputs[0]].size == 200_000

    @jax.jit
    def sixteen(a, b, tables):
        return [lowered.run((a * float(i), b), tables)[0] + 1 for i in range(16)]

    tables = jax.device_put(lowered.tables)
    first = jax.block_until_ready(sixteen(a, b, tables))
    for _ in range(15):
        again = sixteen(a, b, tables)
    for one, other in zip(first, jax.block_until_ready(again)):
        np.testing.assert_array_equal(one, other)
    (alone,) = jax.jit(lowered.run)((a, b), tables)
    np.testing.assert_allclose(first[4], 4 * alone + 1, rtol=1e-6)  # a scale by 4 rounds nothing
    print("done")
"""


@pytest.mark.parametrize("devices", ["1", "8"])
def test_sixteen_independent_calls_in_one_program_end(devices):
    flags = f"--xla_force_host_platform_device_count={devices}"
    assert in_a_new_process(SIXTEEN, XLA_FLAGS=flags) == "done\n"


@pytest.mark.parametrize("programs", [1, 8])
def test_eight_python_threads_get_the_right_results(programs):
    made = []
    for number in range(programs):
        plan = planned(pairs([(30 + number, 20, 40)] * 50 + [(200, 100, 150)]))
        lowered = NativeKernel(workers=4).lower(plan)
        inputs = [jax.device_put(x) for x in packed(plan, inputs_for(plan.graph, number))]
        tables = jax.device_put(lowered.tables)
        run = jax.jit(lowered.run)
        made.append((run, inputs, tables, np.asarray(run(inputs, tables)[0])))
    wrong, start = [], threading.Barrier(8)

    def work(number: int) -> None:
        run, inputs, tables, wanted = made[number % programs]
        start.wait()
        for _ in range(25):
            (found,) = run(inputs, tables)
            if not np.array_equal(np.asarray(found), wanted):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)
    assert not any(thread.is_alive() for thread in threads), "a call hangs"
    assert not wrong


BITS = """
    import hashlib, os, sys
    if os.environ["CORES"] == "1" and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    import jax, numpy as np
    from tests.kernels.native.running import gram, pairs, planned, run_buffers
    from tests.kernels.native.test_schedule import chain, meeting
    from tests.strategies import inputs_for
    from tests.tunings import tuned

    digest = hashlib.sha256()
    graphs = [chain(300, 4), meeting(200), meeting(100, "bf16"), pairs([(30, 100, 1500)], "f64"),
              gram([(300, 100), (20, 7), (64, 64)], addend=0.5), pairs([(200, 300, 100)] + [(5, 6, 7)] * 500)]
    for graph in graphs:
        plan, inputs = planned(graph), inputs_for(graph, 1)
        for repeat in range(3):
            found = run_buffers(plan, inputs, workers=8, tuning=tuned(heavy_cost=1e5))
            one = b"".join(x.tobytes() for x in found)
            assert repeat == 0 or one == last, "two calls differ"
            last = one
        digest.update(last)
    print(digest.hexdigest())
"""


def test_bits_are_the_same_for_one_thread_and_many():
    ways = {
        "one core": {"CORES": "1"},
        "as it comes": {"CORES": "all"},
        "eight threads": {"CORES": "all", "XLA_FLAGS": "--xla_force_host_platform_device_count=8"},
        "no pool": {"CORES": "all", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"},
    }
    found = {way: in_a_new_process(BITS, **environment) for way, environment in ways.items()}
    assert len(set(found.values())) == 1, found


FORK = """
    import os, signal
    from raggeddsl.native.library import library
    from tests.kernels.native.running import pairs, planned, run
    from tests.strategies import inputs_for

    assert not isinstance(library(), str)  # loaded and self-tested before the fork
    plan = planned(pairs([(30, 40, 50)] * 200))
    inputs = inputs_for(plan.graph, 1)
    child = os.fork()
    if child == 0:
        signal.alarm(120)
        run(plan, inputs)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the child ended with {status}"
    run(plan, inputs)  # the parent too
    print("done")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_runs_after_a_fork_of_a_process_that_has_not_used_jax():
    assert in_a_new_process(FORK) == "done\n"


NEIGHBOURS = """
    import threading
    import numpy as np, scipy.linalg
    {imports}
    import jax
    from raggeddsl.kernels.native.kernel import NativeKernel
    from tests.kernels.native.running import pairs, packed, planned
    from tests.strategies import inputs_for

    plan = planned(pairs([(30, 40, 50)] * 200 + [(300, 200, 300)]))
    lowered = NativeKernel().lower(plan)
    inputs = [jax.device_put(x) for x in packed(plan, inputs_for(plan.graph, 1))]
    run, tables = jax.jit(lowered.run), jax.device_put(lowered.tables)
    x = np.random.default_rng(0).standard_normal((300, 300)).astype(np.float32)
    ways = {{
        "ours": lambda: np.asarray(run(inputs, tables)[0]),
        "numpy": lambda: x @ x,
        "scipy": lambda: scipy.linalg.lu_factor(x)[0],
        {way}
    }}
    wanted = {{name: way() for name, way in ways.items()}}
    wrong = []

    def work(name):
        for _ in range(20):
            if not np.allclose(ways[name](), wanted[name], rtol=1e-3, atol=1e-3):
                wrong.append(name)

    threads = [threading.Thread(target=work, args=(name,)) for name in ways for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert not wrong, wrong
    print("done")
"""


def test_runs_beside_numpy_and_scipy():
    assert in_a_new_process(NEIGHBOURS.format(imports="", way="")) == "done\n"


@pytest.mark.parametrize("first", ["torch", "jax"])
def test_runs_beside_torch(first):
    pytest.importorskip("torch", reason="torch is not installed")
    imports = "import torch" if first == "torch" else "import jax; jax.devices(); import torch"
    way = '"torch": lambda: torch.mm(torch.from_numpy(x), torch.from_numpy(x)).numpy(),'
    assert in_a_new_process(NEIGHBOURS.format(imports=imports, way=way)) == "done\n"
