"""Random expressions of wanted sizes: products, chains, sums, scaled terms, functions, iterations."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from raggeddsl.dtypes import DTYPES, promote
from tests.real_size.growing import Growing
from tests.real_size.spec import Line, Map
from tests.real_size.values import ATOM, FACTOR, ONE, SUM, TERM, Axis, Expression

_FUNCTIONS = {
    "quintic": ("X", "3.4445 * X - 4.7750 * (X @ X.T) @ X + 2.0315 * (X @ X.T) @ (X @ X.T) @ X"),
    "cubic": ("X", "2 * X - X @ X.T @ X"),
    "halves": ("X", "1.5 * X - 0.5 * (X @ X.T) @ X"),
    "affine": ("X, Y", "X @ Y - 2 * (X @ Y) @ (Y.T @ Y)"),
}
WHOLE = 4
"""The depth of a whole definition: the type of one tells the shape of a sum that has no terms."""
MOST_TERMS = 40_000
"""Of a sum within a family or within another sum."""
_DEGREE = {"quintic": 5, "cubic": 3, "halves": 3}


@dataclass
class Expressions(Growing):
    """Grows expressions that fit by construction; what cannot be afforded becomes something smaller."""

    functions: dict[str, str] = field(default_factory=dict)
    bound: list[str] = field(default_factory=list)
    """The indexes that have a value where the next expression stands, but for the innermost."""

    @property
    def narrow(self) -> bool:
        return any(dtype == "f16" for dtype in self.palette)

    @property
    def largest_log(self) -> float:
        return 2.5 if self.narrow else 10.0

    def expression(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression:
        """Something `rows` by `cols` for each member of `over`."""
        kinds = ["leaf"] if depth <= 0 else self._kinds(over, rows, cols)
        kind = self.pick(kinds)
        made = getattr(self, "make_" + kind)(over, rows, cols, depth)
        if made is None or made.log > self.largest_log:
            return self.make_leaf(over, rows, cols, 0)
        if kind != "leaf":
            self.features.add(kind)
        return made

    def _kinds(self, over: str | None, rows: Axis, cols: Axis) -> list[str]:
        count = self.count(over)
        kinds = ["product"] * 5 + ["chain"] * 3 + ["plus"] * 3 + ["scaled"] * 2 + ["negated", "two"]
        kinds += ["applied", "iterate", "leaf"]
        if self.same(over, rows, cols):
            kinds += ["gram"] * 4
        if rows.index is None and cols.index is None:
            kinds += ["sum"] * (8 if over is None else 1)
        elif over is not None:
            kinds += ["blocks"] * 6
            if cols.index is None and count * 8 < 20000:
                kinds += ["outer"]
        return kinds

    # ------------------------------------------------------------ what an expression may be

    def make_leaf(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression:
        """A name, transposed or not."""
        fitting = self.fitting(over, rows, cols)
        if fitting and self.maybe(0.65):
            value, transposed = self.pick(fitting)
        else:
            transposed = self.maybe(0.3)
            value = self.fresh(over, *((cols, rows) if transposed else (rows, cols)))
        if transposed:
            self.features.add("transpose")
        if value.index not in (None, over) or f"[{over}]]" in value.text:
            self.features.add("map")
        return Expression(value.text + ".T" * transposed, ATOM, value.dtype, value.log)

    def make_product(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        inner = self.pick(self.axes_over(over))
        if not self.afford(over, rows, inner, cols):
            return None
        left = self.expression(over, rows, inner, depth - 1 - self.maybe(0.5))
        right = self.expression(over, inner, cols, depth - 1 - self.maybe(0.5))
        return _multiplied(left, right, TERM if self.maybe(0.6) else ATOM)

    def make_chain(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        sizes = [rows, *(self.pick(self.axes_over(over)) for _ in range(int(self.rng.integers(2, 5)))), cols]
        if not all(self.afford(over, rows, a, b) for a, b in pairwise(sizes[1:])):
            return None
        factors = [self.expression(over, a, b, 0) for a, b in pairwise(sizes)]
        made = factors[0]
        for factor in factors[1:]:
            made = _multiplied(made, factor, TERM)
        return made

    def make_gram(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        inner = self.pick(self.axes_over(over))
        if not self.afford(over, rows, inner, cols):
            return None
        if self.maybe(0.5):
            x = self.make_leaf(over, rows, inner, 0)
            other = x.text[:-2] if x.text.endswith(".T") else x.text + ".T"
            return Expression(f"{x.text} @ {other}", TERM, x.dtype, 2 * x.log)
        x = self.make_leaf(over, inner, rows, 0)
        other = x.text[:-2] if x.text.endswith(".T") else x.text + ".T"
        return Expression(f"{other} @ {x.text}", TERM, x.dtype, 2 * x.log)

    def make_plus(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression:
        made = self.expression(over, rows, cols, depth - 1)
        for _ in range(self.pick([1, 1, 1, 2])):
            other = self.expression(over, rows, cols, depth - 1)
            sign, level = self.pick([(" + ", SUM), (" + ", TERM), (" - ", TERM)])
            log = max(made.log, other.log) + 0.3
            text = made.text + sign + other.at(level)
            made = Expression(text, SUM, promote(made.dtype, other.dtype), log)
        return made

    def make_scaled(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression:
        inner = self.expression(over, rows, cols, depth - 1)
        if self.maybe(0.4):
            whole = DTYPES[inner.dtype].kind == "integer"
            number = self.pick(["2", "3", "-1"] if whole else ["0.5", "2", "-1.75", "0.1", "1", "0.0"])
            self.features.add("number")
            return Expression(f"{number} * {inner.at(FACTOR)}", TERM, inner.dtype, inner.log + 0.5)
        scalars = [value for value in self.visible(over) if value.scalar]
        known = scalars and self.maybe(0.5)
        scalar = self.pick(scalars) if known else self.fresh(over, ONE, ONE, scalar=True)
        texts = f"{scalar.text} * {inner.at(FACTOR)}", f"{inner.at(TERM)} * {scalar.text}"
        text = texts[int(self.maybe(0.3))]
        return Expression(text, TERM, promote(scalar.dtype, inner.dtype), scalar.log + inner.log)

    def make_negated(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression:
        inner = self.expression(over, rows, cols, depth - 1)
        return Expression("-" + inner.at(ATOM), FACTOR, inner.dtype, inner.log)

    # ------------------------------------------------------------ sums

    def make_sum(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        """`sum(… for t)`; both sizes are single."""
        free = self.free(over)
        if not free:
            return None
        t = self.pick(free)
        if not self.count(t) and depth < WHOLE:
            return None
        body = self._within(over, t, rows, cols, depth)
        return self._sum(f"sum({body.text} for {t})", body, self.count(t))

    def make_blocks(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        """`sum(… for t if o[t] == e)`."""
        free = self.free(over)
        maps = [m for m in self.maps if m.into == over and m.index in free]
        if not maps:
            return None
        m: Map = self.pick(maps)
        terms = np.bincount(m.members, minlength=self.count(over))
        if not terms.all() and depth < WHOLE:
            return None
        body = self._within(over, m.index, rows.lifted(m), cols.lifted(m), depth)
        most = int(terms.max(initial=0))
        return self._sum(f"sum({body.text} for {m.index} if {m.name}[{m.index}] == {over})", body, most)

    def make_outer(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        """A sum whose terms read the member outside: `sum(X[g] @ Z[t] for t)`."""
        count = self.count(over)
        free = [name for name in self.free(over) if self.count(name)]
        single = [axis for axis in self.axes if axis.index is None]
        if not free or over is None or self.indexes[over].named:
            return None
        t, inner = self.pick(free), self.pick(single)
        repeated = Axis("", over, np.repeat(rows.over(count), self.count(t)))
        cost = 2.0 * float(repeated.sizes.astype(float).sum()) * int(inner.sizes[0]) * int(cols.sizes[0])
        if cost > self.flop:
            return None
        self.flop -= cost
        left = self.expression(over, rows, inner, 0)
        right = self.expression(t, inner, cols, 0)
        made = _multiplied(left, right, TERM)
        return self._sum(f"sum({made.text} for {t})", made, self.count(t))

    def free(self, over: str | None) -> list[str]:
        """The indexes that may be summed over within `over`, and have not too many members for that."""
        taken = [*self.bound, *([] if over is None else [over])]
        times = int(np.prod([max(self.count(name), 1) for name in taken]))
        return [
            name
            for name, index in self.indexes.items()
            if name not in taken and not index.named and index.members * times <= MOST_TERMS
        ]

    def _within(self, over: str | None, t: str, rows: Axis, cols: Axis, depth: int) -> Expression:
        """What is summed over `t`, within `over`."""
        outer = [] if over is None else [over]
        self.bound += outer
        made = self._body(t, rows, cols, min(depth, 2))
        del self.bound[len(self.bound) - len(outer) :]
        return made

    def whole_sum(self, over: str | None, rows: Axis, cols: Axis) -> Expression | None:
        """A sum that is a definition of its own, or None where there is nothing to sum over."""
        kind = "sum" if rows.index is None and cols.index is None else "blocks"
        made = getattr(self, "make_" + kind)(over, rows, cols, WHOLE)
        if made is None or made.log > self.largest_log:
            return None
        self.features.add(kind)
        return made

    def _body(self, t: str, rows: Axis, cols: Axis, depth: int) -> Expression:
        """A term: most often a product."""
        if self.maybe(0.6):
            make = self.pick([self.make_product, self.make_product, self.make_chain, self.make_gram])
            if make == self.make_gram and not self.same(t, rows, cols):
                make = self.make_product
            made = make(t, rows, cols, depth - 1)
            if made is not None:
                return made
        return self.expression(t, rows, cols, depth - 1)

    def _sum(self, text: str, body: Expression, terms: int) -> Expression:
        return Expression(text, ATOM, body.dtype, body.log + float(np.log10(max(terms, 1))))

    # ------------------------------------------------------------ functions

    def function(self, kind: str) -> str:
        if kind not in self.functions:
            name = self.functions[kind] = self.name("f")
            parameters, body = _FUNCTIONS[kind]
            self.lines.append(Line(name, f"def {name}({parameters}) = {body}"))
        return self.functions[kind]

    def polynomial(self, whole: bool) -> str:
        return "cubic" if whole else self.pick(["quintic", "cubic", "halves"])

    def make_applied(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        return self._polynomial(over, rows, cols, depth, 1)

    def make_iterate(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        return self._polynomial(over, rows, cols, depth, int(self.rng.integers(1, 4)))

    def _polynomial(
        self, over: str | None, rows: Axis, cols: Axis, depth: int, times: int
    ) -> Expression | None:
        for _ in range(times):
            if not (self.afford(over, rows, rows, rows) and self.afford(over, rows, rows, cols)):
                return None
            if not (self.afford(over, rows, rows, cols) and self.afford(over, rows, rows, cols)):
                return None
        x = self.expression(over, rows, cols, self.pick([0, 0, depth - 1]))
        kind = self.polynomial(DTYPES[x.dtype].kind == "integer")
        log = x.log
        for _ in range(times):
            log = _DEGREE[kind] * max(log, 0.0) + 1.0
        if log > self.largest_log and DTYPES[x.dtype].kind != "integer":
            return None
        name = self.function(kind)
        text = f"{name}({x.text})" if times == 1 else f"iterate({name}, {x.text}, {times})"
        return Expression(text, ATOM, x.dtype, log)

    def make_two(self, over: str | None, rows: Axis, cols: Axis, depth: int) -> Expression | None:
        """A function of two matrices."""
        inner = self.pick(self.axes_over(over))
        if not (self.afford(over, rows, inner, cols) and self.afford(over, cols, inner, cols)):
            return None
        if not self.afford(over, rows, cols, cols):
            return None
        x, y = self.expression(over, rows, inner, 0), self.expression(over, inner, cols, 0)
        text = f"{self.function('affine')}({x.text}, {y.text})"
        return Expression(text, ATOM, promote(x.dtype, y.dtype), x.log + 3 * y.log + 0.5)


def _multiplied(left: Expression, right: Expression, level: int) -> Expression:
    text = f"{left.at(TERM)} @ {right.at(FACTOR)}"
    dtype = promote(left.dtype, right.dtype)
    return Expression(text if level == TERM else f"({text})", level, dtype, left.log + right.log)
