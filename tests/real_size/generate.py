"""A seed in, a random spec of real size out: valid by construction, and run within about a second."""

from __future__ import annotations

import numpy as np

from raggeddsl.dtypes import DTYPES
from tests.real_size.expressions import Expressions
from tests.real_size.spec import Line, Spec
from tests.real_size.values import ONE, TERM, Axis, Expression, Value

_TRIES = 12


def generate(seed: int) -> Spec:
    """The spec of `seed`: 1 to 5,000 members a family, sizes of 0 to 400 and now and then 2,000."""
    growing = Expressions(np.random.default_rng(seed))
    growing.start()
    sums = growing.pick([0.15, 0.15, 0.3, 0.8])
    for _ in range(int(growing.rng.integers(1, 8))):
        _define(growing, sums)
    if not any(line.output for line in growing.lines) or growing.maybe(0.2):
        _show_again(growing)
    return growing.spec()


def _define(growing: Expressions, sums: float) -> None:
    """One definition more, over an index or of a single matrix; with chance `sums`, a sum."""
    over = growing.pick([None, *growing.indexes, *growing.indexes])
    sizes = _sizes(growing, over)
    if sizes is None:
        return
    rows, cols = sizes
    made = growing.whole_sum(over, rows, cols) if growing.maybe(sums) else None
    if made is None:
        made = growing.expression(over, rows, cols, int(growing.rng.integers(1, 4)))
    output = growing.maybe(0.6)
    name = growing.name("Y" if output else "H")
    place = "" if over is None else f"[{over}]"
    dtype, attributes = _attributes(growing, made)
    said = f" : {dtype}[{rows.text}, {cols.text}]"
    # The shape of a sum that may have no terms has to be said.
    typed = "sum(" in made.text or dtype != made.dtype or growing.maybe(0.2)
    text = f"{name}{place}{said if typed else ''} = {made.text}{attributes}"
    growing.lines.append(Line(name, text, over, output))
    growing.pool.append(Value(name + place, over, rows, cols, dtype, made.log))
    growing.features.add("output over a family" if over else "single output")


def _sizes(growing: Expressions, over: str | None) -> tuple[Axis, Axis] | None:
    """Rows and columns whose matrices there is room for."""
    axes = growing.axes_over(over)
    for _ in range(_TRIES):
        rows = growing.pick(axes)
        cols = rows if growing.maybe(0.25) else growing.pick(axes)
        if growing.room(over, rows, cols):
            return rows, cols
    return None


def _attributes(growing: Expressions, made: Expression) -> tuple[str, str]:
    """The type of a definition, and its ` with …`."""
    words = []
    dtype = made.dtype
    if growing.maybe(0.15):
        words.append("precision=" + growing.pick(["default", "high", "highest"]))
    if dtype in ("bf16", "f16", "f32") and growing.maybe(0.25):
        words.append("accum=f32")
        if made.level == TERM and "sum(" not in made.text and DTYPES[dtype].itemsize == 2:
            dtype = growing.pick([dtype, "f32"]) if " * " not in made.text else dtype
    if not words:
        return dtype, ""
    growing.features.add("with")
    return dtype, " with " + ", ".join(words)


def _show_again(growing: Expressions) -> None:
    """An output of what has another name already, as it is or transposed."""
    known = [value for value in growing.pool if not value.scalar]
    if not known:
        known = [growing.fresh(None, ONE, ONE)]
    value = growing.pick(known)
    name = growing.name("Y")
    place = "" if value.index is None else f"[{value.index}]"
    transposed = ".T" * growing.maybe(0.5)
    growing.lines.append(Line(name, f"{name}{place} = {value.text}{transposed}", value.index, True))
    growing.features.add("shown again")
