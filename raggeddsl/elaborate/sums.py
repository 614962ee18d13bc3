"""`sum(body for t if …)` in, one accumulating `Combine` out: which rows of which domain reach what."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from raggeddsl.diagnostics.diagnostic import Label
from raggeddsl.elaborate.arithmetic import spread
from raggeddsl.elaborate.context import Context, close_part, in_text, is_matrix
from raggeddsl.elaborate.declarations import domain_of
from raggeddsl.elaborate.domain import Domain
from raggeddsl.elaborate.members import Members, column, members
from raggeddsl.elaborate.state import MEMBER_LIMIT
from raggeddsl.elaborate.types import show_type
from raggeddsl.elaborate.uses import walk
from raggeddsl.elaborate.values import Matrix, Part, Use, Value, of_use, term
from raggeddsl.graph import rules
from raggeddsl.graph.nodes import Columns, Combine, FamilyType, Operand
from raggeddsl.language import ast


@dataclass(frozen=True, eq=False)
class Reach:
    """The rows a sum runs over, and which row of the outer domain each adds to.

    `target` None: all add to one result, the same for every outer row.
    """

    domain: Domain
    target: Columns | None


@dataclass(frozen=True, eq=False)
class Entered:
    """A sum whose rows are known: `inside` is where its body is to be evaluated."""

    inside: Context
    reach: Reach


def enter(ctx: Context, expr: ast.Sum) -> Entered | None:
    """The rows that a sum runs over; None after an error was recorded."""
    if expr.index in ctx.domain.variables:
        ctx.error(
            "RMM412",
            f"`{expr.index}` already has a value here, so it cannot be summed over",
            expr.index_span,
            help="sum over another index of the same length",
        )
        return None
    over = domain_of(ctx.state, expr.index, expr.index_span, ctx.turn)
    if over is None:
        return None
    reach = _reach(ctx, expr, over.length)
    if reach is None:
        return None
    parameters = ctx.parameters
    if parameters is not None and reach.target is not None:
        parameters = {name: _seen(value, reach.target) for name, value in parameters.items()}
    return Entered(replace(ctx.inside(), domain=reach.domain, parameters=parameters), reach)


def add_up(ctx: Context, expr: ast.Sum, entered: Entered, body: Value | None) -> Matrix | None:
    """The value of a sum whose body has this value over `entered.inside`."""
    if not is_matrix(ctx, body, expr.body, "`sum` adds matrices"):
        return None
    assert isinstance(body, Matrix)
    return _gather(ctx, entered.inside, expr, body, entered.reach)


def _seen(value: Value | None, rows: Columns) -> Value | None:
    """A parameter's value, which ranges over the outer domain, over the rows of the sum."""
    if not isinstance(value, Matrix) or value.constant:
        return value
    use = value.use
    assert use is not None, "arguments are closed"
    use_members = use.operand.members
    causes = tuple(None if cause is None else cause.through(rows) for cause in value.causes)
    seen = Use(
        Operand(use.operand.node, rows if use_members is None else use_members[rows], use.operand.transposed),
        False,
    )
    return of_use(seen, value.type.take(rows), (causes[0], causes[1]))


# ---------------------------------------------------------------- which rows


def _reach(ctx: Context, expr: ast.Sum, length: int) -> Reach | None:
    outer = ctx.domain
    if expr.condition is not None:
        done, joined = _join(ctx, expr, expr.condition, length)
        if done:
            return joined
    if not _reads_outer(ctx, expr):
        return _filtered(ctx, expr, Domain(length, {expr.index: None}), None)
    if outer.length * length > MEMBER_LIMIT:
        ctx.error(
            "RMM402",
            f"this sums over all {outer.length * length} pairs, of which at most {MEMBER_LIMIT} "
            "(2**24) are planned for",
            expr.span,
            help="list the pairs that matter in a table over an index of their own, and sum over that "
            "with `if o[t] == e`",
        )
        return None
    rows = np.repeat(np.arange(outer.length), length)
    pairs = outer.take(rows).bind(expr.index, np.tile(np.arange(length), outer.length))
    return _filtered(ctx, expr, pairs, rows)


def _reads_outer(ctx: Context, expr: ast.Sum) -> bool:
    """Whether body or condition need to know which outer row they are in."""
    mentioned = walk(expr.body, "matrix")
    if expr.condition is not None:
        mentioned += walk(expr.condition.left, "variable") + walk(expr.condition.right, "variable")
    parameters = ctx.parameters or {}
    for use in mentioned:
        if use.wanted == "variable" and use.name in ctx.domain.variables:
            return True
        value = parameters.get(use.name) if use.wanted == "matrix" else None
        if isinstance(value, Matrix) and not value.constant:
            return True
    return False


