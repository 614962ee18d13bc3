"""Lines of one form in, one template and columns out: only the template goes through the grammar.

Two lines have one form if they are equal once names and numbers are blanked; which statement they
are cannot then differ, since the grammar sees names and numbers by their kind alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.diagnostics.source import Source, Span
from raggeddsl.language import ast
from raggeddsl.language.fast_lexer import BLANKED, FLOAT, INT, Tokens, tokenise
from raggeddsl.language.lines import LogicalLines
from raggeddsl.language.parse_line import parse_line

MAX_TOKENS = 512
"""Longer lines are parsed one by one."""


def merge(source: Source, lines: LogicalLines) -> tuple[list[ast.Statement | ast.LineGroup], list[int]]:
    """(what lines of equal forms are, numbers of the lines that must be parsed one by one).

    Lines of a form that does not parse are left, so that each gets its own error.
    """
    tokens = tokenise(source.text, lines)
    items: list[ast.Statement | ast.LineGroup] = []
    alone = np.ones(len(lines.starts), bool)
    for rows in _forms(tokens):
        numbers = tokens.lines[rows]
        span = Span(lines.starts[numbers[0]], lines.ends[numbers[0]])
        template = parse_line(source, span, Diagnostics(source))
        if template is None or _spells_numbers(template):
            continue
        group = _group(source.text, tokens, rows, template)
        if any(map(_may_be_out_of_range, group.columns)):
            continue
        alone[numbers] = False
        items.extend([group] if _is_like(template, group) else map(group.statement, range(len(group))))
    return items, np.flatnonzero(alone).tolist()


def _spells_numbers(statement: ast.Statement) -> bool:
    """Whether a number is kept as it is written, which a column of numbers cannot give back."""
    match statement:
        case ast.Edition() | ast.Option():
            return True
        case ast.Definition(attributes=attributes):
            return not all(attribute.value.isidentifier() for attribute in attributes)
        case _:
            return False


def _may_be_out_of_range(column: list[str] | np.ndarray) -> bool:
    """Whether a float64 may not hold what is written: it is infinite, or zero."""
    if isinstance(column, list) or column.dtype != np.float64:
        return False
    return bool((np.isinf(column) | (column == 0)).any())


def _forms(tokens: Tokens) -> Iterator[np.ndarray]:
    """The rows of `tokens` by form, for each form that two or more lines have."""
    counts = np.diff(tokens.first)
    place = np.arange(len(tokens.kinds)) - np.repeat(tokens.first[:-1], counts)
    short = np.flatnonzero((counts <= MAX_TOKENS) & (counts > 0))
    if len(short) == 0:
        return
    powers = np.cumprod(np.full(MAX_TOKENS, 0x9E3779B97F4A7C15, np.uint64))
    terms = (tokens.kinds + 1).astype(np.uint64) * powers[np.minimum(place, MAX_TOKENS - 1)]
    hashes = np.add.reduceat(terms, tokens.first[:-1])[short]
    order = np.argsort(hashes, kind="stable")
    edges = np.flatnonzero(np.diff(hashes[order])) + 1
    for rows in np.split(short[order], edges):
        if len(rows) > 1:
            yield from _same_form(tokens, rows, counts[rows])


def _same_form(tokens: Tokens, rows: np.ndarray, counts: np.ndarray) -> Iterator[np.ndarray]:
    """Those `rows` that are equal to the first, token by token: a hash alone proves nothing."""
    rows = rows[counts == counts[0]]
    kinds = tokens.kinds[tokens.first[rows][:, None] + np.arange(counts[0])]
    rows = rows[(kinds == kinds[0]).all(axis=1)]
    if len(rows) > 1:
        yield rows


def _group(text: str, tokens: Tokens, rows: np.ndarray, template: ast.Statement) -> ast.LineGroup:
    """The lines `rows` as columns; `template` may be any statement here."""
    count = int(tokens.first[rows[0] + 1] - tokens.first[rows[0]])
    at = tokens.first[rows][:, None] + np.arange(count)
    kinds = tokens.kinds[at[0]]
    slots = tuple(int(slot) for slot in np.flatnonzero(np.isin(kinds, BLANKED)))
    starts, ends = tokens.starts[at], tokens.ends[at]
    columns = tuple(_column(text, starts[:, slot], ends[:, slot], int(kinds[slot])) for slot in slots)
    return ast.LineGroup(template, columns, slots, starts, ends)  # type: ignore[arg-type]


def _column(text: str, starts: np.ndarray, ends: np.ndarray, kind: int) -> list[str] | np.ndarray:
    words = [text[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
    if kind == INT:
        return np.array([int(word) for word in words], np.int64)
    if kind == FLOAT:
        return np.array([float(word) for word in words], np.float64)
    return words


# ---------------------------------------------------------------- which forms the elaborator takes


def _is_like(template: ast.Statement, group: ast.LineGroup) -> bool:
    """Whether the group is `input` or definition lines that name single matrices only."""
    slot_starts = {int(group.token_starts[0, slot]) for slot in group.slots}
    match template:
        case ast.InputDecl(names, type_):
            return _single(names) and _plain_type(type_, slot_starts)
        case ast.Definition(name, _, type_, value, attributes):
            return (
                _single([name])
                and (type_ is None or _plain_type(type_, slot_starts))
                and _is_plain(value)
                and not any(
                    span.start in slot_starts for a in attributes for span in (a.key_span, a.value_span)
                )
            )
        case _:
            return False


def _single(names: Iterable[ast.Name]) -> bool:
    return all(name.index is None for name in names)


def _plain_type(type_: ast.TypeExpr, slot_starts: set[int]) -> bool:
    """A type whose dtype, if any, is the same word in every line, and whose sizes are plain."""
    fixed = type_.dtype_span is None or type_.dtype_span.start not in slot_starts
    return fixed and all(_is_plain(size) for size in type_.shape)


def _is_plain(expr: ast.Expr) -> bool:
    """Whether `expr` is made of numbers, single names and operators only."""
    match expr:
        case ast.Number():
            return True
        case ast.Ref(_, index):
            return index is None
        case ast.Negate(inner) | ast.Transpose(inner) | ast.Group(inner):
            return _is_plain(inner)
        case ast.Binary(_, left, right):
            return _is_plain(left) and _is_plain(right)
        case _:
            return False
