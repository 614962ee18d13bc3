"""An operation and what is known of its operands in, what is known of its value out; or an `RmmError`.

The rules are those of `graph/rules.py`, as for the text of a spec, so a fault has the same code in
both; here are its words.  Where an operand is a macro's parameter nothing is known, and nothing is
checked until the macro is called.
"""

from __future__ import annotations

from typing import Literal, NoReturn, TypeAlias, assert_never

import numpy as np

from raggeddsl.builder.nodes import Binary, Known, Node, Number, single
from raggeddsl.builder.shapes import addressable
from raggeddsl.builder.words import members, shape_of, shown, where
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.graph import rules
from raggeddsl.graph.factors import misfit
from raggeddsl.graph.nodes import Columns, FamilyType

Sign: TypeAlias = Literal["+", "-", "*", "@"]

ANY_MATRIX = single(1, 1, "f32").type
"""Stands for a parameter beside a number: what is wrong whatever matrix it is, is wrong now."""

BY_MAP = "say which member belongs to which by a map: `B[owner]`, with one whole number for each member"


def result(op: Sign, left: Node, right: Node) -> Known | None:
    """What is known of `left op right`."""
    numbers = isinstance(left, Number) or isinstance(right, Number)
    if (_unknown(left) or _unknown(right)) and (op == "*" or not numbers):
        return None
    _same_length(op, left, right)
    type = _type(op, _side(left), _side(right))
    if not isinstance(type, FamilyType):
        _refuse(op, left, right, type)
    known = Known(type, any(side.known is not None and side.known.family for side in (left, right)))
    if op == "@":
        addressable(known, f"`{_text(op, left, right)}`")
    return known


def _unknown(node: Node) -> bool:
    return node.known is None and not isinstance(node, Number)


def _side(node: Node) -> rules.Side:
    """The node as the type rules take it."""
    if isinstance(node, Number):
        return node.value
    return ANY_MATRIX if node.known is None else node.known.type


def _same_length(op: Sign, left: Node, right: Node) -> None:
    mismatch = rules.lengths(_length(left), _length(right))
    if mismatch is not None:
        _refuse(op, left, right, mismatch)


def _length(node: Node) -> int | None:
    """The members of a family; None for what goes with every member."""
    return len(node.known) if node.known is not None and node.known.family else None


Unfit: TypeAlias = (
    rules.LengthsDiffer
    | rules.NoMatrix
    | rules.InnerSizes
    | rules.Unscalable
    | rules.KindsDiffer
    | rules.ShapesDiffer
)


def _type(op: Sign, left: rules.Side, right: rules.Side) -> FamilyType | Unfit:
    match op:
        case "@":
            return rules.product(left, right)
        case "*":
            return rules.scaled(left, right)
        case "+" | "-":
            return rules.added(left, right)
        case _:
            assert_never(op)


# ---------------------------------------------------------------- words


def _text(op: Sign, left: Node, right: Node) -> str:
    return shown(Binary(op, left, right, None))


def _refuse(op: Sign, left: Node, right: Node, mismatch: Unfit) -> NoReturn:
    """Raise what `mismatch` is about, in the words of the expression."""
    message, help = _words(op, left, right, mismatch)
    refuse(mismatch.code, message, help)


def _words(op: Sign, left: Node, right: Node, mismatch: Unfit) -> tuple[str, str]:
    """The message and the help."""
    text = _text(op, left, right)
    match mismatch:
        case rules.LengthsDiffer(lengths=(first, second)):
            sides = f"`{shown(left)}` has {members(first)} and `{shown(right)}` has {second}"
            return f"`{text}` goes member by member, but {sides}", BY_MAP
        case rules.NoMatrix():
            return _no_matrix(text, (left, right)[mismatch.side], mismatch)
        case rules.InnerSizes():
            message = f"inner sizes differ in `{text}`{_members(left, right, mismatch)}"
            return message, _transposing(left, right, mismatch)
        case rules.TwoMatrices():
            help = "write `@` for the matrix product; `*` takes a number or a scalar on one side"
            return f"`*` between two matrices in `{text}`", help
        case rules.FractionOfIntegers(dtype=dtype):
            return (
                f"a fractional number times {dtype} in `{text}` is not {dtype}",
                'use a whole number, or multiply with an f32 scalar: `b.input("s", shape=())`',
            )
        case rules.FactorOutOfRange(number=number, dtype=dtype):
            words = misfit(number, dtype)
            return f"{words.message}, in `{text}`: {words.holds}", words.help
        case rules.KindsDiffer():
            return _kinds(op, text, mismatch)
        case rules.ShapesDiffer():
            message = f"shapes differ in `{text}`{_members(left, right, mismatch)}"
            return message, "only equal shapes add"
        case _:
            assert_never(mismatch)