def _join(ctx: Context, expr: ast.Sum, condition: ast.Condition, length: int) -> tuple[bool, Reach | None]:
    """The quick way for `o[t] == e`, e being the index of the definition: t adds to row o[t].

    Gives whether the condition was of that form, and the rows, None if there was an error.
    """
    for side, opposite in ((condition.left, condition.right), (condition.right, condition.left)):
        if not isinstance(side, ast.Ref) or side.index is not None:
            continue
        if ctx.domain.variables.get(side.name, 0) is not None or _mentions(opposite, ctx.domain):
            continue
        chosen = members(ctx.state, opposite, Domain(length, {expr.index: None}), ctx.turn)
        if chosen is None:
            return True, None
        if chosen.index == side.name:
            target = column(chosen.picked, length)
            return True, Reach(ctx.domain.take(target).bind(expr.index, None), target)
    return False, None


def _mentions(expr: ast.Expr, domain: Domain) -> bool:
    return any(use.name in domain.variables for use in walk(expr, "variable"))


def _filtered(ctx: Context, expr: ast.Sum, domain: Domain, target: Columns | None) -> Reach | None:
    """The rows of `domain` where the condition holds."""
    condition = expr.condition
    if condition is None:
        return Reach(domain, target)
    left = members(ctx.state, condition.left, domain, ctx.turn)
    right = members(ctx.state, condition.right, domain, ctx.turn)
    if left is None or right is None or not _comparable(ctx, condition, left, right):
        return None
    holds = column(left.picked, domain.length) == column(right.picked, domain.length)
    rows = np.flatnonzero(holds)
    return Reach(domain.take(rows), None if target is None else target[rows])


def _comparable(ctx: Context, condition: ast.Condition, left: Members, right: Members) -> bool:
    if left.index is not None and right.index is not None and left.index != right.index:
        ctx.error(
            "RMM412",
            f"`{ctx.state.text(condition.span)}` compares a member of `{left.index}` with one of "
            f"`{right.index}`",
            condition.span,
            help="both sides must be members of one index",
        )
        return False
    for side, opposite, written in ((left, right, condition.left), (right, left, condition.right)):
        length = None if opposite.index is None else ctx.state.length(opposite.index)
        member = side.picked if side.index is None else None
        if length is not None and isinstance(member, int) and member >= length:
            ctx.error(
                "RMM410",
                f"`{opposite.index}` has no member {member}: it has {length}",
                written.span,
                help="members are counted from 0",
            )
            return False
    return True


# ---------------------------------------------------------------- adding up


def _gather(ctx: Context, inside: Context, expr: ast.Sum, value: Matrix, reach: Reach) -> Matrix | None:
    length = reach.domain.length
    constant = reach.target is None
    target = np.zeros(length, np.int64) if reach.target is None else reach.target
    results = 1 if constant else ctx.domain.length
    whole = spread(value.type, inside, constant=False)
    first = rules.first_terms(whole, target, results)
    if isinstance(first, rules.TermsDiffer):
        _terms_differ(ctx, inside, expr, replace(value, type=whole), first)
        return None
    if value.constant:
        type: FamilyType | rules.NoTerms = value.type.take(np.zeros(results, np.int64))
    else:
        type = rules.summed(whole, first, ctx.empty)
    if isinstance(type, rules.NoTerms):
        _no_terms(ctx, expr, type, constant)
        return None
    parts: list[Part] = []
    for part in value.parts:
        closed = close_part(inside, part)
        if closed is None:
            return None
        parts.append(closed)
    terms = tuple(term(part, length) for part in parts)
    key = ctx.add(Combine(type, terms, target, ctx.origin))
    if key is None:
        return None
    causes = tuple(None if cause is None else cause.through(first) for cause in value.causes)
    return of_use(Use(Operand(key), constant), type, (causes[0], causes[1]))


def _terms_differ(
    ctx: Context, inside: Context, expr: ast.Sum, value: Matrix, mismatch: rules.TermsDiffer
) -> None:
    type, rows = value.type, np.arange(len(mismatch.bad))
    this, first = rows == mismatch.member, rows == mismatch.first
    shapes = rules.shape(type, mismatch.member), rules.shape(type, mismatch.first)
    labels = []
    for axis, (size, first_size) in enumerate(zip(*shapes, strict=True)):
        if size != first_size:
            labels.append(inside.axis(value.causes[axis], this, size))
            labels.append(inside.axis(value.causes[axis], first, first_size))
    ctx.error(
        mismatch.code,
        f"the terms of `{in_text(ctx, expr)}` differ in shape{inside.domain.rows(mismatch.bad)}",
        expr.body.span,
        here=f"this is {show_type(type, mismatch.member)}{inside.domain.rows(this)}, "
        f"but {show_type(type, mismatch.first)}{inside.domain.rows(first)}",
        labels=labels,
        help="only equal shapes add; group the terms by a map and a condition: `if o[t] == e`",
    )


def _no_terms(ctx: Context, expr: ast.Sum, mismatch: rules.NoTerms, constant: bool) -> None:
    where = "" if constant else ctx.domain.rows(mismatch.bad)
    ctx.error(
        mismatch.code,
        f"`{in_text(ctx, expr)}` has no terms{where}, so its shape is not known",
        expr.span,
        labels=[Label(ctx.origin.span, "no type is declared here")] if ctx.origin.span else (),
        help="declare the type of the definition: `output C[e] : f32[p[e], q[e]] = sum(...)`",
    )
