"""A signature and a seed in, normally distributed inputs out: the same on every machine."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.ragged import Ragged
from raggeddsl.runtime.pack import fresh
from raggeddsl.runtime.signature import Group, Signature

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
    deviation = 1.0 / (np.sqrt(layout.rows) + np.sqrt(layout.cols) + 2.0)
    scale = np.repeat(deviation.astype(np.float32), layout.sizes)
    if kind == "complex":
        values.real = rng.standard_normal(layout.size, np.float32) * (scale / np.float32(np.sqrt(2)))
        values.imag = rng.standard_normal(layout.size, np.float32) * (scale / np.float32(np.sqrt(2)))
        return values
    values[:] = rng.standard_normal(layout.size, np.float32) * scale
    return values
