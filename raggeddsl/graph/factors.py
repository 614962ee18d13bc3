"""A number and the element type that it scales in; whether the one holds the other, or what two come to, out.

A factor has the type of the matrix that it scales, as a number of Python beside an array of `jax.numpy`
has.  Integers wrap, so factors of integers may always be multiplied into one, modulo 2**bits.  Those of
floats only while their product stays in range: `1e30 * (1e-30 * X)` is not `inf * X` on the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from raggeddsl.dtypes import DTYPES, promote, smallest

LARGEST_WHOLE = 2**63 - 1
_EXPONENTS = {"f16": 16, "bf16": 128, "f32": 128, "c64": 128, "f64": 1024, "c128": 1024}
"""What is about 2**exponent is infinite."""
_WIDER = ("i32", "f32", "f64")


@dataclass(frozen=True, slots=True)
class Misfit:
    """Why a number cannot be a factor: the `message`, what the type `holds`, and the mend as `help`."""

    message: str
    holds: str
    help: str


def fits(number: int | float, dtype: str) -> bool:
    """Whether `dtype` holds `number`: not as infinity, and not as zero unless it is zero."""
    if DTYPES[dtype].kind == "integer":
        least, most = _whole_range(dtype)
        return least <= number <= most
    size = abs(float(number))
    return size == 0 or (smallest(dtype) <= size < np.inf and not _infinite(size, dtype))


def in_range(number: int | float) -> bool:
    """Whether `number` can be written in a spec: whole in 63 bits, or finite in a float64."""
    return math.isfinite(number) and (isinstance(number, float) or abs(number) <= LARGEST_WHOLE)


def times(dtype: str, first: int | float, second: int | float) -> int | float | None:
    """The one factor that scales `dtype` as both do one after the other; None if there is no such.

    Integers wrap as NumPy's do.
    """
    if DTYPES[dtype].kind == "integer":
        least, most = _whole_range(dtype)
        return (int(first) * int(second) - least) % (most - least + 1) + least
    product = first * second
    if isinstance(product, int) and abs(product) > LARGEST_WHOLE:
        product = float(product)
    if product == 0 and first != 0 and second != 0:
        return None
    return product if fits(product, dtype) else None


def misfit(number: int | float, dtype: str) -> Misfit:
    """What to say of a `number` that `dtype` does not hold."""
    wider = next((candidate for candidate in _WIDER if _widens(number, dtype, candidate)), None)
    mend = f"make the result {promote(dtype, wider)} by a scalar: `input s : {wider}[]`" if wider else ""
    if DTYPES[dtype].kind == "integer":
        least, most = _whole_range(dtype)
        words = (
            f"the factor {number} does not fit in {dtype}",
            f"{dtype} holds whole numbers from {least} to {most}",
        )
    elif abs(number) < 1:
        words = (
            f"the factor {number} is 0 in {dtype}",
            f"{dtype} holds nothing nearer to 0 than {smallest(dtype):.2g}",
        )
        mend = mend or "scale in two steps, as `1e-200 * (1e-200 * X)`"
    else:
        largest = 2.0 ** (_EXPONENTS[dtype] - 1) * (2 - DTYPES[dtype].eps)
        words = f"the factor {number} is infinite in {dtype}", f"{dtype} holds numbers up to {largest:.5g}"
    return Misfit(*words, f"use another number, or {mend}" if mend else "use another number")


def _whole_range(dtype: str) -> tuple[int, int]:
    bits = 8 * DTYPES[dtype].itemsize
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def _infinite(size: float, dtype: str) -> bool:
    """Whether rounding to nearest takes `size` past the largest number."""
    exponent = _EXPONENTS[dtype]
    return size / 2.0 ** (exponent - 1) >= 2.0 - DTYPES[dtype].eps / 2


def _widens(number: int | float, dtype: str, scalar: str) -> bool:
    whole = DTYPES[promote(dtype, scalar)].kind == "integer"
    return fits(number, promote(dtype, scalar)) and not (whole and isinstance(number, float))
