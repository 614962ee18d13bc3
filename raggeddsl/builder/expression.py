"""A handle on what a builder will compute: `Expression`, with the operators of a spec."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from raggeddsl.builder.infer import result
from raggeddsl.builder.nodes import Binary, Known, Negate, Node, Number, Pick, Transpose
from raggeddsl.builder.shapes import plain
from raggeddsl.builder.words import members, shown
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.graph.factors import in_range
from raggeddsl.graph.nodes import Columns
from raggeddsl.graph.rules import transposed


class Scope:
    """The builder that expressions belong to, as they know it: what it takes for an operand."""

    def node_of(self, value: Any) -> Node:
        """The node of an operand: an expression of this builder, or a number."""
        if isinstance(value, Expression):
            if value.builder is not self:
                help = "a program is made by one builder; declare it there as an input"
                refuse("RMM212", f"`{shown(value.node)}` belongs to another builder", help)
            return value.node
        number = number_of(value)
        if number is None:
            kind = type(value).__name__
            help = "arrays are given when the program is called: declare them as an `input`"
            refuse("RMM317", f"a value of type `{kind}` is not part of the graph", help)
        return number

    def expression_of(self, value: Any, what: str) -> Node:
        """The node of an expression; RMM315 for a number."""
        if not isinstance(value, Expression):
            words = repr(value) if isinstance(value, int | float) else f"of type `{type(value).__name__}`"
            refuse("RMM315", f"{what} is {words}, not an expression", "start from `b.input(...)`")
        return self.node_of(value)


class Expression:
    """A family of N matrices (or scalars), or one, that a builder's program will compute.

    `A @ B`, `A + B`, `A - B`, `-A`, `s * A`, `A.T` mean what they mean in a spec, member by member;
    a single matrix goes with every member.  `A[3]` is one member, `A[owner]` (whole numbers) and
    `A[2:5]` are families of chosen members.  Nothing is computed until the program is called; shapes
    are checked at once, and a fault raises `RmmError` with the code that it has in a spec.

    As in a spec, `A @ B @ C` is one chain, whose order is chosen; `A @ (B @ C)` is kept, and
    `b.define("H", A @ B) @ C` is too.
    """

    __slots__ = ("builder", "node")

    # NumPy must not try to make an array of a handle, as it would in `np.float32(2) * A`.
    __array_ufunc__ = None
    __hash__ = object.__hash__

    def __init__(self, builder: Scope, node: Node) -> None:
        self.builder = builder
        self.node = node

    # ------------------------------------------------------------ what is known of it

    @property
    def family(self) -> bool:
        """Whether this is a family, not a single matrix or scalar."""
        return self._known().family

    @property
    def shapes(self) -> np.ndarray:
        """int64[N, 2], one row a member; of a single matrix one row, of scalars int64[N, 0]."""
        type = self._known().type
        if type.scalar:
            return np.zeros((len(type), 0), np.int64)
        return np.stack([type.rows, type.cols], axis=1)

    @property
    def dtype(self) -> str:
        """The element type by its short name, such as `f32`."""
        return self._known().type.dtype

    def __len__(self) -> int:
        known = self._known()
        if not known.family:
            raise TypeError(f"`{shown(self.node)}` is a single matrix, so it has no length")
        return len(known)

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Expression]:
        return (self[member] for member in range(len(self)))

    def __repr__(self) -> str:
        known = self.node.known
        if known is None:
            return f"<{shown(self.node)}>"
        type = known.type
        shape = "[]" if type.scalar else "[...]" if known.family else f"[{type.rows[0]},{type.cols[0]}]"
        count = f"{members(len(known))} of " if known.family else ""
        return f"<{shown(self.node)}: {count}{type.dtype}{shape}>"

    def _known(self) -> Known:
        if self.node.known is None:
            raise TypeError(f"`{shown(self.node)}` is a macro's parameter: it has no shape until a call")
        return self.node.known

    # ------------------------------------------------------------ operators

    def __matmul__(self, other: Any) -> Expression:
        return self._binary("@", self, other)

    def __rmatmul__(self, other: Any) -> Expression:
        return self._binary("@", other, self)

    def __mul__(self, other: Any) -> Expression:
        return self._binary("*", self, other)

    def __rmul__(self, other: Any) -> Expression:
        return self._binary("*", other, self)

    def __add__(self, other: Any) -> Expression:
        return self._binary("+", self, other)

    def __radd__(self, other: Any) -> Expression:
        return self._binary("+", other, self)

    def __sub__(self, other: Any) -> Expression:
        return self._binary("-", self, other)

    def __rsub__(self, other: Any) -> Expression:
        return self._binary("-", other, self)

    def __neg__(self) -> Expression:
        return Expression(self.builder, Negate(self.node, self.node.known))

    def __pos__(self) -> Expression:
        return self

    @property
    def T(self) -> Expression:
        """Each member transposed."""
        known = self.node.known
        if known is None:
            return Expression(self.builder, Transpose(self.node, None))
        type = transposed(known.type)
        if type is known.type:
            return self
        return Expression(self.builder, Transpose(self.node, Known(type, known.family)))

    def _binary(self, op: Literal["+", "-", "*", "@"], left: Any, right: Any) -> Expression:
        first, second = self.builder.node_of(left), self.builder.node_of(right)
        return Expression(self.builder, Binary(op, first, second, result(op, first, second)))

    # ------------------------------------------------------------ members

    def __getitem__(self, key: Any) -> Expression:
        known = self.node.known
        if known is None or not known.family:
            what = "a macro's parameter, which stands for one matrix" if known is None else "a single matrix"
            message = f"`{shown(self.node)}` is {what}, so it has no members"
            refuse("RMM407", message, "leave out the brackets")
        return Expression(self.builder, _picked(self.node, known, self._chosen(key, len(known))))

    def _chosen(self, key: Any, length: int) -> Columns | int:
        """The members that `key` means: one number, or int64[T]."""
        if isinstance(key, slice):
            return np.arange(length)[key]
        if not isinstance(key, bool | np.bool_) and (number := _index(key)) is not None:
            return self._one(number, length)
        try:
            chosen = np.asarray(key)
        except (TypeError, ValueError):
            chosen = np.asarray(None)
        if chosen.size == 0 and chosen.ndim == 1:
            return np.zeros(0, np.int64)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu":
            words = f"{type(key).__name__} of {chosen.dtype}" if chosen.ndim else type(key).__name__
            refuse(
                "RMM409",
                f"`{shown(self.node)}` is indexed by {words}",
                "in brackets stands a member's number, a slice, or one whole number for each member wanted",
            )
        bad = (chosen < 0) | (chosen >= length)
        if bad.any():
            place = int(bad.argmax())
            message = f"the map into `{shown(self.node)}` leads to member {chosen[place]} at {place}"
            refuse("RMM404", f"{message}, but it has {members(length)}", "members are counted from 0")
        return chosen.astype(np.int64)

    def _one(self, number: int, length: int) -> int:
        if not -length <= number < length:
            message = f"`{shown(self.node)}` has no member {number}: it has {members(length)}"
            refuse("RMM410", message, "members are counted from 0")
        return number % length


def _index(key: Any) -> int | None:
    try:
        return operator.index(key)
    except TypeError:
        return None


def _picked(node: Node, known: Known, chosen: Columns | int) -> Node:
    """The chosen members of `node`; taken where they are named, if only signs and `.T` are between."""
    type = known.type.take(np.array([chosen]) if isinstance(chosen, int) else chosen)
    taken = Known(type, family=not isinstance(chosen, int))
    match node:
        case Negate(x=x):
            assert x.known is not None
            return Negate(_picked(x, x.known, chosen), taken)
        case Transpose(x=x):
            assert x.known is not None
            return Transpose(_picked(x, x.known, chosen), taken)
        case Pick(source=source, members=picked):
            assert not isinstance(picked, int), "a single member has no members"
            through = picked[chosen]
            return Pick(source, int(through) if isinstance(chosen, int) else through, taken)
        case _:
            return Pick(node, chosen, taken)


def number_of(value: Any) -> Number | None:
    """A number as an operand, or None for what is none; RMM319 for one that is out of range."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    if not in_range(number):
        help = "whole numbers fit in 63 bits, others in a float64"
        refuse("RMM319", f"the number {number} is out of range", help)
    return Number(number)
