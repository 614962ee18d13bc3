"""torch as ways, where it is installed: its loop, and padded batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from raggeddsl.bench.peers.padded import NOTE, padded, too_large, unpad
from raggeddsl.bench.peers.way import Limits, Skip, Way
from raggeddsl.bench.workload import Workload

SETTLE = 0.1  # libgomp's threads spin for some milliseconds after a parallel region


def torch_loop(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """The list comprehension over torch tensors, each product on torch's BLAS threads."""
    torch = _torch()
    if torch is None:
        return Skip("torch is not installed")
    resident = {
        name: [torch.from_numpy(x) for x in value] if isinstance(value, list) else torch.from_numpy(value)
        for name, value in inputs.items()
    }

    def call() -> Any:
        with torch.no_grad():
            return workload.natural(resident)

    return Way(call, call, lambda value: [x.numpy() for x in value], settle=SETTLE)


def torch_bmm(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """Padded stacks through `torch.vmap(member)`, which turns products into `torch.bmm`."""
    torch = _torch()
    if torch is None:
        return Skip("torch is not installed")
    if (skip := too_large(workload, limits)) is not None:
        return skip
    assert workload.member is not None
    member = workload.member
    stacks = {name: torch.from_numpy(padded(inputs[name])) for name in workload.families}
    alone = {name: torch.from_numpy(inputs[name]) for name in workload.shared}
    batched = torch.vmap(lambda row: member({**row, **alone}))

    def call() -> Any:
        with torch.no_grad():
            return batched(stacks)

    return Way(call, call, lambda value: unpad(value.numpy(), workload), settle=SETTLE, note=NOTE)


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        return None
    return torch
