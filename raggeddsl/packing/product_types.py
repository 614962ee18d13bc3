"""The element types of two lists of matrices in, those that their products are computed and given in out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from raggeddsl.caches import kept
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES, from_numpy, promote
from raggeddsl.packing.arrays import promoted

Types = Collection[tuple[np.dtype, bool]]
"""The element types of some matrices, each with whether it is weak as JAX has it."""


class ProductTypes(NamedTuple):
    """The language's types of both sides, that of the program, and the result's.

    `converted` says whether a side has another type than it is given as.
    """

    left: str
    right: str
    computed: str
    result: np.dtype
    converted: bool


@kept(128)
def product_types(
    left: frozenset[Any], right: frozenset[Any], preferred: np.dtype | None, x64: bool
) -> ProductTypes:
    """As `jnp.matmul` has them.  `computed` differs from `result` where products are rounded to it.

    Booleans, unsigned and 16-bit integers, which the language has not, are computed as i32: sums
    modulo 2^32 have the right remainder in every narrower type, and a sum of products of booleans
    is zero just where all are.  With floats they are converted to what `jnp.matmul` would compute
    in.  Raises RMM709 for other types, and for a preferred type that cannot hold the products.
    """
    common = promoted(left | right or _NONE)
    result = common if preferred is None else preferred
    operand_type, wanted = from_numpy(common), from_numpy(result)
    if operand_type is None:
        operand_type = _instead(common, wanted)
    _check_preferred(common, operand_type, result)
    sides = [_side(types, name, operand_type) for types, name in ((left, "As"), (right, "Bs"))]
    holding = "i32" if wanted is None and result.kind in "iu" else wanted
    computed = holding if holding is not None and promote(operand_type, holding) == holding else operand_type
    converted = any(
        dtype != DTYPES[short].numpy
        for types, short in zip((left, right), sides, strict=True)
        for dtype, _ in types
    )
    return ProductTypes(sides[0], sides[1], computed, result, converted)


def short_of(dtype: Any, name: str) -> str:
    """The short name of an element type.  Raises RMM709 for one that the language has not."""
    short = from_numpy(dtype)
    if short is None:
        known = ", ".join(str(d.numpy) for d in DTYPES.values())
        help = f"convert it with `.astype` to one of {known}"
        refuse("RMM709", f"{name} has element type {dtype}", help)
    return short


_NONE = {(np.dtype("float32"), False)}
_AS_I32 = frozenset(map(np.dtype, ("bool", "int16", "uint8", "uint16", "uint32")))
_HOLDS = ("integer", "float", "complex")


def _instead(common: np.dtype, wanted: str | None) -> str:
    """The type to compute in where the language has not the common one; narrow floats are rounded to."""
    if common not in _AS_I32:
        return short_of(common, "the result")
    if wanted is None or DTYPES[wanted].kind == "integer":
        return "i32"
    return DTYPES[wanted].accumulate


def _side(types: Types, name: str, operand_type: str) -> str:
    if all(weak for _, weak in types):
        return operand_type
    dtype = promoted(types)
    return operand_type if dtype in _AS_I32 else short_of(dtype, f"`{name}`")


def _check_preferred(common: np.dtype, operand_type: str, result: np.dtype) -> None:
    short = from_numpy(result)
    if short is None and result not in _AS_I32:
        short_of(result, "`preferred_element_type`")
    shown = short or result
    if DTYPES[operand_type].kind == "complex" and (short is None or DTYPES[short].kind != "complex"):
        help = "prefer a complex type, and take the real part of the results"
        refuse(
            "RMM709",
            f"`preferred_element_type` is {shown}, which cannot hold products of {operand_type}",
            help,
        )
    if (
        common.kind in "iu"
        and result.kind in "biu"
        and (result.itemsize < common.itemsize or result.kind == "b")
    ):
        help = "leave it out and convert the results with `.astype`"
        message = (
            f"`preferred_element_type` is {shown}, which is narrower than {from_numpy(common) or common}"
        )
        refuse("RMM709", message, help)
