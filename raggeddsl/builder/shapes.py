"""What a caller says of shapes, members, numbers and element types in, columns and short names out."""

from __future__ import annotations

import operator
from typing import Any, NoReturn

import numpy as np

from raggeddsl.builder.nodes import Known
from raggeddsl.builder.words import members
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.dtypes import DTYPES, from_numpy
from raggeddsl.elaborate.state import MEMBER_LIMIT
from raggeddsl.elaborate.types import TOO_LARGE, meant_dtype, too_large
from raggeddsl.graph.nodes import Columns, FamilyType
from raggeddsl.graph.rules import TooLarge

SIZES = "sizes are whole numbers ≥ 0, and at most 2**63 - 1"
FORMS = "a matrix has two sizes, `(m, n)`; a scalar has none, `()`"


def dtype_name(dtype: Any) -> str:
    """The short name of a dtype given as one, or as NumPy or JAX have it; RMM307 for any other."""
    if isinstance(dtype, str) and dtype in DTYPES:
        return dtype
    try:
        short = None if dtype is None else from_numpy(dtype)
    except TypeError:
        short = None
    if short is not None:
        return short
    return _unknown_dtype(dtype)


def _unknown_dtype(dtype: Any) -> NoReturn:
    near = meant_dtype(dtype) if isinstance(dtype, str) else None
    help = f"did you mean `{near}`?" if near else f"dtypes are {', '.join(DTYPES)}"
    refuse("RMM307", f"unknown dtype `{dtype}`", help)


def known_type(name: str, shape: Any, shapes: Any, count: Any, dtype: str) -> Known:
    """The type that an input is declared with; one of `shape` and `shapes` is None."""
    if (shape is None) == (shapes is None):
        raise TypeError("give `shape=` for a single matrix or equal members, or `shapes=` for a family")
    known = _declared(name, shape, shapes, count, dtype)
    addressable(known, f"the input `{name}`")
    return known


def addressable(known: Known, what: str) -> None:
    """RMM318 if the bytes of all members of `what` cannot be counted in 63 bits."""
    words = too_large(known.type)
    if words is not None:
        refuse(TooLarge.code, f"{what} {words[0]}: {words[1]}", TOO_LARGE)


def _declared(name: str, shape: Any, shapes: Any, count: Any, dtype: str) -> Known:
    if shapes is not None:
        rows, cols, scalar = _many(name, shapes)
        if count is not None and whole_number(count, f"the `count` of `{name}`") != len(rows):
            refuse("RMM403", f"`{name}` has {members(len(rows))} by its shapes, but `count` is {count}")
        return Known(FamilyType(rows, cols, dtype, scalar), True)
    sizes = _one(name, shape)
    number = 1 if count is None else whole_number(count, f"the `count` of `{name}`")
    if number > MEMBER_LIMIT:
        message = f"`{name}` has {members(number)}, of which at most {MEMBER_LIMIT} (2**24) are planned for"
        refuse(
            "RMM402", message, "a plan takes some 200 bytes a member; split the work into several programs"
        )
    rows, cols = (np.full(number, size, np.int64) for size in (sizes or (1, 1)))
    return Known(FamilyType(rows, cols, dtype, scalar=not sizes), count is not None)


def _one(name: str, shape: Any) -> tuple[int, ...]:
    try:
        sizes = tuple(shape)
    except TypeError:
        refuse("RMM306", f"the shape of `{name}` is {shape!r}", FORMS)
    if len(sizes) not in (0, 2):
        refuse("RMM306", f"the shape of `{name}` has {len(sizes)} size{'s' * (len(sizes) != 1)}", FORMS)
    return tuple(whole_number(size, f"a size of `{name}`") for size in sizes)


