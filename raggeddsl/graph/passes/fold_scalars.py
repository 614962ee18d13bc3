"""`fold_scalars`: scaled copies in, factors of what reads them out.

A constant moves from `Combine(c·X)` into every product, chain or sum that reads it, and on through
products to the sums that read those, so that `common_subexpressions` sees the bare `X @ X.T`.
A scalar known only at run time moves into the one product that reads it.  Constants beyond
10^±4 stay where the spec has them: they are often what keeps numbers in range.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar, assert_never

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.factors import times
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Chain, Combine, Input, Join, Node, Operand, Product, Term, Transpose, View
from raggeddsl.graph.passes.rewrite import Rewrite, Use, through, uses

_ABSORBING = ("lhs", "rhs", "by", "factor", "term", "term_by", "addend", "addend_by")


@dataclass(frozen=True)
class FoldScalars:
    """Moves scalars from operands into what reads them, where that saves work.

    `largest` bounds the constants moved, and their reciprocals.
    """

    name: ClassVar[str] = "fold_scalars"
    largest: float = 1e4

    def apply(self, graph: Graph) -> Graph:
        """The graph with scalars folded; itself if nothing is scaled."""
        if not any(_scales(graph.op(key)) for key in graph):
            return graph
        work = _Fold(Rewrite(graph), uses(graph), self.largest)
        for key in graph.order():
            work.visit(key)
        outputs = tuple(replace(output, operand=work.solid(output.operand)) for output in graph.outputs)
        return work.rewrite.graph(outputs)


def _scales(node: Node) -> bool:
    match node:
        case Product(factor=factor):
            return factor != 1
        case Combine(terms=(_,), target=None):
            return True
        case _:
            return False


@dataclass
class _Fold:
    """The pass at work: old node `key` is `constants[key]` times what `rewrite` has for it.

    `runtime[key]` is the scalar operand that its only reader takes over as well.
    """

    rewrite: Rewrite
    reads: dict[int, list[Use]]
    largest: float
    constants: dict[int, float | int] = field(default_factory=dict)
    runtime: dict[int, Operand] = field(default_factory=dict)
    scaled: dict[int, int] = field(default_factory=dict)
    claimed: set[tuple[int | None, int]] = field(default_factory=set)

    def visit(self, key: int) -> None:
        """Emit one old node with the scalars of its operands folded in."""
        node = self.rewrite.old.op(key)
        match node:
            case Input():
                self.rewrite.keep(key)
            case Transpose() | View():
                self.rewrite.ops[key] = replace(node, x=self.solid(node.x))
            case Join():
                parts = [self.solid(Operand(part)).node for part in node.parts]
                self.rewrite.ops[key] = replace(node, parts=tuple(parts))
            case Chain():
                self.chain(key, node)
            case Product():
                self.product(key, node)
            case Combine():
                self.combine(key, node)
            case _:
                assert_never(node)

    def chain(self, key: int, node: Chain) -> None:
        factors: list[Operand] = []
        constant: float | int = 1
        for factor in node.factors:
            bare, more = self.taking(factor, node.type.dtype, constant)
            if node.type.dtype == "f16" or not self.moderate(more):
                bare, more = self.solid(factor), constant
            factors.append(bare)
            constant = more
        self.rewrite.ops[key] = replace(node, factors=tuple(factors))
        if constant != 1:
            self.constants[key] = constant

    def product(self, key: int, node: Product) -> None:
        dtype = node.type.dtype
        by = node.by
        constant = node.factor
        sides = {"lhs": node.lhs, "rhs": node.rhs}
        # First the one whose run-time scalar is taken over: its constant has to come along.
        for slot in sorted(sides, key=lambda slot: sides[slot].node not in self.runtime):
            by = by or self.runtime_of(sides[slot])
            sides[slot], constant = self.taking(sides[slot], dtype, constant)
        lhs, rhs = sides["lhs"], sides["rhs"]
        if by is not None and by is node.by:
            by, constant = self.taking(by, dtype, constant)
        new = replace(node, lhs=lhs, rhs=rhs, by=by, addends=self.terms(node.addends, dtype))
        if not node.addends and self.floats(key, dtype, constant):
            self.rewrite.ops[key] = replace(new, factor=1)
            self.constants[key] = constant
        else:
            self.rewrite.ops[key] = replace(new, factor=constant)

    def combine(self, key: int, node: Combine) -> None:
        dtype = node.type.dtype
        terms = self.terms(node.terms, dtype)
        same = all(self.rewrite.old.type(term.x.node).dtype == dtype for term in node.terms)
        if len(terms) != 1 or node.target is not None or not same:
            self.rewrite.ops[key] = replace(node, terms=terms)
            return
        (term,) = terms
        absorbed = any(use.slot in _ABSORBING for use in self.reads[key])
        if term.by is None and self.moderate(term.factor) and absorbed:
            self.rewrite.moved[key] = term.x
            self.constants[key] = term.factor
        elif term.by is not None and self.moderate(term.factor) and self.claim(key, dtype, term.factor):
            self.rewrite.moved[key] = term.x
            self.constants[key] = term.factor
            self.runtime[key] = term.by
        else:
            self.rewrite.ops[key] = replace(node, terms=terms)

    def terms(self, terms: tuple[Term, ...], dtype: str) -> tuple[Term, ...]:
        """Terms with the scalars of what they read taken into their own."""
        new = []
        for term in terms:
            x, constant = self.taking(term.x, dtype, term.factor)
            by = self.runtime_of(term.x)
            if term.by is not None:
                by, constant = self.taking(term.by, dtype, constant)
            new.append(Term(x, constant, by))
        return tuple(new)

    # ------------------------------------------------------------ operands

    def bare(self, operand: Operand, dtype: str) -> tuple[Operand, float | int]:
        """The operand without its constant, and that constant, for a reader of type `dtype`."""
        constant = self.constants.get(operand.node, 1)
        if constant == 1 or not self.exact(operand.node, dtype):
            return self.solid(operand), 1
        return self.rewrite.use(operand), constant

    def taking(self, operand: Operand, dtype: str, constant: float | int) -> tuple[Operand, float | int]:
        """The operand and the factor of its reader, `constant` so far, which takes its constant if it can."""
        bare, more = self.bare(operand, dtype)
        product = times(dtype, constant, more)
        return (self.solid(operand), constant) if product is None else (bare, product)

    def runtime_of(self, operand: Operand) -> Operand | None:
        """The run-time scalar that the reader of `operand` takes over, for each of its terms."""
        by = self.runtime.get(operand.node)
        return None if by is None else through(Operand(operand.node, operand.members), by)

    def solid(self, operand: Operand) -> Operand:
        """The operand with its constant in it: a scaled copy if the constant had been taken out."""
        key = operand.node
        constant = self.constants.get(key, 1)
        if constant == 1 or key in self.runtime:
            return self.rewrite.use(operand)
        if key not in self.scaled:
            old = self.rewrite.old.op(key)
            term = Term(self.rewrite.use(Operand(key)), constant)
            self.scaled[key] = self.rewrite.emit(Combine(old.type, (term,), None, old.origin))
        return through(operand, Operand(self.scaled[key]))

    # ------------------------------------------------------------ what may move

    def exact(self, key: int, dtype: str) -> bool:
        """Whether a reader of type `dtype` may scale: integers wrap, so only in their own type."""
        node_dtype = self.rewrite.old.type(key).dtype
        return DTYPES[node_dtype].kind != "integer" or node_dtype == dtype

    def moderate(self, constant: float | int) -> bool:
        return constant != 0 and 1 / self.largest <= abs(constant) <= self.largest

    def floats(self, key: int, dtype: str, constant: float | int) -> bool:
        """Whether a product's constant leaves it: every reader takes it, and f16 stays in range."""
        return (
            constant != 1
            and dtype != "f16"
            and self.moderate(constant)
            and all(use.slot in _ABSORBING and self.takes(use, dtype) for use in self.reads[key])
        )

    def takes(self, use: Use, dtype: str) -> bool:
        assert use.reader is not None
        reader = self.rewrite.old.type(use.reader).dtype
        return DTYPES[dtype].kind != "integer" or reader == dtype

    def claim(self, key: int, dtype: str, constant: float | int) -> bool:
        """Whether all readers of `key` take its run-time scalar and its constant, each having none yet."""
        reads = self.reads[key]
        places = []
        for use in reads:
            if use.reader is None or not self.takes(use, dtype):
                return False
            reader = self.rewrite.old.op(use.reader)
            match reader:
                case Product(by=None, factor=factor) if use.slot in ("lhs", "rhs"):
                    places.append((use.reader, -1))
                case Product(addends=terms) | Combine(terms=terms) if use.slot in ("addend", "term"):
                    if terms[use.place].by is not None:
                        return False
                    factor = terms[use.place].factor
                    places.append((use.reader, use.place))
                case _:
                    return False
            if times(reader.type.dtype, factor, constant) is None:
                return False
        free = len(set(places)) == len(places) and not self.claimed.intersection(places)
        if free and places:
            self.claimed.update(places)
            return True
        return False
