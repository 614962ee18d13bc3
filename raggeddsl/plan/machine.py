"""What this machine's memory is: the kernel's counters in, bytes out; limits of control groups count."""

from __future__ import annotations

import os
import sys
from pathlib import Path

UNKNOWN = sys.maxsize
"""What is answered where the system does not say: no plan is refused for a guess."""


def machine_memory(root: Path = Path("/")) -> int:
    """Bytes of memory that this process may ever have: the machine's, or its control group's limit."""
    total = _meminfo(root).get("MemTotal") or _physical_memory()
    return min([total, *(limit for limit, _ in _control_groups(root))])


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that this process could allocate now without swapping or being killed.

    Linux: the smaller of `MemAvailable` and, for each control group (v1 or v2) that this process
    is in, the limit less what is used and not reclaimable; elsewhere all physical memory.
    `root` is where `proc` and `sys` are mounted.
    """
    available = _meminfo(root).get("MemAvailable") or _physical_memory()
    return max(0, min([available, *(limit - used for limit, used in _control_groups(root))]))


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return UNKNOWN


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def _meminfo(root: Path) -> dict[str, int]:
    """The fields of `/proc/meminfo` in bytes; empty where there is none."""
    fields = {}
    for line in _read(root / "proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[0].isdigit():
            fields[name] = int(words[0]) * 1024
    return fields


def _control_groups(root: Path) -> list[tuple[int, int]]:
    """(limit, bytes used and not reclaimable) of each memory control group around this process."""
    limits = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, controllers, path = line.split(":", 2) if line.count(":") >= 2 else ("", "", "")
        if hierarchy == "0":
            top, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            top = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        limits += _limits_above(top, path, names)
    return limits


def _limits_above(top: Path, path: str, names: tuple[str, str, str]) -> list[tuple[int, int]]:
    """The limits from the group `path` up to `top`; a container sees its own group as `top`."""
    limit_name, used_name, cache_name = names
    parts = [part for part in path.split("/") if part and part != ".."]
    limits = []
    for depth in range(len(parts), -1, -1):
        group = top.joinpath(*parts[:depth])
        limit = _read(group / limit_name).strip()
        if not limit.isdigit() or int(limit) >= 1 << 62:
            continue
        used = _read(group / used_name).strip()
        limits.append((int(limit), max(0, int(used or 0) - _statistic(group, cache_name))))
    return limits


def _statistic(group: Path, name: str) -> int:
    """One field of `memory.stat`: file pages on the inactive list are given back on demand."""
    for line in _read(group / "memory.stat").splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return 0
