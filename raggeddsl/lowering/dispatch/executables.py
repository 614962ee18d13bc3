"""Kinds in, compiled executables out: compiled in parallel threads, kept for every program of the process."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import jax

from raggeddsl.caches import registered
from raggeddsl.lowering.dispatch.kind import Kind
from raggeddsl.lowering.executable import Progress
from raggeddsl.lowering.jit_cache import everything_cached

_LARGEST_CACHE = 16384
"""Executables kept for programs to come (some 50 kB each); a program keeps its own."""


@dataclass(frozen=True, slots=True)
class ShapeProgram:
    """`compiled` runs on the default device; `jitted` is the same for arrays that live elsewhere."""

    compiled: Callable[..., Any]
    jitted: Callable[..., Any]


@dataclass(eq=False)
class _Job:
    """A kind that is compiled, or will be, by the program that asked for it first."""

    key: Hashable
    kind: Kind
    done: Future[ShapeProgram] = field(default_factory=Future)


_lock = Lock()
_cache: OrderedDict[Hashable, _Job] = OrderedDict()


def executables(kinds: Sequence[Kind], progress: Progress | None = None) -> list[ShapeProgram]:
    """One executable for each kind; those not in the cache are compiled in parallel threads.

    Lowering to StableHLO holds the GIL and obeys this thread's configuration of jax, so it stays
    here; XLA's compilation does neither, and overlaps with it.  Programs that are compiled at the
    same time share the work.
    """
    jobs, ours = _jobs(kinds)
    try:
        _compile_all(ours, len(kinds), progress or (lambda done, total: None))
    finally:
        _forget_failures(ours)
    return [job.done.result() for job in jobs]


@registered
def clear_executables() -> None:
    """Forget every executable that no program holds."""
    with _lock:
        _cache.clear()


def default_device() -> Any:
    """Where jax puts arrays, and so runs programs, unless it is told otherwise."""
    return jax.config.jax_default_device or jax.devices()[0]  # type: ignore[attr-defined]


def _jobs(kinds: Sequence[Kind]) -> tuple[list[_Job], list[_Job]]:
    """The job of each kind, and those among them that are new and so ours to do."""
    precision = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
    context = default_device(), precision
    jobs, ours = [], []
    with _lock:
        for kind in kinds:
            key = (kind, context)
            job = _cache.get(key)
            if job is None:
                job = _cache[key] = _Job(key, kind)
                ours.append(job)
            _cache.move_to_end(key)
            jobs.append(job)
        while len(_cache) > max(_LARGEST_CACHE, len(kinds)):
            _cache.popitem(last=False)
    return jobs, ours


def _compile_all(ours: Sequence[_Job], total: int, progress: Progress) -> None:
    if not ours:
        return
    before = total - len(ours)
    with ThreadPoolExecutor(min(len(ours), os.cpu_count() or 1), "raggeddsl-compile") as threads:
        try:
            for job in ours:
                jitted = job.kind.jitted()
                threads.submit(_compile, job, jitted, jitted.lower(*job.kind.operands()))
                progress(before, total)
            for number, job in enumerate(ours, before + 1):
                job.done.result()
                progress(number, total)
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _compile(job: _Job, jitted: Any, lowered: Any) -> None:
    try:
        with everything_cached():
            job.done.set_result(ShapeProgram(lowered.compile(), jitted))
    except BaseException as error:
        job.done.set_exception(error)


def _forget_failures(ours: Sequence[_Job]) -> None:
    """What failed, or was given up because another did, is tried again by whoever needs it next."""
    with _lock:
        for job in ours:
            if not job.done.done():
                job.done.set_exception(RuntimeError("given up, because another compilation failed"))
            if job.done.exception() is not None:
                _cache.pop(job.key, None)
