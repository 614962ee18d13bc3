"""The operators of `Ragged`: with numbers, with another `Ragged`, with one matrix.

Elementwise operations are those of `jax.numpy` on the packed elements, so types promote as there;
`@` is `raggeddsl.matmul`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.configuration import x64_enabled
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.packing.layout import Layout
from raggeddsl.ragged.products import multiply, side_of


class Arithmetic:
    """The operators of `Ragged`, apart from how it holds its members."""

    __slots__ = ()

    __array_ufunc__ = None
    """NumPy arrays and scalars on the left leave the operation to us."""

    if TYPE_CHECKING:
        layout: Layout

        @property
        def data(self) -> Any: ...

        def row_major(self) -> Self: ...

        @classmethod
        def of_value(cls, value: Any, layout: Layout, dtype: Any) -> Self: ...

    # ------------------------------------------------------------ element by element

    def __neg__(self) -> Self:
        return _like(self, jnp.negative(self.data))

    def __pos__(self) -> Self:
        return _like(self, self.data)

    def __add__(self, other: Any) -> Self:
        return _elementwise(jnp.add, "+", self, other)

    def __radd__(self, other: Any) -> Self:
        return _elementwise(jnp.add, "+", other, self)

    def __sub__(self, other: Any) -> Self:
        return _elementwise(jnp.subtract, "-", self, other)

    def __rsub__(self, other: Any) -> Self:
        return _elementwise(jnp.subtract, "-", other, self)

    def __mul__(self, other: Any) -> Self:
        return _elementwise(jnp.multiply, "*", self, other)

    def __rmul__(self, other: Any) -> Self:
        return _elementwise(jnp.multiply, "*", other, self)

    def __truediv__(self, other: Any) -> Self:
        return _elementwise(jnp.true_divide, "/", self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return _elementwise(jnp.true_divide, "/", other, self)

    # ------------------------------------------------------------ products

    def __matmul__(self, other: Any) -> Self:
        return _product(self, other)

    def __rmatmul__(self, other: Any) -> Self:
        return _product(other, self)


def _like(ragged: Any, data: Any) -> Any:
    return ragged if data is ragged.data else ragged.of_value(data, ragged.layout, data.dtype)


def _product(left: Any, right: Any) -> Any:
    for side in (left, right):
        if not isinstance(side, Arithmetic) and not _array(side):
            _refuse_plain("@", "two Ragged, or a Ragged and one matrix", side)
            return NotImplemented
        if _array(side) and np.ndim(side) != 2:
            refuse(
                "RMM711",
                f"`@` takes two Ragged, or a Ragged and one matrix; this array has shape {np.shape(side)}",
                "make a stack of matrices a Ragged: `rd.Ragged.from_list(stack)`",
            )
    products = multiply(side_of(left, "As"), side_of(right, "Bs"))
    return products.held_by(type(left if isinstance(left, Arithmetic) else right))


def _elementwise(operation: Callable[..., Any], sign: str, left: Any, right: Any) -> Any:
    """`operation` on the elements of two `Ragged` of equal shapes, or of one and a number."""
    if isinstance(left, Arithmetic) and isinstance(right, Arithmetic):
        if left.layout is not right.layout:
            _check_shapes(sign, left.layout, right.layout)
            if left.layout is not right.layout:
                left, right = left.row_major(), right.row_major()
        return _like(left, operation(left.data, right.data))
    ragged, number = (left, right) if isinstance(left, Arithmetic) else (right, left)
    if not _array(number) and not isinstance(number, int | float | complex):
        _refuse_plain(sign, "two Ragged, or a Ragged and a number", number)
        return NotImplemented
    if np.ndim(number) != 0:
        help = (
            "`ragged.scale(s)` has a factor for each member, `s` of shape (N,)"
            if sign in "*/"
            else ("make a Ragged of what is to be added to each member")
        )
        message = (
            f"`{sign}` takes two Ragged, or a Ragged and a number; this array has shape {np.shape(number)}"
        )
        refuse("RMM711", message, help)
    first, second = (x.data if isinstance(x, Arithmetic) else x for x in (left, right))
    try:
        return _like(ragged, operation(first, second))
    except OverflowError:
        raise OverflowError(_too_large(sign, ragged, number)) from None


def _too_large(sign: str, ragged: Any, number: Any) -> str:
    """What to say of a whole number that jax has no integer type for, as `jnp.multiply` refuses it."""
    bits = 64 if x64_enabled() else 32
    mend = (
        f'convert the Ragged, as by `ragged.astype("float32")`, and write the number as {number}.0'
        if jnp.issubdtype(ragged.dtype, jnp.integer)
        else f"write it as {number}.0"
    )
    return (
        f"`{sign}` of a Ragged of {ragged.dtype} and {number}: the number does not fit in {bits} bits; {mend}"
    )


def _refuse_plain(sign: str, wanted: str, value: Any) -> None:
    """Raise RMM711 for plain values of Python; objects of other kinds may know what to do themselves."""
    if isinstance(value, int | float | complex):
        refuse("RMM711", f"`{sign}` takes {wanted}, not a number", "scale by a number with `*`")
    if value is None or isinstance(value, list | tuple | str | bytes | Mapping):
        help = "`rd.Ragged.from_list` makes a Ragged of a list of matrices"
        if sign in "*/":
            help += "; `ragged.scale(s)` has a factor for each member"
        refuse("RMM711", f"`{sign}` takes {wanted}, not a value of type `{type(value).__name__}`", help)


def _array(value: Any) -> bool:
    return isinstance(value, jax.Array | np.ndarray | np.generic) or hasattr(value, "__jax_array__")


def _check_shapes(sign: str, left: Layout, right: Layout) -> None:
    """Raise RMM710 unless the members have equal shapes, in whatever order they lie."""
    if left.row_major is right.row_major:
        return
    if len(left) != len(right):
        message = f"`{sign}` of Ragged with {len(left)} and {len(right)} members"
        refuse("RMM710", message, "members are taken in pairs: there must be as many on either side")
    wrong = np.flatnonzero((left.shapes != right.shapes).any(axis=1) | (left.scalar != right.scalar))
    member, more = int(wrong[0]), len(wrong) - 1
    also = f" (and {more} more member{' differs' if more == 1 else 's differ'})" if more else ""
    shapes = left.shape(member), right.shape(member)
    refuse(
        "RMM710",
        f"`{sign}` of Ragged whose members differ in shape: member {member} is {shapes[0]} on the left and "
        f"{shapes[1]} on the right{also}",
        "transpose one side: `ragged.T`" if shapes[0] == shapes[1][::-1] else "members are not broadcast",
    )
