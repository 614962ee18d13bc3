"""`f32[m[i], k[i]]` in, a `FamilyType` out: dtype, rank, sizes and totals checked."""

from __future__ import annotations

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix, Label
from raggeddsl.diagnostics.source import Span
from raggeddsl.diagnostics.suggest import suggest
from raggeddsl.dtypes import DTYPES
from raggeddsl.elaborate.sizes import BadLines, Scope, size
from raggeddsl.elaborate.state import State
from raggeddsl.graph.nodes import FamilyType
from raggeddsl.graph.rules import TooLarge, addressable, shape
from raggeddsl.language import ast

OTHER_NAMES = {
    "float": "f32", "float32": "f32", "single": "f32", "fp32": "f32", "float64": "f64", "double": "f64",
    "fp64": "f64", "float16": "f16", "half": "f16", "fp16": "f16", "bfloat16": "bf16", "complex": "c64",
    "complex64": "c64", "complex128": "c128", "int": "i32", "int32": "i32", "int8": "i8", "s8": "i8",
    "s32": "i32", "tf32": "f32",
}  # fmt: skip
TOO_LARGE = "no machine holds this; look for a size that is wrong"


def meant_dtype(word: str) -> str | None:
    """The dtype that `word` was probably meant to be, of the kind that its first letter says; or None."""
    kind = word[:1].lower()
    return OTHER_NAMES.get(word) or suggest(word, [name for name in DTYPES if name[0] == kind])


def check_dtype(state: State, word: str, span: Span) -> bool:
    """Whether `word` names an element type that may be used; else an error was recorded."""
    dtype = DTYPES.get(word)
    if dtype is None:
        meant = meant_dtype(word)
        state.diagnostics.error(
            "RMM307",
            f"unknown dtype `{word}`",
            span,
            help=f"write `{meant}`" if meant else f"dtypes are {', '.join(DTYPES)}",
            fixes=[Fix(span, meant)] if meant else (),
        )
        return False
    if dtype.needs_x64 and state.options.x64 is False:
        state.diagnostics.error(
            "RMM308",
            f"`{word}` needs 64-bit types, which jax has switched off",
            span,
            help='call `jax.config.update("jax_enable_x64", True)` before anything else, '
            "or set `JAX_ENABLE_X64=1` in the environment",
        )
        return False
    return True


def usable(state: State, word: str) -> bool:
    """Whether `check_dtype` would accept `word`."""
    dtype = DTYPES.get(word)
    return dtype is not None and not (dtype.needs_x64 and state.options.x64 is False)


def type_dtype(state: State, type: ast.TypeExpr) -> str | None:
    """The dtype of an input's type: as written, or that of `option dtype`."""
    if type.dtype is not None:
        assert type.dtype_span is not None
        return type.dtype if check_dtype(state, type.dtype, type.dtype_span) else None
    if state.default_dtype is None and not _has_option(state):
        text = state.text(type.span)
        state.diagnostics.error(
            "RMM310",
            f"the type `{text}` has no dtype, and no `option dtype` gives a default",
            type.span,
            help=f"write `f32{text}`, or `option dtype = f32` once",
            fixes=[Fix(Span(type.span.start, type.span.start), "f32")],
        )
    return state.default_dtype


def _has_option(state: State) -> bool:
    """Whether the spec has an `option dtype`, if only a wrong one (which has been reported)."""
    return state.partial or any(
        isinstance(item, ast.Option) and item.key == "dtype" for item in state.program.items
    )


def shape_of(state: State, type: ast.TypeExpr, scope: Scope) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows and columns, int64[N] each, for every row of the domain; ones for `[]`."""
    length = scope.domain.length
    if len(type.shape) == 0:
        return np.ones(length, np.int64), np.ones(length, np.int64)
    sizes = [size(state, expr, scope) for expr in type.shape]
    if len(sizes) != 2:
        if scope.leaves is not None:
            raise BadLines
        _rank(state, type)
        return None
    rows, cols = (np.full(length, axis, np.int64) if isinstance(axis, int) else axis for axis in sizes)
    return None if rows is None or cols is None else (rows, cols)


def _rank(state: State, type: ast.TypeExpr) -> None:
    rank = len(type.shape)
    if rank == 1:
        inner = state.text(type.shape[0].span)
        written = f"{type.dtype or ''}[{inner}, 1]"
        help = f"write a column as `{written}`, a row as `{type.dtype or ''}[1, {inner}]`, a scalar as `[]`"
        fixes = [Fix(type.span, written)]
    else:
        help = "for a stack of matrices declare a family over an index: `input A[i] : f32[m[i], k[i]]`"
        fixes = []
    message = f"a type has two sizes, or none for a scalar; here are {rank}"
    state.diagnostics.error("RMM306", message, type.span, help=help, fixes=fixes)


def family_type(state: State, type: ast.TypeExpr, dtype: str | None, scope: Scope) -> FamilyType | None:
    """The type of all members, or None after an error was recorded."""
    sizes = shape_of(state, type, scope)
    if sizes is None or dtype is None:
        return None
    declared = FamilyType(*sizes, dtype, scalar=len(type.shape) == 0)
    if scope.leaves is None:
        return declared if fits_memory(state, declared, type.span) else None
    large = declared.rows.astype(np.float64) * declared.cols * 16 >= 2.0**62
    if large.any():
        raise BadLines(large)
    return declared


def fits_memory(state: State, type: FamilyType, span: Span) -> bool:
    """Whether the bytes of all members together can be counted in 63 bits; else an error."""
    words = too_large(type)
    if words is not None:
        message, here = f"this {words[0]}", [Label(span, words[1])]
        state.diagnostics.error(TooLarge.code, message, span, labels=here, help=TOO_LARGE)
    return words is None


def too_large(type: FamilyType) -> tuple[str, str] | None:
    """How many bytes the members take and what the largest is, where 63 bits cannot count them; or None."""
    mismatch = addressable(type)
    if mismatch is None:
        return None
    bits = mismatch.total.bit_length() - 1
    takes = f"takes about 2**{bits} bytes, more than the 2**63 - 1 that can be addressed"
    shown = show_type(type, mismatch.member)
    return takes, f"member {mismatch.member} is {shown}" if len(type) > 1 else shown


def show_type(type: FamilyType, row: int = 0) -> str:
    """`f32[32,96]`, as JAX prints it; `f32[?,?]` of a family without members."""
    if type.scalar:
        return f"{type.dtype}[]"
    rows, cols = shape(type, row) if len(type) else ("?", "?")
    return f"{type.dtype}[{rows},{cols}]"


def both_shapes(names: tuple[str, str], left: FamilyType, right: FamilyType, row: int) -> str:
    """`A[2] is f32[32,96], B[2] is f32[48,48]`, said once where both are one thing."""
    shown = f"{names[0]} is {show_type(left, row)}"
    return shown if names[0] == names[1] else f"{shown}, {names[1]} is {show_type(right, row)}"
