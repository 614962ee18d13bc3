"""`merge`: many like operations on single matrices in, one family operation for all of them out.

A spec or a `Builder` may name 1000 matrices one by one.  Their inputs become one family a dtype, but
for large ones; then, level by level, operations of one form whose operands lie in the same nodes become
one, its maps saying which member reads what.  Families that a spec declares stay as they are.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.graph.buffers import of_their_own
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.nodes import (
    Chain,
    Combine,
    FamilyType,
    Input,
    Join,
    Node,
    Operand,
    Origin,
    Output,
    Product,
    Term,
    Transpose,
    View,
    operands,
)
from raggeddsl.graph.passes.rewrite import Rewrite, Use, tidy, uses
from raggeddsl.tuning import DEFAULT, GraphTuning


@dataclass(frozen=True)
class Merge:
    """Puts like operations on single matrices together.

    A few inputs of one dtype stay on their own.  Of more, the large ones do.
    """

    name: ClassVar[str] = "merge"
    tuning: GraphTuning = DEFAULT.graph

    def apply(self, graph: Graph) -> Graph:
        """The graph with like single operations as families; itself if there are none."""
        reads = uses(graph)
        single = _single(graph, reads)
        if len(single) < 2:
            return graph
        rewrite = Rewrite(graph)
        merged = self._inputs(rewrite)
        for level in _levels(graph):
            groups: dict[Hashable, list[int]] = {}
            for key in level:
                groups.setdefault(_form(rewrite, key, reads[key], key in single), []).append(key)
            for keys in groups.values():
                if len(keys) == 1:
                    rewrite.keep(keys[0])
                else:
                    _put(rewrite, keys, _joined([_spelt(rewrite, key) for key in keys]))
                    merged = True
        if not merged:
            return graph
        return rewrite.graph(_outputs(rewrite))

    def _inputs(self, rewrite: Rewrite) -> bool:
        """Emit the inputs, single ones of one kind as one family; whether any were merged."""
        kinds: dict[Hashable, list[int]] = {}
        for key in rewrite.old.inputs:
            node = rewrite.old.op(key)
            assert isinstance(node, Input)
            kinds.setdefault(key if node.family else (node.type.dtype, node.type.scalar), []).append(key)
        merged = False
        for keys in kinds.values():
            few = len(keys) <= max(self.tuning.few_inputs, 1)  # a family is alone of its kind, and stays one
            separate = keys if few else self._large(rewrite.old, keys)
            for key in separate:
                rewrite.keep(key)
            shared = [key for key in keys if key not in separate]
            if not shared:
                continue
            inputs = [rewrite.old.op(key) for key in shared]
            names = tuple(name for node in inputs if isinstance(node, Input) for name in node.names)
            _put(rewrite, shared, Input(_stacked(inputs), names, False, _origin(inputs)))
            merged = True
        return merged

    def _large(self, graph: Graph, keys: list[int]) -> list[int]:
        """Those of the inputs `keys`, all of one kind, that are worth a buffer of their own."""
        types = [graph.type(key) for key in keys]
        sizes = np.array([int(type.sizes.sum()) for type in types])
        return [keys[place] for place in of_their_own(sizes, DTYPES[types[0].dtype].itemsize, self.tuning)]


def _put(rewrite: Rewrite, keys: list[int], node: Node) -> None:
    """Emit `node`, whose members are those of the nodes `keys` one after another."""
    new = rewrite.emit(node)
    start = 0
    for key in keys:
        stop = start + len(rewrite.old.type(key))
        rewrite.moved[key] = Operand(new, np.arange(start, stop))
        start = stop


def _single(graph: Graph, reads: dict[int, list[Use]]) -> set[int]:
    """Nodes that are single matrices or made of nothing else, and not shown as a family."""
    alone: set[int] = set()
    single: set[int] = set()
    for key in graph.order():
        node = graph.op(key)
        if isinstance(node, Input):
            if not node.family:
                alone.add(key)
            continue
        read = operands(node)
        if read and all(operand.node in alone for operand in read):
            alone.add(key)
        elif len(node.type) != 1:
            continue
        outside = [use for use in reads[key] if use.slot in ("part", "output")]
        kept = any(use.slot == "part" or graph.outputs[use.place].family for use in outside)
        if not kept and not isinstance(node, Join | View):
            single.add(key)
    return single


def _levels(graph: Graph) -> list[list[int]]:
    """The operations by their distance from the inputs: those of one level are independent."""
    depth: dict[int, int] = {}
    levels: list[list[int]] = []
    for key in graph.order():
        node = graph.op(key)
        if isinstance(node, Input):
            depth[key] = 0
            continue
        depth[key] = 1 + max((depth[operand.node] for operand in operands(node)), default=0)
        while len(levels) < depth[key]:
            levels.append([])
        levels[depth[key] - 1].append(key)
    return levels


def _form(rewrite: Rewrite, key: int, reads: list[Use], single: bool) -> Hashable:
    """What two nodes must have in common to be merged: a node that must stay alone has its key."""
    if not single:
        return key
    node = rewrite.old.op(key)
    sources = tuple(_source(rewrite, operand) for operand in operands(node))
    common = (type(node), node.type.dtype, node.type.scalar, _readers(rewrite.old, reads), sources)
    match node:
        case Transpose():
            return common
        case Chain():
            return (*common, node.arithmetic, node.left)
        case Product():
            scales = tuple((term.factor, term.by is None) for term in node.addends)
            return (*common, node.arithmetic, node.factor, node.by is None, node.target is None, scales)
        case Combine():
            scales = tuple((term.factor, term.by is None) for term in node.terms)
            return (*common, node.target is None, scales)
        case Input() | Join() | View():
            raise AssertionError("inputs, joins and views are not merged by form")
        case _:
            assert_never(node)


def _source(rewrite: Rewrite, operand: Operand) -> tuple[int, bool]:
    value = rewrite.moved.get(operand.node)
    if value is None:
        return operand.node, operand.transposed
    return value.node, operand.transposed != value.transposed


def _readers(graph: Graph, reads: list[Use]) -> Hashable:
    """How a node is read: passes that fold it into its only reader can do so for all or none."""
    if len(reads) != 1:
        return len(reads) > 0, any(use.slot == "output" for use in reads)
    use = reads[0]
    if use.reader is None:
        return "output"
    reader = graph.op(use.reader)
    return type(reader), use.slot, use.place, use.operand.transposed, len(operands(reader))


# ---------------------------------------------------------------- one node of many


def _stacked(nodes: Sequence[Node]) -> FamilyType:
    first = nodes[0].type
    rows = np.concatenate([node.type.rows for node in nodes])
    cols = np.concatenate([node.type.cols for node in nodes])
    return FamilyType(rows, cols, first.dtype, first.scalar)


def _origin(nodes: Sequence[Node]) -> Origin:
    first = nodes[0].origin
    label = f"{first.label} and {len(nodes) - 1} more" if first.label else ""
    return Origin(label, first.span)


def _spelt(rewrite: Rewrite, key: int) -> tuple[Node, list[Operand]]:
    """An old node and its operands in the new graph, every map written out."""
    node = rewrite.old.op(key)
    spelt = []
    for operand in operands(node):
        members = operand.members
        if members is None:
            members = np.arange(len(rewrite.old.type(operand.node)))
        spelt.append(rewrite.use(Operand(operand.node, members, operand.transposed)))
    return node, spelt


def _joined(parts: list[tuple[Node, list[Operand]]]) -> Node:
    """The node whose members are those of all parts, one after another."""
    nodes = [node for node, _ in parts]
    columns = iter(zip(*(spelt for _, spelt in parts), strict=True))

    def next_operand() -> Operand:
        column = next(columns)
        return Operand(column[0].node, np.concatenate([use.members for use in column]), column[0].transposed)

    def next_by(by: Operand | None) -> Operand | None:
        return None if by is None else next_operand()

    def next_term(term: Term) -> Term:
        return Term(next_operand(), term.factor, next_by(term.by))

    first = nodes[0]
    type, origin = _stacked(nodes), _origin(nodes)
    match first:
        case Transpose():
            return Transpose(type, next_operand(), origin)
        case Chain():
            factors = tuple(next_operand() for _ in first.factors)
            return Chain(type, factors, first.arithmetic, first.left, origin)
        case Product():
            return replace(
                first,
                type=type,
                lhs=next_operand(),
                rhs=next_operand(),
                by=next_by(first.by),
                target=_targets(nodes),
                addends=tuple(next_term(term) for term in first.addends),
                origin=origin,
            )
        case Combine():
            terms = tuple(next_term(term) for term in first.terms)
            return Combine(type, terms, _targets(nodes), origin)
        case Input() | Join() | View():
            raise AssertionError("inputs, joins and views are not merged by form")
        case _:
            assert_never(first)


def _targets(nodes: list[Node]) -> np.ndarray | None:
    """The parts' targets, each moved on by the members before it."""
    targets, start = [], 0
    for node in nodes:
        assert isinstance(node, Product | Combine)
        if node.target is None:
            return None
        targets.append(node.target + start)
        start += len(node.type)
    return np.concatenate(targets)


