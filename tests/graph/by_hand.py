"""An evaluator of specs for tests: the syntax tree and NumPy inputs in, results out, in plain loops.

Knows nothing of graphs: every definition is worked out member by member from the tree, in the
most obvious way, so that elaboration can be held against it.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from raggeddsl.diagnostics.diagnostic import Diagnostic
from raggeddsl.diagnostics.errors import Diagnostics
from raggeddsl.elaborate import elaborate
from raggeddsl.elaborate.uses import walk
from raggeddsl.graph.graph import Graph
from raggeddsl.graph.interpret import interpret
from raggeddsl.graph.nodes import Input
from raggeddsl.language import ast
from raggeddsl.language.parse import parse
from raggeddsl.options import Options

Values = dict[str, Any]

_OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "@": operator.matmul,
    "//": operator.floordiv,
}


def built(text: str, options: Options | None = None) -> tuple[Graph, list[Diagnostic]]:
    """The graph of `text`, and everything said about it."""
    found = Diagnostics()
    program = parse(text, diagnostics=found)
    return elaborate(program, options or Options(), found), found.found


def graph_of(text: str, options: Options | None = None) -> Graph:
    """The graph of a spec without any fault."""
    graph, found = built(text, options)
    assert [one for one in found if one.severity == "error"] == []
    return graph


def codes(text: str, options: Options | None = None) -> list[str]:
    """The codes of everything said about `text`, by position."""
    return [one.code for one in sorted(built(text, options)[1], key=lambda one: one.start)]


def random_inputs(graph: Graph, seed: int = 0, scale: float = 1.0) -> Values:
    """Small whole numbers for every input, so that results are exact, times `scale`."""
    rng = np.random.default_rng(seed)
    values: Values = {}
    for key in graph.inputs:
        node = graph.op(key)
        assert isinstance(node, Input)
        sizes = zip(node.type.rows, node.type.cols, strict=True)
        shapes = [() if node.type.scalar else size for size in sizes]
        arrays = [scale * rng.integers(-2, 3, shape) for shape in shapes]
        values.update({node.names[0]: arrays} if node.family else zip(node.names, arrays, strict=True))
    return values


def agrees(text: str, options: Options | None = None, seed: int = 0, scale: float = 1.0) -> Graph:
    """Assert that the graph of `text` gives what the spec says; returns the graph."""
    graph = graph_of(text, options)
    inputs = random_inputs(graph, seed, scale)
    wanted = ByHand(text, options or Options(), inputs).outputs()
    have = interpret(graph, inputs)
    assert list(have) == list(wanted)
    for name, value in wanted.items():
        if isinstance(value, list):
            assert len(have[name]) == len(value)
            pairs = zip(have[name], value, strict=True)
        else:
            pairs = zip([have[name]], [value], strict=True)
        for got, want in pairs:
            assert np.shape(got) == np.shape(want)
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12, err_msg=name)
    return graph


class ByHand:
    """One evaluation of a spec that is right; lists are families, arrays are single matrices."""

    def __init__(self, text: str, options: Options, inputs: Mapping[str, Any]) -> None:
        self.program = parse(text)
        self.lengths: dict[str, int] = {}
        self.dims: dict[str, Any] = {}
        self.maps: dict[str, list[int]] = {}
        self.functions: dict[str, ast.FunctionDef] = {}
        self.values: Values = dict(inputs)
        self.options = options
        self.empty: tuple[int, int] = (0, 0)

    def outputs(self) -> Values:
        results: Values = {}
        for statement in self.program.statements():
            match statement:
                case ast.IndexDecl(names=names, size=size):
                    if size is not None:
                        self.lengths.update({name.name: self.size(size, {}) for name in names})
                case ast.DimDecl(names=names, value=value):
                    for name in names:
                        given = self.options.dims.get(name.name)
                        self.dims[name.name] = self.listed(name, value) if given is None else given
                case ast.MapDecl(names=names, value=value):
                    self.maps.update({name.name: self.listed(name, value) for name in names})
                case ast.FunctionDef(name=name):
                    self.functions[name.name] = statement
                case ast.Definition(name=name, output=output):
                    self.values[name.name] = self.defined(statement)
                    if output:
                        results[name.name] = self.values[name.name]
                case _:
                    pass
        return results

    def listed(self, name: ast.Name, value: ast.Expr) -> Any:
        if isinstance(value, ast.ListLiteral):
            values = [self.size(item, {}) for item in value.items]
        elif isinstance(value, ast.Call) and value.function == "range":
            values = list(range(*(self.size(argument, {}) for argument in value.arguments)))
        elif isinstance(value, ast.Call):
            values = self.table(name, value)
        elif name.index is None:
            return self.size(value, {})
        else:
            return [self.size(value, {name.index: k}) for k in range(self.lengths[name.index])]
        assert name.index is not None
        self.lengths[name.index] = len(values)
        return values

    def table(self, name: ast.Name, call: ast.Call) -> list[int]:
        path = call.arguments[0]
        assert isinstance(path, ast.Text) and self.options.folder is not None
        rows = (Path(self.options.folder) / path.value).read_text().split("\n")
        chosen = {key: text.value for key, text in call.keywords if isinstance(text, ast.Text)}
        column = rows[0].split(",").index(chosen.get(name.name, name.name))
        return [int(row.split(",")[column]) for row in rows[1:] if row]

    def size(self, expr: ast.Expr, at: Mapping[str, int]) -> int:
        match expr:
            case ast.Number(value=value):
                return int(value)
            case ast.Group(inner=inner):
                return self.size(inner, at)
            case ast.Negate(operand=inner):
                return -self.size(inner, at)
            case ast.Binary(op=op, left=left, right=right):
                return int(_OPERATORS[op](self.size(left, at), self.size(right, at)))
            case ast.Ref(name=name, index=None):
                return at[name] if name in at else self.dims[name]
            case ast.Ref(name=name, index=index):
                assert index is not None
                return {**self.dims, **self.maps}[name][self.size(index, at)]
            case _:
                raise AssertionError(expr)

    def defined(self, statement: ast.Definition) -> Any:
        index = statement.name.index
        if index is None:
            return self.member(statement, {})
        return [self.member(statement, {index: k}) for k in range(self.lengths[index])]

    def member(self, statement: ast.Definition, at: Mapping[str, int]) -> Any:
        if statement.type is not None and statement.type.shape:
            rows, cols = (self.size(size, at) for size in statement.type.shape)
            self.empty = rows, cols
        return self.matrix(statement.value, at, {})

    def matrix(self, expr: ast.Expr, at: Mapping[str, int], bound: Mapping[str, Any]) -> Any:
        match expr:
            case ast.Number(value=value):
                return value
            case ast.Group(inner=inner):
                return self.matrix(inner, at, bound)
            case ast.Negate(operand=inner):
                return -self.matrix(inner, at, bound)
            case ast.Transpose(operand=inner):
                return np.transpose(self.matrix(inner, at, bound))
            case ast.Binary(op=op, left=left, right=right):
                a, b = self.matrix(left, at, bound), self.matrix(right, at, bound)
                return _OPERATORS[op](a, b)
            case ast.Ref(name=name, index=None):
                return bound[name] if name in bound else self.values[name]
            case ast.Ref(name=name, index=index):
                assert index is not None
                return self.values[name][self.size(index, at)]
            case ast.Sum():
                return self.summed(expr, at, bound)
            case ast.Call():
                return self.called(expr, at, bound)
            case _:
                raise AssertionError(expr)

    def summed(self, expr: ast.Sum, at: Mapping[str, int], bound: Mapping[str, Any]) -> Any:
        total: Any = None
        condition = expr.condition
        for k in range(self.lengths[expr.index]):
            here = {**at, expr.index: k}
            if condition and self.size(condition.left, here) != self.size(condition.right, here):
                continue
            term = self.matrix(expr.body, here, bound)
            total = term if total is None else total + term
        if total is not None:
            return total
        mentioned = {use.name for use in walk(expr.body, "matrix")}
        changes = mentioned & {expr.index, *at}
        return np.zeros(self.empty) if changes else 0 * self.matrix(expr.body, at, bound)

    def called(self, expr: ast.Call, at: Mapping[str, int], bound: Mapping[str, Any]) -> Any:
        if expr.function != "iterate":
            arguments = [self.matrix(argument, at, bound) for argument in expr.arguments]
            return self.apply(expr.function, arguments)
        function, start, count = expr.arguments
        assert isinstance(function, ast.Ref)
        value = self.matrix(start, at, bound)
        for _ in range(self.size(count, at)):
            value = self.apply(function.name, [value])
        return value

    def apply(self, name: str, arguments: list[Any]) -> Any:
        function = self.functions[name]
        names = [parameter.name for parameter in function.parameters]
        return self.matrix(function.value, {}, dict(zip(names, arguments, strict=True)))
