"""A signature and a seed in, normally distributed inputs out: the same on every machine."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import jax
import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.pack import fresh
from raggeddsl.packing.signature import Group, Signature
from raggeddsl.ragged import Ragged

_PIECE = 1 << 20
"""About as many elements are drawn at a time."""
_LARGEST_INTEGER = 4


def random_inputs(signature: Signature, seed: int) -> dict[str, Any]:
    """A value for each input: a `Ragged` for a family, a `jax.Array` for a single matrix.

    Floats are normal with standard deviation 1 / (√rows + √columns + 2), so that no matrix has a
    spectral norm much above 1 (Davidson and Szarek, 2001, theorem II.13) and iterated polynomials
    stay finite; real and imaginary part share that variance.  Integers are uniform in -4 … 4.
    """
    generators = np.random.default_rng(seed).spawn(len(signature.groups))
    out: dict[str, Any] = {}
    for group, rng in zip(signature.groups, generators, strict=True):
        packed = Ragged(jax.device_put(_values(group, rng)), group.layout)
        if group.family:
            out[group.names[0]] = packed
        else:
            out.update(zip(group.names, packed.to_list(), strict=True))
    return out


def _values(group: Group, rng: np.random.Generator) -> np.ndarray:
    layout = group.layout
    values = fresh(layout.size, group.dtype)
    kind = DTYPES[group.short].kind
    if kind == "integer":
        values[:] = rng.integers(-_LARGEST_INTEGER, _LARGEST_INTEGER + 1, layout.size)
        return values
    if kind == "complex":
        _normal(values.real, layout, np.sqrt(0.5), rng)
        _normal(values.imag, layout, np.sqrt(0.5), rng)
    else:
        _normal(values, layout, 1.0, rng)
    return values


def _normal(values: np.ndarray, layout: Layout, factor: float, rng: np.random.Generator) -> None:
    """Fill `values` in pieces, since memory that is touched for the first time takes longest."""
    deviation = (factor / (np.sqrt(layout.rows) + np.sqrt(layout.cols) + 2.0)).astype(np.float32)
    ends = np.append(layout.offsets, layout.size)
    cuts = np.searchsorted(ends, np.arange(0, layout.size, _PIECE))
    for first, last in pairwise(np.unique(np.append(cuts, len(layout)))):
        drawn = rng.standard_normal(ends[last] - ends[first], np.float32)
        drawn *= np.repeat(deviation[first:last], layout.sizes[first:last])
        values[ends[first] : ends[last]] = drawn
