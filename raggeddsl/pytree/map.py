"""`tree_map` and `tree_matmul`: one program for all leaves of some trees, kept for the next call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax

from raggeddsl.api import compile
from raggeddsl.caches import kept
from raggeddsl.configuration import x64_enabled
from raggeddsl.diagnostics.errors import RmmError, refuse
from raggeddsl.options import KernelName, Target
from raggeddsl.program.program import Program
from raggeddsl.pytree.errors import NAME, Leaves, in_text
from raggeddsl.pytree.function import Function, function_of
from raggeddsl.pytree.leaves import Group, Input, groups_of, paths_of
from raggeddsl.ragged import Ragged
from raggeddsl.ragged.products import precision_name

_PROGRAMS = 64
"""How many texts and trees of shapes keep their program."""


def tree_map(
    text: str,
    /,
    *trees: Any,
    precision: Any = None,
    target: Target = "auto",
    kernel: KernelName = "auto",
    **named: Any,
) -> Any:
    """Equivalent to `jax.tree.map(f, *trees)`, where `text` says in the language what `f` is.

    `text` is an expression whose names are the keywords, as in `tree_map("A @ B.T", A=a, B=b)`
    (a single one needs none: `tree_map("X @ X.T", a)`); or `def`s, the last of which is applied, its
    parameters given in order or by name.  Leaves are matrices, all of different shapes, or numbers;
    the result has the structure of the trees.  A number, or one matrix among trees, is shared by
    all leaves.  A leaf that is a `Ragged` is mapped member by member, and gives a `Ragged`.

    All leaves are computed by one program, each in its own element type; it is kept for the next
    call with the same text and shapes.  Works under `jax.jit`, `jax.grad` and `jax.vmap`.
    `precision` is that of `jnp.matmul`, `target` and `kernel` are those of `raggeddsl.compile`.

    Raises `RmmError`: RMM712 for a leaf that is no matrix, RMM713 for what is no text, trees that
    differ in structure or names that do not fit, and whatever is wrong with the text for these
    shapes, naming the first leaf that it is wrong for.
    """
    _check_text(text)
    function = function_of(text, len(trees), tuple(named))
    every = [*trees, *(named[name] for name in function.parameters[len(trees) :])]
    return _mapped(function, every, How(precision_name(precision), target, kernel))


def _check_text(text: object) -> None:
    if not isinstance(text, str):
        message = (
            f"`tree_map` takes the text of a function first, not a value of type `{type(text).__name__}`"
        )
        python = "; a function of Python is for `jax.tree.map`" if callable(text) else ""
        refuse("RMM713", message, 'write it in the language, as in `tree_map("X @ X.T", tree)`' + python)


def tree_matmul(
    As: Any, Bs: Any, *, precision: Any = None, target: Target = "auto", kernel: KernelName = "auto"
) -> Any:
    """Equivalent to `jax.tree.map(jnp.matmul, As, Bs)`, as one program.

    Either side may be a single matrix, which all leaves of the other share.  Options are those of
    `tree_map`.  Raises what `tree_map` raises.
    """
    text = "A @ B"
    start = "def tree_f(A, B) = "
    function = Function(start + text, "tree_f", ("A", "B"), text, len(start))
    return _mapped(function, [As, Bs], How(precision_name(precision), target, kernel))


class How(NamedTuple):
    """The options of a call."""

    precision: str
    target: Target
    kernel: KernelName


def _mapped(function: Function, trees: Sequence[Any], how: How) -> Any:
    structure, groups = groups_of(function.parameters, trees)
    if not groups:
        return jax.tree.unflatten(structure, [])
    try:
        out = _computed(function, groups, how)
    except RmmError as error:
        leaves = Leaves(function.parameters, groups, paths_of(trees, structure))
        raise in_text(leaves.renamed(error), function.written, function.prefix) from None
    return jax.tree.unflatten(structure, _in_order(groups, out, structure.num_leaves))


def _computed(function: Function, groups: Sequence[Group], how: How) -> dict[str, Any]:
    program = _program(function, tuple((group.inputs, group.count) for group in groups), how, x64_enabled())
    out: dict[str, Any] = program(
        {
            _input(number, argument): _lying(value)
            for number, group in enumerate(groups)
            for argument, value in enumerate(group.values)
        }
    )
    return out


def _lying(value: Any) -> Any:
    """A transposed `Ragged` as its members lie: the program transposes them."""
    return value.T if isinstance(value, Ragged) and value.layout.column_major else value


def _in_order(groups: Sequence[Group], out: dict[str, Any], count: int) -> list[Any]:
    results: list[Any] = [None] * count
    for number, group in enumerate(groups):
        value = out[f"tree_y{number}"]
        for place, result in zip(group.places, [value] if group.whole else value.to_list(), strict=True):
            results[place] = result
    return results


def _input(group: int, argument: int) -> str:
    return f"tree_x{group}_{argument}"


@kept(_PROGRAMS)
def _program(
    function: Function, groups: tuple[tuple[tuple[Input, ...], int], ...], how: How, x64: bool
) -> Program:
    lines = [function.text]
    for number, (inputs, count) in enumerate(groups):
        index = f"tree_i{number}"
        lines.append(f"index {index} in {count}")
        arguments = []
        for argument, leaves in enumerate(inputs):
            lines += _declared(_input(number, argument), leaves, index)
            member = "" if leaves.shared else f"[{index}]"
            arguments.append(_input(number, argument) + member + ".T" * leaves.layout.column_major)
        call = f"{function.name}({', '.join(arguments)})"
        lines.append(f"output tree_y{number}[{index}] = {call} with precision={how.precision}")
    text = "\n".join(lines) + "\n"
    return compile(text, name=NAME, target=how.target, kernel=how.kernel, ahead=False)


def _declared(name: str, leaves: Input, index: str) -> list[str]:
    """The lines that declare an input, and the sizes of its members if it is a family."""
    layout = leaves.layout.transposed if leaves.layout.column_major else leaves.layout
    if leaves.shared:
        return [f"input {name} : {leaves.dtype}{list(layout.shape(0))}"]
    if layout.scalar:
        return [f"input {name}[{index}] : {leaves.dtype}[]"]
    sizes = {f"{name}_m": layout.rows, f"{name}_n": layout.cols}
    dims = [f"dim {dim}[{index}] = {column.tolist()}" for dim, column in sizes.items()]
    return [*dims, f"input {name}[{index}] : {leaves.dtype}[{', '.join(f'{dim}[{index}]' for dim in sizes)}]"]
