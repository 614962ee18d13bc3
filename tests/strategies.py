"""Hypothesis strategies: random product graphs (`graphs`) and inputs that fit them (`inputs_for`).

    @given(graphs(normal=True), seeds)
    def test_kernel_agrees_with_the_reference(graph, seed):
        inputs = inputs_for(graph, seed)
        assert compare(run(graph, inputs), reference_for(graph, inputs)).agreed

What a graph is like (which operations, how many, whether transposed …) is drawn and shrinks; the
bulk of numbers (sizes, maps, targets) comes from one drawn seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from raggeddsl.dtypes import DTYPES, promote
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Arithmetic,
    Chain,
    Combine,
    FamilyType,
    Input,
    Join,
    Operand,
    Output,
    Product,
    Term,
    Transpose,
    View,
)

FLOATS = ("f32", "f64")
ALL_DTYPES = tuple(DTYPES)

seeds = st.integers(0, 2**32 - 1)
"""Seeds for `inputs_for`."""


@st.composite
def graphs(
    draw: st.DrawFn,
    *,
    normal: bool = False,
    dtypes: tuple[str, ...] = FLOATS,
    mixed: bool = True,
    max_operations: int = 7,
    max_members: int = 6,
    max_size: int = 9,
    views: bool = True,
) -> Graph:
    """A random well-typed graph of up to `max_operations` operations and as many inputs as they need.

    With `normal`, it is in the planner's normal form: no `Transpose` and no `Chain`; outputs show
    whole operation nodes, untransposed, each another one, none a part of a `Join`, and views are
    of what is not transposed.  Otherwise outputs may show inputs, members, transposes, and one
    node several times.  Members number 0 to `max_members`, sizes are 0 to `max_size` and now and
    then four times that.  One of `dtypes` is used throughout, two where `mixed`.  Without
    `views`, it is a graph as specs have them.
    """
    chosen = [draw(st.sampled_from(dtypes))]
    if mixed and len(dtypes) > 1:
        chosen.append(draw(st.sampled_from(dtypes)))
    rng = np.random.default_rng(draw(seeds))
    build = _Build(draw, rng, tuple(chosen), normal, max_members, max_size, views)
    for _ in range(draw(st.integers(1, max_operations))):
        build.operation()
    build.outputs()
    return build.graph


def inputs_for(graph: Graph, seed: int = 0) -> dict[str, list[np.ndarray] | np.ndarray]:
    """Random inputs of `graph` by name, in their own dtypes: lists for families, arrays for single matrices.

    Floats are uniform in (-1, 1), integers in -9 … 9, so that products of i8 overflow and wrap.
    """
    rng = np.random.default_rng(seed)
    given: dict[str, list[np.ndarray] | np.ndarray] = {}
    for key in graph.inputs:
        node = graph.op(key)
        members = [_values(rng, node.type, member) for member in range(len(node.type))]
        if node.family:
            given[node.names[0]] = members
        else:
            given.update(zip(node.names, members, strict=True))
    return given


def _values(rng: np.random.Generator, type: FamilyType, member: int) -> np.ndarray:
    shape = () if type.scalar else (int(type.rows[member]), int(type.cols[member]))
    dtype = DTYPES[type.dtype]
    if dtype.kind == "integer":
        return np.asarray(rng.integers(-9, 10, shape), dtype.numpy)
    values = rng.uniform(-1, 1, shape)
    if dtype.kind == "complex":
        values = values + 1j * rng.uniform(-1, 1, shape)
    return np.asarray(values).astype(dtype.numpy)


@dataclass
class _Build:
    """A graph under construction: `pool` holds the nodes that later operations may read."""

    draw: st.DrawFn
    rng: np.random.Generator
    dtypes: tuple[str, ...]
    normal: bool
    max_members: int
    max_size: int
    views: bool
    graph: Graph = field(default_factory=Graph)
    pool: list[int] = field(default_factory=list)
    names: int = 0

    def pick(self, *choices):
        return self.draw(st.sampled_from(choices))

    def flag(self) -> bool:
        return self.draw(st.booleans())

    # ------------------------------------------------------------ sizes and inputs

    def count(self) -> int:
        return self.draw(st.integers(0, self.max_members))

    def column(self, members: int) -> np.ndarray:
        """Sizes of one axis, i64[members]: all equal, mixed, or one that dwarfs the others."""
        match self.pick("equal", "mixed", "skewed"):
            case "equal":
                return np.full(members, self.draw(st.integers(0, self.max_size)), np.int64)
            case "mixed":
                return self.rng.integers(0, self.max_size + 1, members)
            case _:
                sizes = self.rng.integers(0, 3, members)
                sizes[: members and 1] = self.rng.integers(1, 4 * self.max_size + 1)
                return self.rng.permutation(sizes)

    def name(self) -> str:
        self.names += 1
        return f"x{self.names}"

    def fresh(self, rows: np.ndarray, cols: np.ndarray, scalar: bool = False) -> Operand:
        """A new input that presents these shapes: member by member, or through a map with repeats."""
        members = None
        if self.flag() and len(rows):
            shapes, members = np.unique(np.stack([rows, cols], axis=1), axis=0, return_inverse=True)
            members = members.reshape(-1).astype(np.int64)
            rows, cols = shapes[:, 0], shapes[:, 1]
        transposed = not scalar and self.flag()
        if transposed:
            rows, cols = cols, rows
        type = FamilyType(rows.astype(np.int64), cols.astype(np.int64), self.pick(*self.dtypes), scalar)
        family = len(type) == 0 or self.flag()
        names = (self.name(),) if family else tuple(self.name() for _ in range(len(type)))
        key = self.graph.add(Input(type, names, family))
        self.pool.append(key)
        return Operand(key, members, transposed)

    # ------------------------------------------------------------ operands

    def existing(self) -> Operand | None:
        """Any node of the pool, read whole or through a random map, transposed or not."""
        matrices = [key for key in self.pool if not self.graph.type(key).scalar]
        if not matrices:
            return None
        key = self.pick(*matrices)
        own = len(self.graph.type(key))
        members = None
        if self.flag() and own:
            members = self.rng.integers(0, own, self.count())
        return Operand(key, members, self.flag())

    def some(self) -> Operand:
        """An operand of any shape."""
        found = self.existing() if self.flag() or self.flag() else None
        if found is not None:
            return found
        members = self.count()
        return self.fresh(self.column(members), self.column(members))

    def shaped(self, rows: np.ndarray, cols: np.ndarray | None) -> Operand:
        """An operand of these shapes (any number of columns if `cols` is None), old or new."""
        fitting = [operand for operand in self.candidates(len(rows)) if self.fits(operand, rows, cols)]
        if fitting and (self.flag() or self.flag()):
            return self.pick(*fitting)
        return self.fresh(rows, self.column(len(rows)) if cols is None else cols)

    def candidates(self, count: int) -> list[Operand]:
        found = []
        for key in self.pool:
            type = self.graph.type(key)
            maps = [None] if len(type) == count else []
            if len(type):
                maps += [self.rng.integers(0, len(type), count)]
            found += [Operand(key, members, t) for members in maps for t in (False, True) if not type.scalar]
        return found

    def fits(self, operand: Operand, rows: np.ndarray, cols: np.ndarray | None) -> bool:
        type = self.graph.operand_type(operand)
        return np.array_equal(type.rows, rows) and (cols is None or np.array_equal(type.cols, cols))

    def scalar(self, count: int) -> Operand | None:
        """Nothing, or a scalar family's operand with `count` members."""
        if self.pick(True, True, False):
            return None
        for key in self.pool:
            if self.graph.type(key).scalar and len(self.graph.type(key)) and self.flag():
                return Operand(key, self.rng.integers(0, len(self.graph.type(key)), count))
        ones = np.ones(count, np.int64)
        return self.fresh(ones, ones, scalar=True)

    def dtype(self, *uses: Operand | None) -> str:
        found = [self.graph.type(use.node).dtype for use in uses if use is not None]
        result = found[0]
        for other in found[1:]:
            result = promote(result, other)
        return result

    def factor(self, dtype: str) -> float | int:
        if DTYPES[dtype].kind == "integer":
            return self.pick(1, 1, 2, -3, 0)
        return self.pick(1, 1, 1.0, -1.0, 0.5, -1.75, 3, 0.0)

    def arithmetic(self, dtype: str) -> Arithmetic:
        precision = self.pick("default", "default", "default", "highest")
        accum = {"bf16": "f32", "f16": "f32", "f32": "f64", "c64": "c128"}.get(dtype)
        return Arithmetic(precision, self.pick(None, accum) if self.wide(dtype) else None)

    def wide(self, dtype: str) -> bool:
        """Whether sums of `dtype` may be asked for in a wider type: in f64 only where that is drawn from."""
        return dtype in ("bf16", "f16") or "f64" in self.dtypes or "c128" in self.dtypes

    # ------------------------------------------------------------ operations

    def operation(self) -> None:
        kinds = ["product", "product", "summed", "equal", "combine", "combine", "total", "join"]
        if self.views:
            kinds += ["view"]
        if not self.normal:
            kinds += ["chain", "chain", "transpose", "repeat"]
        key = getattr(self, "make_" + self.pick(*kinds))()
        self.pool.append(key)

    def product(self, lhs: Operand, rhs: Operand, target: np.ndarray | None, type: tuple | None) -> int:
        left, right = self.graph.operand_type(lhs), self.graph.operand_type(rhs)
        rows, cols = (left.rows, right.cols) if type is None else type
        by = self.scalar(len(left))
        addends = tuple(self.term(rows, cols) for _ in range(self.pick(0, 0, 0, 1, 2)))
        used = [use for term in addends for use in (term.x, term.by)]
        dtype = self.dtype(lhs, rhs, by, *used)
        addends = tuple(Term(term.x, self.factor(dtype), term.by) for term in addends)
        family = FamilyType(rows, cols, dtype)
        factor = self.factor(dtype)
        return self.graph.add(Product(family, lhs, rhs, factor, by, target, addends, self.arithmetic(dtype)))

    def term(self, rows: np.ndarray, cols: np.ndarray) -> Term:
        return Term(self.shaped(rows, cols), 1, self.scalar(len(rows)))

    def make_product(self) -> int:
        lhs = self.some()
        left = self.graph.operand_type(lhs)
        if self.pick(True, False, False):
            rhs = Operand(lhs.node, lhs.members, not lhs.transposed)
        else:
            rhs = self.shaped(left.cols, None)
        return self.product(lhs, rhs, None, None)

    def targets(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sizes of some results and for each of some terms which result it is for; results may get none."""
        results = self.count()
        terms = self.count() if results else 0
        return self.column(results), self.column(results), self.rng.integers(0, max(results, 1), terms)

    def make_summed(self) -> int:
        rows, cols, target = self.targets()
        lhs = self.shaped(rows[target], None)
        rhs = self.shaped(self.graph.operand_type(lhs).cols, cols[target])
        return self.product(lhs, rhs, target, (rows, cols))

    def make_equal(self) -> int:
        """Products of one shape that all add to one block."""
        terms = self.draw(st.integers(1, self.max_members)) if self.max_members else 0
        m, n, k = (np.full(terms, self.draw(st.integers(1, self.max_size)), np.int64) for _ in range(3))
        lhs, rhs = self.shaped(m, k), self.shaped(k, n)
        return self.product(lhs, rhs, np.zeros(terms, np.int64), (m[:1], n[:1]) if terms else (m, n))

    def combine(
        self, terms: list[Term], rows: np.ndarray, cols: np.ndarray, target: np.ndarray | None
    ) -> int:
        used = [use for term in terms for use in (term.x, term.by)]
        dtype = self.dtype(*used) if used else self.dtypes[0]
        scaled = tuple(Term(term.x, self.factor(dtype), term.by) for term in terms)
        return self.graph.add(Combine(FamilyType(rows, cols, dtype), scaled, target))

    def make_combine(self) -> int:
        first = self.some()
        type = self.graph.operand_type(first)
        terms = [Term(first, 1, self.scalar(len(type)))]
        terms += [self.term(type.rows, type.cols) for _ in range(self.pick(0, 0, 1, 2))]
        return self.combine(terms, type.rows, type.cols, None)

    def make_total(self) -> int:
        rows, cols, target = self.targets()
        terms = [self.term(rows[target], cols[target]) for _ in range(self.pick(0, 1, 1, 2))]
        return self.combine(terms, rows, cols, target if terms else None)

    def make_join(self) -> int:
        """Products and sums of one dtype, put together in a shuffled order; nothing else reads them."""
        parts = [self.make_product(), self.pick(self.make_product, self.make_combine)()]
        dtypes = {self.graph.type(part).dtype for part in parts}
        if len(dtypes) > 1:
            self.pool.append(parts[0])
            parts = parts[1:]
        types = [self.graph.type(part) for part in parts]
        order = self.rng.permutation(sum(len(type) for type in types))
        places = np.split(order, np.cumsum([len(type) for type in types])[:-1])
        rows, cols = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
        for type, place in zip(types, places, strict=True):
            rows[place], cols[place] = type.rows, type.cols
        return self.graph.add(Join(FamilyType(rows, cols, types[0].dtype), tuple(parts), tuple(places)))

    def make_chain(self) -> int:
        factors = [self.some()]
        for _ in range(self.draw(st.integers(1, 4))):
            factors.append(self.shaped(self.graph.operand_type(factors[-1]).cols, None))
        rows, cols = self.graph.operand_type(factors[0]).rows, self.graph.operand_type(factors[-1]).cols
        dtype = self.dtype(*factors)
        type = FamilyType(rows, cols, dtype)
        return self.graph.add(
            Chain(type, tuple(factors), self.arithmetic(dtype), self.pick(False, False, True))
        )

    def make_transpose(self) -> int:
        x = self.some()
        return self.graph.add(Transpose(self.graph.operand_type(x).transpose(), x))

    def make_view(self) -> int:
        """The elements of something in a shape that is as well a row, a column or its transpose's."""
        x = self.some()
        if self.normal:
            x = Operand(x.node, x.members)
        type = self.graph.operand_type(x)
        ones = np.ones(len(type), np.int64)
        shapes = ((ones, type.sizes), (type.sizes, ones), (type.cols, type.rows))
        rows, cols = self.pick(*shapes)
        return self.graph.add(View(FamilyType(rows, cols, type.dtype), x))

    def make_repeat(self) -> int:
        """An operation that is already there, once more."""
        done = [key for key in self.pool if not isinstance(self.graph.op(key), Input | Join)]
        return self.graph.add(self.graph.op(self.pick(*done))) if done else self.make_product()

    # ------------------------------------------------------------ outputs

    def outputs(self) -> None:
        passive = (Input, View) if self.normal else Input
        operations = [key for key in self.pool if not isinstance(self.graph.op(key), passive)]
        operations = operations or [self.make_product()]
        chosen = [key for key in operations[:-1] if self.pick(True, False, False)] + operations[-1:]
        uses = [Operand(key) for key in chosen]
        if not self.normal:
            uses = [self.other_use(use) for use in uses]
            uses += [
                self.other_use(Operand(key)) for key in self.pool if self.pick(True, False, False, False)
            ]
        shown = []
        for use in uses:
            count = len(self.graph.operand_type(use))
            family = count == 0 or self.flag()
            names = (f"Y{len(shown)}",) if family else tuple(f"Y{len(shown)}_{k}" for k in range(count))
            shown.append(Output(names, use, family))
        self.graph.outputs = tuple(shown)

    def other_use(self, use: Operand) -> Operand:
        type = self.graph.type(use.node)
        members = self.rng.integers(0, len(type), self.count()) if len(type) and self.flag() else None
        return Operand(use.node, members, self.flag() and not type.scalar)
