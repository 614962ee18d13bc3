"""Peak memory of one way, measured in a process of its own: a workload and a peer in, bytes out.

`first` is how far the resident set rises above where it stood with the inputs resident, over the
first call with all its compiling; `steady` the same for a later call, results included.  Linux
only, since only there a process can put its high-water mark back.  `bound` is what `steady` is
held against: nothing but results and what the plan says.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from raggeddsl.bench.peers import Limits, Skip, peer
from raggeddsl.bench.peers.ours import warm_up
from raggeddsl.bench.workload import Workload
from raggeddsl.bench.workloads import workload

TIMEOUT_S = 600.0
STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def memory(workload: Workload, name: str, limits: Limits) -> dict[str, int] | str:
    """`{"first": bytes, "steady": bytes}`, or the reason why it could not be measured."""
    if not CLEAR.exists():
        return "peak memory is measured on Linux only"
    # Freed memory must go back to the system, or the later call finds it already resident.
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(p for p in sys.path if p),
        "MALLOC_MMAP_THRESHOLD_": "65536",
        "MALLOC_TRIM_THRESHOLD_": "65536",
        "MALLOC_TOP_PAD_": "0",
    }
    words = [workload.name, name, json.dumps(asdict(limits))]
    command = [sys.executable, "-m", "raggeddsl.bench.memory", *words]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        return f"took more than {TIMEOUT_S:.0f} s"
    if done.returncode != 0:
        return (done.stderr.strip().splitlines() or [f"ended with code {done.returncode}"])[-1]
    return json.loads(done.stdout.splitlines()[-1])


def bound(result_bytes: int, scratch_bytes: int) -> float:
    """Bytes that a call may hold beside its inputs: its results, a tenth more, and its intermediates."""
    return 1.10 * result_bytes + scratch_bytes


def growth(chosen: Workload, name: str, limits: Limits) -> dict[str, int]:
    """The same in this process; raises `ValueError` where the way is skipped."""
    warm_up()
    way = peer(name)(chosen, chosen.inputs(), limits)
    if isinstance(way, Skip):
        raise ValueError(way.reason)
    first = _rise(way.first)
    return {"first": first, "steady": _rise(way.call)}


def _rise(call: Any) -> int:
    gc.collect()
    CLEAR.write_text("5")  # the high-water mark is now what is resident
    before = _status("VmRSS")
    value = call()
    after = _status("VmHWM")
    del value
    return max(0, after - before)


def _status(key: str) -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key + ":"))
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    _name, _peer, _limits = sys.argv[1:]
    sys.stdout.write(json.dumps(growth(workload(_name), _peer, Limits(**json.loads(_limits)))) + "\n")
