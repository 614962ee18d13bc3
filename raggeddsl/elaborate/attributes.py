"""`with precision=…, accum=…` in, the `Arithmetic` of a definition out."""

from __future__ import annotations

from raggeddsl.diagnostics.diagnostic import Label
from raggeddsl.diagnostics.source import Span
from raggeddsl.diagnostics.suggest import respelt
from raggeddsl.elaborate.state import State
from raggeddsl.elaborate.types import check_dtype
from raggeddsl.graph.nodes import Arithmetic
from raggeddsl.graph.rules import PRECISIONS
from raggeddsl.language import ast

KEYS = ("precision", "accum")


def arithmetic_of(state: State, definition: ast.Definition) -> tuple[Arithmetic, Span | None]:
    """How the definition's products are computed, and where `accum` is written if it is."""
    values: dict[str, ast.Attribute] = {}
    for attribute in definition.attributes:
        if _is_known(state, attribute, values) and _is_value(state, attribute):
            values[attribute.key] = attribute
    precision, accum = values.get("precision"), values.get("accum")
    arithmetic = Arithmetic(precision.value if precision else "default", accum.value if accum else None)
    return arithmetic, accum.value_span if accum else None


def _is_known(state: State, attribute: ast.Attribute, values: dict[str, ast.Attribute]) -> bool:
    if attribute.key not in KEYS:
        help, fixes = respelt(attribute.key, KEYS, attribute.key_span)
        state.diagnostics.error(
            "RMM209",
            f"unknown attribute `{attribute.key}`",
            attribute.key_span,
            help=help or "attributes are `precision` and `accum`",
            fixes=fixes,
        )
        return False
    if attribute.key in values:
        first = Label(values[attribute.key].key_span, "the first is here")
        state.diagnostics.error(
            "RMM209",
            f"the attribute `{attribute.key}` is given twice",
            attribute.key_span,
            labels=[first],
            help="keep one of them",
        )
        return False
    return True


def _is_value(state: State, attribute: ast.Attribute) -> bool:
    if attribute.key == "accum":
        return check_dtype(state, attribute.value, attribute.value_span)
    if attribute.value in PRECISIONS:
        return True
    help, fixes = respelt(attribute.value, PRECISIONS, attribute.value_span)
    state.diagnostics.error(
        "RMM209",
        f"`{attribute.value}` is not a precision",
        attribute.value_span,
        help=help or "precisions are default, high and highest",
        fixes=fixes,
    )
    return False