def whole_number(value: Any, what: str) -> int:
    """`value` as a whole number ≥ 0; RMM405 if it is none."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**63:
        refuse("RMM405", f"{what} is {value!r}", SIZES)
    return number


def _many(name: str, shapes: Any) -> tuple[Columns, Columns, bool]:
    """The rows and columns of all members, int64[N] each, and whether they are scalars."""
    try:
        table = _table(shapes)
    except (TypeError, ValueError):
        refuse("RMM306", f"the shapes of `{name}` are not one pair of sizes a member", FORMS)
    if table.ndim == 1 and len(table) == 0:
        table = table.reshape(0, 2).astype(np.int64)
    if table.ndim != 2 or table.shape[1] not in (0, 2):
        _not_pairs(name, table)
    if table.shape[1] == 0:
        ones = np.ones(len(table), np.int64)
        return ones, ones, True
    sizes = whole_numbers(table, f"the shapes of `{name}`", "member")
    return np.ascontiguousarray(sizes[:, 0]), np.ascontiguousarray(sizes[:, 1]), False


def _table(shapes: Any) -> np.ndarray:
    """`shapes` as an array; integers beyond int64 stay what they are, which NumPy would make floats of."""
    if isinstance(shapes, np.ndarray):
        return shapes
    pairs = list(shapes)
    table = np.asarray(pairs)
    return np.array(pairs, object) if table.dtype.kind == "f" and table.ndim == 2 else table


def _not_pairs(name: str, table: np.ndarray) -> NoReturn:
    message = f"the shapes of `{name}` are an array of shape {table.shape}, not one pair of sizes a member"
    refuse("RMM306", message, FORMS)


def whole_numbers(values: Any, what: str, row: str) -> np.ndarray:
    """`values` as int64, each ≥ 0; RMM405 names the first that is not."""
    array = np.asarray(values)
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.hasobject:
        array = _plain_numbers(array, what, row)
    if array.dtype.kind not in "iu":
        refuse("RMM405", f"{what} are of type {array.dtype}, not whole numbers", SIZES)
    bad = array < 0 if array.dtype.kind == "i" else array > np.uint64(2**63 - 1)
    if bad.any():
        place = tuple(int(k) for k in np.argwhere(bad)[0])
        refuse("RMM405", f"{what} have {array[place]} for {row} {place[0]}", SIZES)
    return array.astype(np.int64)


def _plain_numbers(array: np.ndarray, what: str, row: str) -> np.ndarray:
    """What scalars of other kinds and integers beyond int64 are; RMM405 for those that no column holds."""
    numbers = [plain(entry) for entry in array.ravel()]
    for place, number in enumerate(numbers):
        if isinstance(number, int) and not -(2**63) <= number < 2**63:
            refuse("RMM405", f"{what} have {number} for {row} {place // (array.size // len(array))}", SIZES)
    return np.array(numbers).reshape(array.shape)


def plain(value: Any) -> Any:
    """The number that a concrete scalar holds, or that an object is by its `__index__`; else `value` itself.

    Scalars are those of NumPy and of JAX, and arrays without axes.  A tracer is no number yet.
    """
    if isinstance(value, bool | int | float | complex | str):
        return value.item() if hasattr(value, "item") else value  # np.float64 is a float
    try:
        if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
            return value.item()
        return operator.index(value)
    except TypeError:
        return value


# ---------------------------------------------------------------- pytrees


def matrices_of(name: str, tree: Any, dtype: Any) -> tuple[np.ndarray, str | None]:
    """int64[N, 2] shapes of the leaves, in order, and their dtype (None where there are no leaves)."""
    import jax

    shapes: list[tuple[int, int]] = []
    dtypes: dict[str, str] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        place = f"`{name}{jax.tree_util.keystr(path)}`"
        shape = getattr(leaf, "shape", None)
        if shape is None or len(shape) != 2:
            words = f"of type `{type(leaf).__name__}`" if shape is None else f"of shape {tuple(shape)}"
            help = "choose the matrices first, such as by `jax.tree.map` or a list of leaves"
            refuse("RMM306", f"the leaf {place} is {words}, not a matrix", help)
        shapes.append((int(shape[0]), int(shape[1])))
        dtypes.setdefault(str(leaf.dtype), place)
    table = np.array(shapes, np.int64).reshape(-1, 2)
    if dtype is not None:
        return table, dtype_name(dtype)
    if len(dtypes) > 1:
        (first, place), (second, second_place) = list(dtypes.items())[:2]
        message = f"the leaves of `{name}` differ in dtype: {place} is {first}, {second_place} is {second}"
        refuse("RMM307", message, "make one family for each, or give `dtype=`")
    return table, next((dtype_name(np.dtype(name)) for name in dtypes), None)
