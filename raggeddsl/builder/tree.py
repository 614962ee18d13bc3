"""A pytree of matrices in, the shapes of its leaves and their one element type out."""

from __future__ import annotations

from typing import Any

import numpy as np

from raggeddsl.builder.shapes import dtype_name
from raggeddsl.diagnostics.errors import refuse


def matrices_of(name: str, tree: Any, dtype: Any) -> tuple[np.ndarray, str | None]:
    """int64[N, 2] shapes of the leaves, in order, and their dtype (None where there are no leaves)."""
    import jax

    shapes: list[tuple[int, int]] = []
    dtypes: dict[str, str] = {}
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        place = f"`{name}{jax.tree_util.keystr(path)}`"
        shape = getattr(leaf, "shape", None)
        if shape is None or len(shape) != 2:
            given = f"of type `{type(leaf).__name__}`" if shape is None else f"of shape {tuple(shape)}"
            help = "choose the matrices first, such as by `jax.tree.map` or a list of leaves"
            refuse("RMM306", f"the leaf {place} is {given}, not a matrix", help)
        shapes.append((int(shape[0]), int(shape[1])))
        dtypes.setdefault(str(leaf.dtype), place)
    if dtype is not None:
        return np.array(shapes, np.int64).reshape(-1, 2), dtype_name(dtype)
    if len(dtypes) > 1:
        (first, one), (second, other) = list(dtypes.items())[:2]
        message = f"the leaves of `{name}` differ in dtype: {one} is {first}, {other} is {second}"
        refuse("RMM307", message, "make one family for each, or give `dtype=`")
    found = next((dtype_name(np.dtype(one)) for one in dtypes), None)
    return np.array(shapes, np.int64).reshape(-1, 2), found
