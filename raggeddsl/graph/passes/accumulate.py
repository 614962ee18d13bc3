"""`accumulate`: sums of results in, products that add onto their destination out.

A sum whose only use is to be summed again becomes one sum; a product whose only use is a sum takes
the sum's scale, its targets and its other terms (as `addends`), so that no result is written only
to be read once and added.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import ClassVar

from raggeddsl.graph.factors import times
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import Combine, Operand, Product, Term, operands
from raggeddsl.graph.passes.rewrite import (
    Rewrite,
    compose,
    flipped_node,
    injective,
    taken,
    taken_term,
    through,
)
from raggeddsl.tuning import DEFAULT, GraphTuning


@dataclass(frozen=True)
class Accumulate:
    """Folds sums into the sums and products that they read, where those have no other reader."""

    name: ClassVar[str] = "accumulate"
    tuning: GraphTuning = DEFAULT.graph

    def apply(self, graph: Graph) -> Graph:
        """The graph with sums folded; itself if there are none."""
        if not any(isinstance(graph.op(key), Combine) for key in graph):
            return graph
        rewrite = Rewrite(graph)
        reads = Counter(use.node for key in graph for use in operands(graph.op(key)))
        reads.update(2 * [output.operand.node for output in graph.outputs])
        for key in graph.order():
            rewrite.keep(key)
            if isinstance(graph.op(key), Combine):
                _flatten(rewrite, key, reads, self.tuning.most_terms)
                _host(rewrite, key, reads)
        return rewrite.graph()


# ---------------------------------------------------------------- sums of sums


def _flatten(rewrite: Rewrite, key: int, reads: Counter[int], most: int) -> None:
    """Replace terms of sum `key` that are sums read only here by their own terms, up to about `most`."""
    node = rewrite.ops[key]
    assert isinstance(node, Combine)
    terms: list[Term] = []
    target = node.target
    gone: list[int] = []
    for term in node.terms:
        inner = rewrite.ops[term.x.node]
        alone = reads[term.x.node] == 1
        if not alone or not isinstance(inner, Combine) or not _fits(node, term, inner, most):
            terms.append(term)
            continue
        gone.append(term.x.node)
        if inner.target is not None:
            by = None if term.by is None else taken(term.by, inner.target)
            term, target = replace(term, by=by), compose(inner.target, node.target)
        terms += _inlined(term, inner)
    if not gone:
        return
    for inner_key in gone:
        del rewrite.ops[inner_key]
    rewrite.ops[key] = replace(node, terms=tuple(terms), target=target)


def _fits(node: Combine, term: Term, inner: Combine, most: int) -> bool:
    """Whether the sum `inner` may be spelt out in `term`; one with targets only if it is all of `node`."""
    if inner.type.dtype != node.type.dtype or not _scalable(term, inner):
        return False
    if len(node.terms) + len(inner.terms) > most:
        return False
    if inner.target is None:
        return injective(term.x.members)
    return len(node.terms) == 1 and term.x.members is None


def _scalable(term: Term, inner: Combine | Product) -> bool:
    """Whether `inner` can take the scale of `term`: one run-time scalar a term, factors in range."""
    if isinstance(inner, Combine):
        scaled = inner.terms
    else:
        scaled = (Term(inner.lhs, inner.factor, inner.by), *inner.addends)
    if term.by is not None and any(inner_term.by is not None for inner_term in scaled):
        return False
    return all(times(inner.type.dtype, inner_term.factor, term.factor) is not None for inner_term in scaled)


def _inlined(term: Term, inner: Combine) -> tuple[Term, ...]:
    """The terms of `inner` as `term` uses them."""
    if term.factor == 1 and term.by is None and term.x.members is None and not term.x.transposed:
        return inner.terms
    return tuple(_scaled(inner_term, term, inner.type.dtype) for inner_term in inner.terms)


def _scaled(inner: Term, outer: Term, dtype: str) -> Term:
    """A term of what `outer` reads, read by itself with the scale, map and transpose of `outer`."""
    x = through(outer.x, inner.x)
    by = outer.by if inner.by is None else taken(inner.by, outer.x.members)
    return Term(x, _joined(dtype, inner, outer), by)


def _joined(dtype: str, inner: Term | Product, outer: Term) -> float | int:
    """The factor of both, which `_scalable` has found to be in range."""
    factor = times(dtype, inner.factor, outer.factor)
    assert factor is not None, "such terms are not folded"
    return factor


# ---------------------------------------------------------------- products


def _host(rewrite: Rewrite, key: int, reads: Counter[int]) -> None:
    """Turn sum `key` into a product that adds the sum's other terms, if one of its terms allows it."""
    node = rewrite.ops[key]
    assert isinstance(node, Combine)
    for place in reversed(range(len(node.terms))):
        product = _folded(rewrite, node, place, reads)
        if product is None:
            continue
        del rewrite.ops[node.terms[place].x.node]
        others = node.terms[:place] + node.terms[place + 1 :]
        if others and node.target is not None:
            # the other terms go to their targets first; their sums are then added a member at a time
            summed = rewrite.emit(Combine(node.type, others, node.target, node.origin))
            others = (Term(Operand(summed)),)
        del rewrite.ops[key]
        rewrite.ops[key] = replace(product, addends=product.addends + others)
        return


def _folded(rewrite: Rewrite, node: Combine, place: int, reads: Counter[int]) -> Product | None:
    """Term `place` of `node`, a product read only there, as the product that writes `node`'s members."""
    term = node.terms[place]
    product = rewrite.ops.get(term.x.node)
    if not isinstance(product, Product) or reads[term.x.node] != 1:
        return None
    if product.type.dtype != node.type.dtype or not _scalable(term, product):
        return None
    if term.x.transposed:
        product = flipped_node(product)
        assert isinstance(product, Product)
    if product.target is None:
        return _onto_targets(node, term, product)
    return _onto_sums(node, term, product)


def _onto_targets(node: Combine, term: Term, product: Product) -> Product | None:
    """A product whose terms are its members: they take the sum's map and targets."""
    members = term.x.members
    if not injective(members) or (product.addends and node.target is not None):
        return None
    by = term.by if product.by is None else taken(product.by, members)
    return replace(
        product,
        type=node.type,
        lhs=taken(product.lhs, members),
        rhs=taken(product.rhs, members),
        factor=_joined(node.type.dtype, product, term),
        by=by,
        target=node.target,
        addends=_scaled_addends(product, term),
        origin=node.origin,
    )


def _onto_sums(node: Combine, term: Term, product: Product) -> Product | None:
    """A product that sums already: its sums are scaled, or summed further."""
    if term.x.members is not None or (product.addends and node.target is not None):
        return None
    assert product.target is not None
    by = product.by if term.by is None else taken(term.by, product.target)
    return replace(
        product,
        type=node.type,
        factor=_joined(node.type.dtype, product, term),
        by=by,
        target=compose(product.target, node.target),
        addends=_scaled_addends(product, term),
        origin=node.origin,
    )


def _scaled_addends(product: Product, term: Term) -> tuple[Term, ...]:
    """The product's addends, re-indexed and scaled as `term` does."""
    dtype = product.type.dtype
    moved = (taken_term(addend, term.x.members) for addend in product.addends)
    return tuple(Term(a.x, _joined(dtype, a, term), a.by if term.by is None else term.by) for a in moved)