def _members(left: Node, right: Node, mismatch: rules.InnerSizes | rules.ShapesDiffer) -> str:
    """` for member 2: A[2] is f32[3,6], B[2] is f32[7,2]`."""
    assert left.known is not None and right.known is not None
    row = mismatch.member
    named = where(mismatch.bad, left.known, right.known)
    return f"{named}: {shape_of(left, row)}, {shape_of(right, row)}"


def _no_matrix(text: str, side: Node, mismatch: rules.NoMatrix) -> tuple[str, str]:
    if mismatch.kind == "number":
        message = f"`{shown(side)}` in `{text}` is a number, but `@` multiplies matrices"
        return message, "scale with `*`"
    return (
        f"`@` multiplies matrices, but `{shown(side)}` in `{text}` is a scalar",
        "write `*` to scale a matrix",
    )


def _transposing(left: Node, right: Node, mismatch: rules.InnerSizes) -> str:
    match mismatch.flip:
        case "right":
            return f"transposed the right side would fit: `{shown(right)}.T`"
        case "left":
            return f"transposed the left side would fit: `{shown(left)}.T`"
        case None:
            return "the columns on the left must be as many as the rows on the right"
        case _:
            assert_never(mismatch.flip)


def _kinds(op: Sign, text: str, mismatch: rules.KindsDiffer) -> tuple[str, str]:
    first, second = mismatch.kinds
    if "number" in mismatch.kinds:
        help = "only equal shapes add; for the diagonal, add a multiple of an `input` that is the identity"
        return f"`{op}` between a matrix and a number in `{text}`", help
    return f"`{op}` between a {first} and a {second} in `{text}`", "only equal shapes add"


# ---------------------------------------------------------------- sums


def total(body: Node, target: Columns | None, count: int, declared: Known | None) -> Known:
    """What is known of a sum: of all members of `body`, or of those that `target` sends to each result.

    `declared` are shapes that results without terms take, and that others must have.
    """
    known = body.known
    assert known is not None
    reached = np.zeros(len(known), np.int64) if target is None else target
    first = rules.first_terms(known.type, reached, count)
    if isinstance(first, rules.TermsDiffer):
        refuse(
            first.code,
            f"the members of `{shown(body)}` differ in shape: {shape_of(body, first.first)}, "
            f"{shape_of(body, first.member)}",
            "only equal shapes add; say by `into=` which members belong together",
        )
    if declared is not None:
        _as_declared(body, known.type, declared.type, first)
    type = rules.summed(known.type, first, None if declared is None else declared.type)
    if isinstance(type, rules.NoTerms):
        at = "" if target is None else f" for result {type.member}"
        refuse(
            type.code,
            f"the sum of `{shown(body)}` has no terms{at}, so its shape is not known",
            "give `shape=(m, n)`, or `shapes=` with one pair for each result",
        )
    return Known(type, target is not None)


def _as_declared(body: Node, type: FamilyType, declared: FamilyType, first: Columns) -> None:
    """Refuse results with terms that are not as declared."""
    results = np.flatnonzero(first >= 0)
    terms = first[results]
    mismatch = rules.as_declared(declared.take(results), type.take(terms))
    if mismatch is None:
        return
    message = f"a sum of `{shown(body)}` is declared with other shapes than its terms have"
    shown_term = f": {shape_of(body, int(terms[mismatch.member]))}" if len(terms) else ""
    refuse(mismatch.code, message + shown_term, "change the declared shapes, or leave them out")
