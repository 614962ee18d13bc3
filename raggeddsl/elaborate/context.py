"""Where an expression stands: `Context`, passed down; the only way to add nodes and to report faults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from raggeddsl.diagnostics.diagnostic import Fix, Label
from raggeddsl.diagnostics.source import Span
from raggeddsl.elaborate.domain import Domain
from raggeddsl.elaborate.members import members
from raggeddsl.elaborate.size_origins import axis_label
from raggeddsl.elaborate.sizes import BadLines, Scope
from raggeddsl.elaborate.state import Cause, State
from raggeddsl.elaborate.types import fits_memory
from raggeddsl.elaborate.values import Constant, Matrix, Part, Use, Value, of_use, term
from raggeddsl.graph import rules
from raggeddsl.graph.nodes import Arithmetic, Chain, Combine, FamilyType, Node, Operand, Origin, Transpose
from raggeddsl.language import ast

MAX_DEPTH = 200
"""Brackets and calls within each other, those inside called functions included."""


@dataclass(frozen=True, eq=False)
class Context:
    """The surroundings of an expression.

    `turn` decides which names may be used; `parameters` are those of the function whose body this
    is, and `site` the call in the spec that led here; `leaves` gives the values of names in like
    lines by place (see `likelines`); `kept` is the dtype that products are kept in, if not that of
    their factors; `empty` is the declared type, which gives an empty sum its shape.
    """

    state: State
    domain: Domain
    turn: int
    origin: Origin
    arithmetic: Arithmetic = field(default_factory=Arithmetic)
    kept: str | None = None
    accum_span: Span | None = None
    parameters: Mapping[str, Value | None] | None = None
    site: Span | None = None
    leaves: Mapping[int, Matrix | None] | None = None
    empty: FamilyType | None = None
    depth: int = 0

    @property
    def scope(self) -> Scope:
        return Scope(self.turn, self.domain)

    def inside(self) -> Context:
        """One bracket further in, where the definition's declared type says nothing."""
        return replace(self, depth=self.depth + 1, empty=None)

    def deeper(self) -> Context:
        """One bracket further in."""
        return replace(self, depth=self.depth + 1)

    # ---- faults

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        bad: np.ndarray | None = None,
        here: str | None = None,
        labels: Iterable[Label | None] = (),
        help: str | None = None,
        fixes: Iterable[Fix] = (),
    ) -> None:
        """Record a fault at `span`, or at the call that led here; like lines raise `BadLines`."""
        if self.leaves is not None:
            raise BadLines(bad)
        placed = [label for label in labels if label is not None]
        if self.site is not None:
            placed.insert(0, Label(span, here or "in this function"))
            here, fixes = None, ()
        elif here is not None:
            placed.insert(0, Label(span, here))
        self.state.diagnostics.error(code, message, self.site or span, labels=placed, help=help, fixes=fixes)

    def refuse(self, bad: np.ndarray | None = None) -> None:
        """Leave a fault in like lines to the line by line way, before any words are made."""
        if self.leaves is not None:
            raise BadLines(bad)

    def axis(self, cause: Cause | None, bad: np.ndarray, size: int) -> Label | None:
        """A label at the declaration that gave the first bad row its size."""
        return None if cause is None else axis_label(self.state, cause, int(bad.argmax()), size)

    # ---- nodes

    def add(self, node: Node) -> int | None:
        """Add a node, unless the operations that a program may expand to are spent."""
        if not self.spend(self.site):
            return None
        if not fits_memory(self.state, node.type, self.site or self.origin.span or Span(0, 0)):
            return None
        return self.state.graph.add(node)

    def spend(self, place: Span | None) -> bool:
        """Count one operation; False once there are too many, which is said once."""
        state = self.state
        state.spent += 1
        if state.spent <= state.options.max_operations:
            return True
        if state.spent == state.options.max_operations + 1:
            self.too_large(place or self.origin.span or Span(0, 0))
        return False

    def too_large(self, place: Span) -> None:
        """Say that the program expands to too many operations."""
        limit = self.state.options.max_operations
        self.state.diagnostics.error(
            "RMM211",
            f"the program expands to more than {limit} operations",
            place,
            help="iterate less often, or raise `max_operations`",
        )

    @property
    def exhausted(self) -> bool:
        return self.state.spent > self.state.options.max_operations

    def rows(self, constant: bool) -> int | None:
        """How many rows a value has that is worked out here: None for one that is constant."""
        return None if constant else self.domain.length


