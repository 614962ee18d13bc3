"""Arguments that are trees in, their leaves in groups out: a group is a family of one element type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.diagnostics.errors import refuse
from raggeddsl.packing.arrays import as_array, shapes
from raggeddsl.packing.element_types import weak
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.product_types import short_of
from raggeddsl.ragged import Ragged
from raggeddsl.ragged.operations import check_packed


@dataclass(frozen=True, slots=True)
class Input:
    """One argument for the leaves of a group: how they lie, their type, whether all share one value."""

    layout: Layout
    dtype: str
    shared: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Some leaves of the trees, by number: what the program must know of each argument, and its values.

    With `whole`, it is one leaf, a `Ragged`.
    """

    places: tuple[int, ...]
    inputs: tuple[Input, ...]
    values: tuple[Any, ...]
    whole: bool

    @property
    def count(self) -> int:
        """How many members the group has."""
        return max((len(argument.layout) for argument in self.inputs if not argument.shared), default=1)


def groups_of(names: Sequence[str], trees: Sequence[Any]) -> tuple[Any, list[Group]]:
    """The structure of the result, and the groups.  Raises RMM712 and RMM713."""
    flat = [_flat(tree) for tree in trees]
    lone: Any = jax.tree.structure(0)
    whole = next((structure for _, structure in flat if structure != lone), lone)
    unshared: list[list[Any] | None] = []
    alone: list[Any] = []
    for name, (leaves, structure) in zip(names, flat, strict=True):
        read = [_leaf(leaf, name, path) for path, leaf in leaves]
        shared = structure == lone and not _is_ragged(read[0]) and (whole != lone or np.ndim(read[0]) == 0)
        if structure != whole and not shared:
            place = [structure for _, structure in flat].index(whole)
            _refuse_structure((name, *flat[names.index(name)]), (names[place], *flat[place]))
        unshared.append(None if shared else read)
        alone.append(read[0] if shared else None)
    paths = [] if whole == lone else next(leaves for leaves, structure in flat if structure == whole)
    kinds: dict[Any, list[int]] = {}
    for place in range(whole.num_leaves):
        kinds.setdefault(_kind(unshared, place, paths), []).append(place)
    return whole, [_group(names, unshared, alone, kind, places, paths) for kind, places in kinds.items()]


def paths_of(trees: Sequence[Any], structure: Any) -> list[str]:
    """The path of each leaf, in the trees that have this structure, as `jax.tree_util.keystr` writes it."""
    leaves = next(leaves for leaves, tree_structure in map(_flat, trees) if tree_structure == structure)
    return [jax.tree_util.keystr(path) for path, _ in leaves]


_Flat = tuple[list[tuple[Any, Any]], Any]
"""The leaves of a tree, each after its path, and its structure."""


def _flat(tree: Any) -> _Flat:
    return jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_ragged)


def _refuse_structure(first: tuple[str, list[Any], Any], second: tuple[str, list[Any], Any]) -> NoReturn:
    """Raise RMM713 for two trees (name, leaves, structure), naming the first leaf that only one has."""
    help = "trees have one structure; a number or one matrix is shared by all leaves"
    paths = [
        dict.fromkeys(jax.tree_util.keystr(path) for path, _ in leaves) for _, leaves, _ in (first, second)
    ]
    for have, lack in ((0, 1), (1, 0)):
        for path in paths[have]:
            if path and path not in paths[lack]:
                name, another = (first, second)[have][0], (first, second)[lack][0]
                refuse("RMM713", f"`{name}` has a leaf `{path}`, where `{another}` has none", help)
    refuse("RMM713", f"`{first[0]}` is {first[2]}, where `{second[0]}` is {second[2]}", help)


def _is_ragged(value: Any) -> bool:
    return isinstance(value, Ragged)


def _leaf(value: Any, name: str, path: Any) -> Any:
    """A `Ragged`, a matrix or a number; numbers of Python stay what they are, since they have no type."""
    if _is_ragged(value):
        return value
    called = f"`{name}{jax.tree_util.keystr(path)}`"
    try:
        array = as_array(value)
    except TypeError as error:
        refuse("RMM712", f"the leaf {called} cannot be read as a matrix: {error}", "give arrays of numbers")
    if array.ndim not in (0, 2):
        axes = f"{array.ndim} ax{'is' if array.ndim == 1 else 'es'}"
        help = "reshape it to (rows, columns), or leave it out of the tree: None is no leaf"
        refuse("RMM712", f"the leaf {called} has {axes}, shape {array.shape}; a matrix has 2", help)
    if array.ndim == 0 and array.dtype == bool:
        value = array = jnp.multiply(array, 1)  # a weak integer: a truth value gives way to every type
    return value if weak(value) and array.ndim == 0 else array


def _kind(unshared: Sequence[list[Any] | None], place: int, paths: Sequence[Any]) -> Any:
    """Leaves of equal kinds are a family: the element type of each argument, and whether it is a number."""
    leaves = [column[place] for column in unshared if column is not None]
    if any(map(_is_ragged, leaves)):
        if not all(_is_ragged(leaf) and len(leaf) == len(leaves[0]) for leaf in leaves):
            leaf = f"the leaf `{_path(paths, place)}`" if paths else "one tree"
            message = f"{leaf} is a Ragged in one tree and in another is none, or a longer one"
            refuse("RMM713", message, "give a Ragged of as many members in each tree")
        return place
    return tuple((None if weak(leaf) else leaf.dtype, np.ndim(leaf)) for leaf in leaves)


def _path(paths: Sequence[Any], place: int) -> str:
    """`['w'][0]`, the path of a leaf; of a tree that is only a leaf, nothing."""
    return jax.tree_util.keystr(paths[place][0]) if paths else ""


def _group(
    names: Sequence[str],
    unshared: Sequence[list[Any] | None],
    alone: Sequence[Any],
    kind: Any,
    places: list[int],
    paths: Sequence[Any],
) -> Group:
    columns = [
        [value] if column is None else [column[place] for place in places]
        for column, value in zip(unshared, alone, strict=True)
    ]
    typed = [column[0].dtype for column in columns if not weak(column[0])]
    usual = jax.dtypes.canonicalize_dtype(typed[0] if typed else np.result_type(columns[0][0]))
    inputs, values = [], []
    for name, column, first in zip(names, columns, unshared, strict=True):
        dtype = usual if weak(column[0]) else jax.dtypes.canonicalize_dtype(column[0].dtype)
        shared = first is None
        called = name if shared else name + _path(paths, places[0])
        short = short_of(dtype, f"the leaf `{called}`")
        if _is_ragged(column[0]):
            check_packed(column[0].data, column[0].layout, called)
            inputs.append(Input(column[0].layout, short, False))
            values.append(column[0])
        else:
            leaf_shapes = [np.shape(leaf) for leaf in column] if weak(column[0]) else shapes(column)
            inputs.append(Input(Layout.of_shapes(leaf_shapes), short, shared))
            values.append(column[0] if shared else column)
    return Group(tuple(places), tuple(inputs), tuple(values), not isinstance(kind, tuple))
