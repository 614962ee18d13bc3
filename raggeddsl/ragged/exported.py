"""A layout in, bytes out, and back: how `jax.export` writes down what a `Ragged` argument or result is."""

from __future__ import annotations

import numpy as np
from jax import export

from raggeddsl.packing.layout import Layout
from raggeddsl.ragged.ragged import Ragged

NAME = "raggeddsl.Ragged"
"""What serialized programs call the type."""


def to_bytes(layout: Layout) -> bytes:
    """Two bytes, whether it holds scalars and lies column-major; rows and columns as little-endian int64."""
    shapes = np.concatenate([layout.rows, layout.cols])
    return bytes([layout.scalar, layout.column_major]) + shapes.astype("<i8").tobytes()


def from_bytes(content: bytes) -> Layout:
    """The layout that `to_bytes` wrote."""
    rows, cols = np.frombuffer(content[2:], "<i8").reshape(2, -1)
    return Layout.of(rows, cols, bool(content[0]), bool(content[1]))


export.register_pytree_node_serialization(
    Ragged, serialized_name=NAME, serialize_auxdata=to_bytes, deserialize_auxdata=from_bytes
)
