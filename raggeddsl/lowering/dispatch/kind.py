"""The exact form of a task in, a traceable function on whole members out: what one small executable does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, assert_never

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.plan.plan import Op


@dataclass(frozen=True, slots=True)
class Form:
    """How a member is stored: its element type, and `[]` instead of `[1, 1]` in a scalar family."""

    dtype: str
    scalar: bool = False

    def struct(self, rows: int, cols: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(() if self.scalar else (rows, cols), DTYPES[self.dtype].numpy)


@dataclass(frozen=True, slots=True)
class Kind:
    """Everything that one executable depends on; tasks of equal kind share it, in every program.

    `out = alpha * s * op(a) @ op(b) + c` (PRODUCT), `alpha * s * op(a) + c` (COMBINE) or zeros,
    as in the task table; `alpha` says whether there is such an operand (else it is 1), so that
    other factors need no executable of their own.  `c` is None where the task stores.  Operands
    are converted to `dtype`, sums are kept in `work`.  `donated` gives the memory of c to the
    result.
    """

    op: Op
    m: int
    n: int
    k: int
    a: Form | None
    a_t: bool
    b: Form | None
    b_t: bool
    s: Form | None
    alpha: bool
    c: Form | None
    donated: bool
    out: Form
    dtype: str
    work: str
    precision: str

    def operands(self) -> tuple[jax.ShapeDtypeStruct, ...]:
        """The shapes and types of a, b, s, alpha and c, those that there are, in this order."""
        width = self.k if self.op == Op.PRODUCT else self.n
        structs = []
        if self.a is not None:
            structs.append(self.a.struct(*((width, self.m) if self.a_t else (self.m, width))))
        if self.b is not None:
            structs.append(self.b.struct(*((self.n, self.k) if self.b_t else (self.k, self.n))))
        if self.s is not None:
            structs.append(self.s.struct(1, 1))
        if self.alpha:
            structs.append(jax.ShapeDtypeStruct((), factor_dtype(self.work)))
        if self.c is not None:
            structs.append(self.c.struct(self.m, self.n))
        return tuple(structs)

    def jitted(self) -> Any:
        """A jitted function of `operands()`."""
        donated = (len(self.operands()) - 1,) if self.donated else ()
        function = partial(compute, self)
        function.__name__ = f"{self.op.name.lower()}_{self.m}_{self.n}_{self.k}"  # type: ignore[attr-defined]
        return jax.jit(function, donate_argnums=donated)


def factor_dtype(work: str) -> np.dtype:
    """The type of an `alpha` operand where sums are kept in `work`: real, since factors are."""
    real = {"c64": "f32", "c128": "f64"}.get(work, work)
    return DTYPES[real].numpy


def compute(kind: Kind, *operands: Any) -> Any:
    """What a task of this kind does; `operands` as listed by `Kind.operands`."""
    remaining = iter(operands)
    work = DTYPES[kind.work].numpy
    match kind.op:
        case Op.ZERO:
            value = jnp.zeros((kind.m, kind.n), work)
        case Op.COMBINE:
            value = _matrix(next(remaining), kind.dtype).astype(work)
            value = value.T if kind.a_t else value
        case Op.PRODUCT:
            value = _product(kind, next(remaining), next(remaining))
        case _:
            assert_never(kind.op)
    if kind.s is not None:
        value = _matrix(next(remaining), kind.dtype).astype(work) * value
    if kind.alpha:
        value = next(remaining).astype(work) * value
    if kind.c is not None:
        value = value + _matrix(next(remaining), kind.work)
    shape = () if kind.out.scalar else (kind.m, kind.n)
    return value.reshape(shape).astype(DTYPES[kind.out.dtype].numpy)


def _product(kind: Kind, a: Any, b: Any) -> Any:
    """`op(a) @ op(b)` in `work`; narrow factors are multiplied as they are and summed in f32."""
    narrow = kind.dtype in ("bf16", "f16") and kind.work == "f32"
    factors = kind.dtype if narrow else kind.work
    contracted = ((0 if kind.a_t else 1,), (1 if kind.b_t else 0,))
    return jax.lax.dot_general(
        _matrix(a, factors),
        _matrix(b, factors),
        (contracted, ((), ())),
        precision=jax.lax.Precision(kind.precision),
        preferred_element_type=DTYPES[kind.work].numpy,
    )


def _matrix(x: Any, dtype: str) -> Any:
    """A member as a matrix of `dtype`, `[1, 1]` if it is a scalar."""
    return (x.reshape(1, 1) if x.ndim == 0 else x).astype(DTYPES[dtype].numpy)
