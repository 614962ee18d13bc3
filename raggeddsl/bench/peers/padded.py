"""Padding as ways: every member padded to its family's largest shape, then `vmap`, `lax.map` or `torch.bmm`.

Inputs are padded before the clock starts and results are left padded: both in favour of padding.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from raggeddsl.bench.peers.way import Limits, Skip, Way
from raggeddsl.bench.workload import Workload

NOTE = "inputs padded beforehand"
NOTHING_TO_PAD_TO = "results do not pair with members one to one, so there is nothing to pad to"


def pad_vmap(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """`jax.jit(jax.vmap(member))` over padded stacks f32[N, max m, max k]."""
    import jax

    if (skip := too_large(workload, limits)) is not None:
        return skip
    stacks, alone = _on_device(workload, inputs)
    member = _member(workload)

    @jax.jit
    def program(stacks: Any, alone: Any) -> Any:
        return jax.vmap(lambda row: member({**row, **alone}))(stacks)

    def call() -> Any:
        return jax.block_until_ready(program(stacks, alone))

    return Way(call, call, lambda value: unpad(np.asarray(value), workload), note=NOTE)


def pad_map(workload: Workload, inputs: Mapping[str, Any], limits: Limits) -> Way | Skip:
    """`jax.lax.map(member, stacks)`: padded, one member after another."""
    import jax

    if (skip := too_large(workload, limits)) is not None:
        return skip
    stacks, alone = _on_device(workload, inputs)
    member = _member(workload)

    @jax.jit
    def program(stacks: Any, alone: Any) -> Any:
        return jax.lax.map(lambda row: member({**row, **alone}), stacks)

    def call() -> Any:
        return jax.block_until_ready(program(stacks, alone))

    return Way(call, call, lambda value: unpad(np.asarray(value), workload), note=NOTE)


def too_large(workload: Workload, limits: Limits) -> Skip | None:
    """A reason not to pad: no member-wise form, or more memory than allowed."""
    if workload.member is None:
        return Skip(NOTHING_TO_PAD_TO)
    return over_limit(padded_bytes(workload), limits)


def over_limit(needed: int, limits: Limits, what: str = "padding takes") -> Skip | None:
    """A reason not to pad to `needed` bytes: more than allowed.  `what` takes them."""
    if needed <= limits.padding or limits.force:
        return None
    return Skip(
        f"{what} {needed / 2**30:.1f} GiB, more than {limits.padding / 2**30:.1f} "
        f"(--padding-limit {needed / 2**30 + 0.05:.1f} tries)"
    )


def padded_bytes(workload: Workload) -> int:
    """Bytes of all inputs and results, each padded to its family's largest shape."""
    families = [*workload.families.values(), workload.results]
    return 4 * sum(len(s) * int(np.prod(s.max(axis=0, initial=0))) for s in families)


def padded(members: list[np.ndarray], shape: tuple[int, ...] | None = None) -> np.ndarray:
    """f32[N, *shape], zeros where a member is smaller; without `shape` the largest member's sizes."""
    if shape is None:
        shape = tuple(np.array([member.shape for member in members]).max(axis=0).tolist())
    stack = np.zeros((len(members), *shape), np.float32)
    for place, member in zip(stack, members, strict=True):
        place[: member.shape[0], : member.shape[1]] = member
    return stack


def unpad(stack: np.ndarray, workload: Workload) -> list[np.ndarray]:
    """The members of a padded result."""
    return [padded[:m, :n] for padded, (m, n) in zip(stack, workload.results.tolist(), strict=True)]


def _member(workload: Workload) -> Any:
    assert workload.member is not None, "too_large has answered already"
    return workload.member


def _on_device(workload: Workload, inputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    import jax
    import jax.numpy as jnp

    stacks = {name: jnp.array(padded(inputs[name])) for name in workload.families}
    alone = {name: jnp.array(inputs[name]) for name in workload.shared}
    return jax.block_until_ready((stacks, alone))
