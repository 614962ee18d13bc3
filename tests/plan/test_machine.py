"""Memory of the machine: as the system says, and never more than a control group allows."""

from __future__ import annotations

from pathlib import Path

from raggeddsl.plan.machine import available_memory, machine_memory

GIB = 1 << 30
MEMINFO = "MemTotal: 16777216 kB\nMemFree: 1048576 kB\nMemAvailable: 8388608 kB\nHugePages_Total: 0\n"


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_this_machine_has_memory_and_some_of_it_is_free():
    assert 1 << 20 < available_memory() <= machine_memory()


def test_without_control_groups_meminfo_is_believed(tmp_path):
    system(tmp_path, {})
    assert (machine_memory(tmp_path), available_memory(tmp_path)) == (16 * GIB, 8 * GIB)


def test_a_group_of_version_2_limits_and_its_file_cache_counts_as_free(tmp_path):
    system(
        tmp_path,
        {
            "proc/self/cgroup": "0::/app/job\n",
            "sys/fs/cgroup/app/job/memory.max": f"{4 * GIB}\n",
            "sys/fs/cgroup/app/job/memory.current": f"{3 * GIB}\n",
            "sys/fs/cgroup/app/job/memory.stat": f"anon 5\ninactive_file {GIB}\n",
        },
    )
    assert (machine_memory(tmp_path), available_memory(tmp_path)) == (4 * GIB, 2 * GIB)


def test_the_tightest_group_above_counts_and_max_is_no_limit(tmp_path):
    system(
        tmp_path,
        {
            "proc/self/cgroup": "0::/app/job\n",
            "sys/fs/cgroup/app/job/memory.max": "max\n",
            "sys/fs/cgroup/app/memory.max": f"{2 * GIB}\n",
            "sys/fs/cgroup/app/memory.current": f"{GIB // 2}\n",
        },
    )
    assert (machine_memory(tmp_path), available_memory(tmp_path)) == (2 * GIB, 3 * GIB // 2)


def test_a_group_of_version_1_limits(tmp_path):
    system(
        tmp_path,
        {
            "proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/abc\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{3 * GIB}\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
        },
    )
    assert (machine_memory(tmp_path), available_memory(tmp_path)) == (3 * GIB, 2 * GIB)


def test_a_group_over_its_limit_leaves_nothing_rather_than_less(tmp_path):
    system(
        tmp_path,
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/memory.current": f"{2 * GIB}\n",
        },
    )
    assert available_memory(tmp_path) == 0


def test_without_proc_physical_memory_is_the_answer(tmp_path):
    assert available_memory(tmp_path) == machine_memory(tmp_path) > 1 << 20
