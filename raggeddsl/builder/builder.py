"""Python calls in, a spec's text and its `Program` out: `Builder`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, Unpack

from raggeddsl.builder.expression import Expression, Scope
from raggeddsl.builder.infer import total
from raggeddsl.builder.macro import Macro, check_body, parameters_of
from raggeddsl.builder.names import check_name
from raggeddsl.builder.nodes import (
    Applied,
    DefinitionOf,
    InputOf,
    Known,
    MacroOf,
    Named,
    Node,
    Parameter,
    Statement,
    Total,
)
from raggeddsl.builder.shapes import dtype_name, known_type, matrices_of, plain, whole_number, whole_numbers
from raggeddsl.builder.text import spec_text
from raggeddsl.builder.words import members, shown
from raggeddsl.diagnostics.errors import refuse
from raggeddsl.graph import rules
from raggeddsl.graph.nodes import Columns
from raggeddsl.graph.rules import PRECISIONS
from raggeddsl.options import CompileOptions

if TYPE_CHECKING:
    from raggeddsl.diagnostics.diagnostic import Diagnostic
    from raggeddsl.program.program import Program

NAME = "<builder>"


class Builder(Scope):
    """Builds the graph of a spec by Python calls instead of text.

    Every call is checked at once: a wrong shape, name or index raises `RmmError` there, with the code
    that the same fault has in a spec.  `to_text()` is the spec; `compile()` compiles that text, so
    that the two cannot differ.  Families are taken member by member; which member of one belongs to
    which of another is said by a map, `W[owner]`.

    `dtype` is the element type of inputs that name none.  `association` is `"flop"` (the order of a
    bare chain is chosen for each member) or `"left"`.
    """

    def __init__(self, dtype: Any = "f32", *, association: Literal["flop", "left"] = "flop") -> None:
        if association not in ("flop", "left"):
            refuse("RMM209", f"`{association}` is not a value of `association`", "it is `flop` or `left`")
        self.dtype = dtype_name(dtype)
        self.association = association
        self._names: set[str] = set()
        self._statements: list[Statement] = []

    # ------------------------------------------------------------ inputs

    def input(
        self, name: str, *, shape: Any = None, shapes: Any = None, count: int | None = None, dtype: Any = None
    ) -> Expression:
        """Declare an input.

        `shape=(m, n)` is a single matrix `dtype[m, n]`, `shape=()` a scalar; with `count=N` it is a
        family of N such members.  `shapes=`, whole numbers [N, 2], is a family of N matrices, and
        [N, 0] one of N scalars.

        Raises `RmmError`: RMM102, RMM103, RMM203 (the name), RMM306, RMM403, RMM405 (the shapes),
        RMM307 (the dtype).
        """
        check_name(name, self._names)
        element = self.dtype if dtype is None else dtype_name(dtype)
        return self._input(name, known_type(name, shape, shapes, count, element))

    def input_like(self, name: str, tree: Any, *, dtype: Any = None) -> Expression:
        """Declare a family with one member for each matrix of a pytree, in the order of `jax.tree.leaves`.

        Leaves are arrays or what else has `.shape` and `.dtype`, as `jax.eval_shape` gives; each has
        two dimensions.  `dtype` replaces theirs.  When the program is called, give
        `{name: jax.tree.leaves(tree)}`.

        Raises `RmmError`: RMM306 for a leaf that is no matrix, RMM307 where the leaves' dtypes differ
        and none is given, and as `input` does.
        """
        check_name(name, self._names)
        shapes, element = matrices_of(name, tree, dtype)
        return self._input(name, known_type(name, None, shapes, None, element or self.dtype))

    def _input(self, name: str, known: Known) -> Expression:
        self._names.add(name)
        self._statements.append(InputOf(name, known))
        return Expression(self, Named(name, known))

    # ------------------------------------------------------------ definitions

    def define(self, name: str, value: Any, *, precision: str | None = None, accum: Any = None) -> Expression:
        """Give an expression a name; returns the named thing, which ends a chain as parentheses do.

        `precision` is `default`, `high` or `highest`, as in `jax.lax.Precision`, and `accum` the dtype
        that sums over k are kept in.  Both hold for every product between `value` and the things
        named in it.

        Raises `RmmError`: RMM102, RMM103, RMM203 (the name), RMM209 (precision), RMM307 (accum).
        """
        return self._define(name, value, False, precision, accum)

    def output(self, name: str, value: Any, *, precision: str | None = None, accum: Any = None) -> Expression:
        """`define`, and hand the value to the caller of the program under this name."""
        return self._define(name, value, True, precision, accum)

    def _define(self, name: str, value: Any, output: bool, precision: str | None, accum: Any) -> Expression:
        check_name(name, self._names)
        node = self.expression_of(value, f"the value of `{name}`")
        known = node.known
        if known is None:
            refuse("RMM407", f"`{name}` reads a macro's parameter", "it has a value only in its macro")
        if precision is not None and precision not in PRECISIONS:
            refuse("RMM209", f"`{precision}` is not a precision", "precisions are default, high and highest")
        kept = None if accum is None else dtype_name(accum)
        self._names.add(name)
        self._statements.append(DefinitionOf(name, node, known, output, precision, kept))
        return Expression(self, Named(name, known))

    # ------------------------------------------------------------ sums

    def sum(
        self, value: Any, *, into: Any = None, count: int | None = None, shape: Any = None, shapes: Any = None
    ) -> Expression:
        """The sum of all members of a family, one matrix; or, with `into`, one for each of `count` results.

        Member t is added to result `into[t]` (whole numbers, one a member).  A result that no member
        reaches is zeros; its shape has to be said, by `shape` (of every result) or `shapes` [count, 2].

        Raises `RmmError`: RMM412 for a single matrix, RMM403 and RMM404 for a wrong `into`, RMM312
        where the terms of a result differ in shape, RMM309 where they are not as declared, RMM313
        where a result has neither terms nor shape, RMM401 where `into` comes without `count`.
        """
        body = self.expression_of(value, "what `b.sum` adds up")
        known = body.known
        if known is None or not known.family:
            refuse("RMM412", f"`{shown(body)}` is not a family, so there is nothing to sum over")
        if into is None:
            if count is not None or shapes is not None:
                raise TypeError("`count` and `shapes` say how many results there are: give `into=` with them")
            declared = None if shape is None else known_type("the sum", shape, None, None, known.type.dtype)
            return Expression(self, Total(body, None, declared is not None, total(body, None, 1, declared)))
        declared = None
        if shapes is not None:
            declared = known_type("the sum", None, shapes, count, known.type.dtype)
        elif count is None:
            refuse("RMM401", "`into` says which result, but not how many there are", "give `count=`")
        else:
            count = whole_number(count, "the `count` of a sum")
            if shape is not None:
                declared = known_type("the sum", shape, None, count, known.type.dtype)
        results = len(declared) if declared is not None else count
        assert results is not None
        target = self._target(body, into, len(known), results)
        return Expression(
            self, Total(body, target, declared is not None, total(body, target, results, declared))
        )

    def _target(self, body: Node, into: Any, length: int, results: int) -> Columns:
        target = whole_numbers(into, "the entries of `into`", "member")
        if target.shape != (length,):
            has = f"{len(target)} entries" if target.ndim == 1 else f"shape {target.shape}"
            refuse("RMM403", f"`into` has {has}, but `{shown(body)}` has {members(length)}")
        bad = target >= results
        if bad.any():
            place = int(bad.argmax())
            message = f"`into` sends member {place} to result {target[place]}"
            refuse("RMM404", f"{message}, but there are {results} results", "results are counted from 0")
        return target

    # ------------------------------------------------------------ functions

    def macro(self, name: str, function: Callable[..., Any]) -> Macro:
        """Write a Python function of matrices into the spec, as a `def`.

        The function is called once with placeholders for its arguments; it may use single matrices
        from outside, but no family.  Call the macro on expressions, or give it to `iterate`.

        Raises `RmmError`: RMM102, RMM103, RMM203 (the name), RMM407 (a family is read), RMM108 and
        RMM211 (too large).
        """
        check_name(name, self._names)
        parameters = parameters_of(name, function)
        placeholders = tuple(Parameter(parameter) for parameter in parameters)
        handles = [Expression(self, placeholder) for placeholder in placeholders]
        body = self.expression_of(function(*handles), f"the value of `{name}`")
        check_body(name, placeholders, body)
        check_name(name, self._names)
        self._names.add(name)
        self._statements.append(MacroOf(name, placeholders, body))
        return Macro(self, name, function, len(parameters))

    def iterate(self, function: Callable[[Expression], Any], value: Any, times: int) -> Expression:
        """`function(… function(value))`, `times` times.

        A `Macro` is iterated in the spec; any other function is called `times` times here, so it may
        use families, and may do something else each time.

        Raises `RmmError`: RMM210 for what is no count, RMM314 where a step changes the shape.
        """
        node = self.expression_of(value, "what is iterated")
        count = plain(times)
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            refuse("RMM210", f"`iterate` cannot repeat {times!r} times", "the count is a whole number from 1")
        if isinstance(function, Macro):
            return self._iterated(function, node, count)
        for _ in range(count):
            step = self.expression_of(function(Expression(self, node)), "the value of an iterated function")
            _same_shape(node, step)
            node = step
        return Expression(self, node)

    def _iterated(self, macro: Macro, node: Node, times: int) -> Expression:
        if macro.builder is not self:
            refuse("RMM212", f"the macro `{macro.name}` belongs to another builder", "make it in this one")
        once = macro(Expression(self, node)).node
        _same_shape(node, once)
        return Expression(self, Applied(macro.name, (node,), times, once.known))

    # ------------------------------------------------------------ what it is worth

    def to_text(self) -> str:
        """The spec, in the layout of the formatter.

        `raggeddsl.compile(b.to_text())` has the same plan as `b.compile()`.  What is used more than
        once or is nested deeply has a name of its own in it.
        """
        return spec_text(self._statements, self._names, left=self.association == "left")

    def compile(self, *, ahead: bool = True, **options: Unpack[CompileOptions]) -> Program:
        """Compile what was built; `options` are those of `raggeddsl.compile`.

        Raises `RmmError` with what is still wrong, placed in the text that `to_text` gives.
        """
        from raggeddsl.api import compile as compile_text

        return compile_text(self.to_text(), name=NAME, ahead=ahead, **options)

    def check(self) -> list[Diagnostic]:
        """The errors and warnings that compiling would give; nothing is compiled."""
        from raggeddsl.api import check as check_text

        return check_text(self.to_text(), name=NAME)

    def __repr__(self) -> str:
        kinds = [type(statement) for statement in self._statements]
        words = {InputOf: "inputs", DefinitionOf: "definitions", MacroOf: "macros"}
        counts = [f"{kinds.count(kind)} {word}" for kind, word in words.items() if kind in kinds]
        return f"Builder({', '.join(counts)})"


def _same_shape(before: Node, after: Node) -> None:
    old, new = before.known, after.known
    if old is None or new is None:
        return
    same_members = old.family == new.family and len(old) == len(new)
    if not same_members or rules.iterated(old.type, new.type) is not None:
        refuse(
            rules.ShapeNotKept.code,
            f"an iterated function changes the shape of `{shown(before)}`",
            "a function that is iterated gives what it takes",
        )