def close(ctx: Context, value: Matrix) -> Matrix | None:
    """`value` as one bare use of a node, adding the nodes that it still needs."""
    if value.use is not None:
        return value
    parts = []
    for part in value.parts:
        closed = close_part(ctx, part)
        if closed is None:
            return None
        parts.append(closed)
    if len(parts) == 1 and parts[0].bare:
        return Matrix((parts[0],), value.type, value.constant, value.causes)
    length = ctx.rows(value.constant)
    key = ctx.add(Combine(value.type, tuple(term(part, length) for part in parts), origin=ctx.origin))
    return None if key is None else of_use(Use(Operand(key), value.constant), value.type, value.causes)


def close_part(ctx: Context, part: Part) -> Part | None:
    """`part` with its open chain, if it is one, made a node."""
    if isinstance(part.x, Use):
        return part
    constant = part.x.constant
    factors = tuple(factor.over(ctx.rows(constant)) for factor in part.x.factors)
    key = ctx.add(Chain(part.type, factors, ctx.arithmetic, ctx.state.left, ctx.origin))
    return None if key is None else replace(part, x=Use(Operand(key), constant))


def use_of(ctx: Context, value: Matrix) -> Use | None:
    """`value` closed, as the use of a node that it then is."""
    closed = close(ctx, value)
    return None if closed is None else closed.use


def transposed(ctx: Context, value: Matrix) -> Matrix | None:
    """Each member transposed; a scalar is its own transpose."""
    type = rules.transposed(value.type)
    if type is value.type:
        return value
    use = use_of(ctx, value)
    if use is None:
        return None
    key = ctx.add(Transpose(type, use.operand, ctx.origin))
    if key is None:
        return None
    return of_use(Use(Operand(key), value.constant), type, (value.causes[1], value.causes[0]))


def is_matrix(ctx: Context, value: Value | None, expr: ast.Expr, place: str) -> bool:
    """Whether `value` is a matrix or scalar, not a number; `place` says where it stands."""
    if isinstance(value, Constant):
        text = ctx.state.text(expr.span)
        ctx.error(
            "RMM315",
            f"`{text}` is a number, but {place}",
            expr.span,
            help="a number has no shape: it may scale a matrix with `*`; "
            "a matrix that holds it is an `input`",
        )
        return False
    return value is not None


# ---------------------------------------------------------------- names in messages


def in_text(ctx: Context, expr: ast.Expr) -> str:
    """The expression as it is written."""
    return ctx.state.text(expr.span)


def describe(ctx: Context, expr: ast.Expr, row: int | None = None) -> str:
    """The expression's name in `row` of the domain (None: in no particular one)."""
    while isinstance(expr, ast.Group) and isinstance(expr.inner, ast.Ref | ast.Group):
        expr = expr.inner
    if isinstance(expr, ast.Transpose):
        inner = describe(ctx, expr.operand, row)
        return f"{inner}.T"
    if not isinstance(expr, ast.Ref) or expr.index is None or row is None:
        text = in_text(ctx, expr)
        return text if isinstance(expr, ast.Ref | ast.Group) else f"`{text}`"
    picked = members(ctx.state, expr.index, ctx.domain, ctx.turn)
    if picked is None:
        return in_text(ctx, expr)
    column = picked.picked
    member = row if column is None else column if isinstance(column, int) else int(column[row])
    return f"{expr.name}[{member}]"
