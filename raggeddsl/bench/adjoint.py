"""A workload's levels run backwards in float64: cotangents of its results in, those of its inputs out.

Reverse accumulation by hand, level by level, so that gradients are checked against something that
knows neither raggeddsl's derivatives nor JAX's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from raggeddsl.bench.workload import Level, Operand, Workload

Families: TypeAlias = dict[str, list[np.ndarray]]
"""The members f64[m, n] of each family by name; a single matrix is a family of one."""


def cotangents(workload: Workload, inputs: Mapping[str, Any], of_results: Sequence[np.ndarray]) -> Families:
    """The cotangents of all inputs, where those of the results are `of_results`, [m, n] each."""
    now = _wide(workload, inputs)
    before: list[tuple[list[np.ndarray], list[np.ndarray]]] = []
    for level in workload.levels:
        before.append((_read(now, level.a), _read(now, level.b)))
        _forwards(level, now, *before[-1])
    adjoints = {name: [np.zeros(shape) for shape in shapes] for name, shapes in workload.shapes.items()}
    adjoints[workload.out] = [member.astype(np.float64) for member in of_results]
    for level, (a, b) in zip(reversed(workload.levels), reversed(before), strict=True):
        _backwards(level, adjoints, a, b)
    return {name: adjoints[name] for name in inputs}


def _wide(workload: Workload, inputs: Mapping[str, Any]) -> Families:
    """Everything that the levels name: inputs in float64, the rest zeros."""
    now = {name: [np.zeros(shape) for shape in shapes] for name, shapes in workload.shapes.items()}
    for name, value in inputs.items():
        members = value if isinstance(value, list) else [value]
        now[name] = [member.astype(np.float64) for member in members]
    return now


def _read(now: Families, operand: Operand) -> list[np.ndarray]:
    """The operand of every row, as it is multiplied."""
    family = now[operand.name]
    taken = family if operand.members is None else [family[member] for member in operand.members.tolist()]
    return [member.T for member in taken] if operand.transposed else list(taken)


def _targets(level: Level, rows: int) -> list[int]:
    return list(range(rows)) if level.target is None else level.target.tolist()


def _forwards(level: Level, now: Families, a: list[np.ndarray], b: list[np.ndarray]) -> None:
    out = list(now[level.out] if level.copy is None else now[level.copy])
    for target, x, y in zip(_targets(level, len(a)), a, b, strict=True):
        out[target] = level.alpha * (x @ y) + level.beta * out[target]
    now[level.out] = out


def _backwards(level: Level, adjoints: Families, a: list[np.ndarray], b: list[np.ndarray]) -> None:
    """From the cotangent of what the level wrote to those of its operands and of what it wrote over."""
    out, adjoints[level.out] = adjoints[level.out], [np.zeros_like(member) for member in adjoints[level.out]]
    for row, target in enumerate(_targets(level, len(a))):
        scaled = level.alpha * out[target]
        _add(adjoints, level.a, row, scaled @ b[row].T)
        _add(adjoints, level.b, row, a[row].T @ scaled)
        out[target] = level.beta * out[target]
    under = level.out if level.copy is None else level.copy
    adjoints[under] = [adjoint + addend for adjoint, addend in zip(adjoints[under], out, strict=True)]


def _add(adjoints: Families, operand: Operand, row: int, value: np.ndarray) -> None:
    member = row if operand.members is None else int(operand.members[row])
    adjoints[operand.name][member] += value.T if operand.transposed else value