def _outputs(rewrite: Rewrite) -> tuple[Output, ...]:
    """The outputs rewritten; single matrices of one node under one `Output`, in member order."""
    shown: dict[Hashable, list[Output]] = {}
    for place, output in enumerate(rewrite.old.outputs):
        new = replace(output, operand=rewrite.use(output.operand))
        merged = not output.family and output.operand.node in rewrite.moved
        shown.setdefault((new.operand.node, new.operand.transposed) if merged else -1 - place, []).append(new)
    sizes = {key: len(node.type) for key, node in rewrite.ops.items()}
    return tuple(
        piece
        for outputs in shown.values()
        for piece in (outputs if len(outputs) == 1 else _together(outputs, sizes[outputs[0].operand.node]))
    )


def _together(outputs: list[Output], count: int) -> list[Output]:
    """One `Output` for many singles of a node of `count` members; members shown twice in a second one."""
    names = [name for output in outputs for name in output.names]
    use = outputs[0].operand
    members = np.concatenate([output.operand.members for output in outputs])
    order = np.argsort(members, kind="stable")
    again = np.zeros(len(order), bool)
    again[1:] = members[order][1:] == members[order][:-1]
    pieces = []
    for places in (order[~again], order[again]):
        if len(places):
            operand = Operand(use.node, tidy(members[places], count), use.transposed)
            pieces.append(Output(tuple(names[place] for place in places), operand, False, outputs[0].span))
    return pieces
