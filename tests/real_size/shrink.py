"""A spec that fails in, a smaller one that still fails out: greedily, as long as time is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from tests.real_size.spec import Spec


def shrink(spec: Spec, fails: Callable[[Spec], bool], seconds: float = 60.0) -> Spec:
    """Drop outputs, definitions, members and sizes as long as `fails` says that it still does."""
    end = time.monotonic() + seconds
    smaller = True
    while smaller and time.monotonic() < end:
        smaller = False
        for candidate in _candidates(spec):
            if time.monotonic() > end:
                break
            if fails(candidate):
                spec, smaller = candidate, True
                break
    return spec


def _candidates(spec: Spec) -> Iterator[Spec]:
    """Specs that are somewhat smaller, the much smaller ones first."""
    outputs = [line for line in spec.lines if line.output]
    if len(outputs) > 1:
        for line in outputs:
            yield replace(spec, lines=(*(other for other in spec.lines if not other.output), line))
        for line in outputs:
            yield replace(spec, lines=tuple(other for other in spec.lines if other is not line))
    for line in spec.used():
        # A definition on the way as the only output.
        if " = " in line.text and not line.output and not line.text.startswith("def "):
            shown = replace(line, output=True)
            before = spec.lines[: spec.lines.index(line)]
            yield replace(spec, lines=(*(replace(other, output=False) for other in before), shown))
    for index in spec.indexes:
        for keep in _subsets(index.members):
            yield spec.restricted(index.name, keep)
    largest = max((int(dim.sizes.max(initial=0)) for dim in spec.dims), default=0)
    for most in (largest // 8, largest // 2, largest - 1):
        if 0 < most < largest:
            yield spec.capped(most)


def _subsets(count: int) -> Iterator[np.ndarray]:
    """Which of `count` members to keep: halves, then all but a part."""
    at = np.arange(count)
    for share in (2, 4, 8):
        if count >= share:
            for part in range(share):
                inside = (at * share // count) == part
                yield inside if share == 2 else ~inside
