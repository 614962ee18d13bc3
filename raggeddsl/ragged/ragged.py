"""N matrices of different shapes in, one `Ragged` out: a pytree with a single 1-D leaf and static shapes."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn, overload

import jax
import jax.numpy as jnp
import numpy as np

from raggeddsl.packing.arrays import NotAnArray, as_array, as_arrays, promoted, shapes, types
from raggeddsl.packing.element_types import explicit, named
from raggeddsl.packing.given import Held
from raggeddsl.packing.layout import Layout
from raggeddsl.packing.pack import pack, traced
from raggeddsl.packing.unpack import beside, concrete, cut_all, on_host, unpacked
from raggeddsl.packing.values import APART
from raggeddsl.ragged import operations
from raggeddsl.ragged.arithmetic import Arithmetic


@jax.tree_util.register_pytree_with_keys_class
class Ragged(Arithmetic, Held):
    """N matrices `dtype[m_i, n_i]` packed end to end, without gaps, in `data: dtype[total]`.

    A pytree whose one leaf is `data`; the shapes are static, interned and hashed once, so that
    flattening and a jit cache hit cost the same however many members there are.  Members are
    views made when they are read.  Make one by `Ragged.from_list` or `Ragged.from_packed`.

    Operators are those of `jax.numpy`, member by member: `+ - * /` with numbers and with a
    `Ragged` of equal shapes, `@` with a `Ragged` or one matrix (`raggeddsl.matmul`).
    """

    __slots__ = ("__weakref__", "_data", "_dtype", "_members", "layout")

    def __init__(self, data: Any, layout: Layout) -> None:
        self._data = data
        self._members: tuple[Any, ...] | None = None
        self._dtype: np.dtype | None = None
        self.layout = layout

    # ------------------------------------------------------------ making one

    @classmethod
    def from_list(cls, arrays: Sequence[Any], dtype: Any = None) -> Ragged:
        """Pack matrices (NumPy, `jax.Array`, tracers, DLPack objects, nested lists) into a new buffer.

        All members have two axes, or all have none (scalars).  `dtype` defaults to what
        `jnp.result_type` gives for the members; the language's names are taken as by `astype`.
        Always copies.  Raises `ValueError` for other ranks and `TypeError` for what is not an array
        of numbers; both name the member.
        """
        wanted = None if dtype is None else explicit(dtype, "from_list")
        members = _members(arrays)
        if not members:
            empty = Layout.of(np.zeros(0), np.zeros(0))
            return cls(pack([], np.dtype(np.float32) if wanted is None else wanted, 0), empty)
        shape_list = shapes(members)
        ranks = set(map(len, shape_list))
        if ranks not in ({0}, {2}):
            _refuse_rank(shape_list)
        layout = Layout.of_shapes(shape_list)
        chosen = np.dtype(promoted(types(members))) if wanted is None else wanted
        try:
            return cls(pack(members, chosen, layout.size), layout)
        except NotAnArray as error:
            _refuse_member(error)

    @classmethod
    def from_packed(cls, data: Any, shapes: Any) -> Ragged:
        """Take `data: dtype[total]` as the members of `shapes`, an (N, 2) array or list of pairs.

        NumPy data is copied, since jax would alias it; a `jax.Array` is used as it is.  Raises
        `ValueError` if the sizes do not add up to `total`.
        """
        layout = shapes if isinstance(shapes, Layout) else Layout.of_shapes(shapes)
        array = as_array(data)
        if array.shape != (layout.size,):
            raise ValueError(
                f"data of shape {array.shape} cannot hold these {len(layout)} members: their sizes add up to "
                f"{layout.size}, so it must have shape ({layout.size},)"
            )
        if isinstance(array, np.ndarray):
            array = pack([array], np.dtype(jax.dtypes.canonicalize_dtype(array.dtype)), layout.size)
        return cls(array, layout)

    @classmethod
    def of_value(cls, value: Any, layout: Layout, dtype: Any) -> Ragged:
        """What a program gives: the packed elements, or members that are packed only if `data` is read."""
        if not isinstance(value, APART):
            return cls(value, layout)
        self = cls(None, layout)
        self._members = tuple(value)
        self._dtype = np.dtype(dtype)
        return self

    # ------------------------------------------------------------ what it holds

    @property
    def data(self) -> Any:
        """The packed elements, `dtype[total]`."""
        members = self._members
        if members is not None:
            assert self._dtype is not None
            self._data = pack(members, self._dtype, self.layout.size)
            self._members = None  # in this order: another thread may be reading
        return self._data

    @property
    def value(self) -> Any:
        """What it holds: the packed elements, or a tuple of members that are not packed."""
        members = self._members
        return self._data if members is None else members

    @property
    def packed(self) -> bool:
        """Whether `data` is there; a dispatched program gives members, packed when `data` is read."""
        return self._members is None

    def block_until_ready(self) -> Ragged:
        """Wait until every element is computed, without packing members that are not packed."""
        if self._members is None and concrete(self._data):
            self._data.block_until_ready()  # without a walk over a tree
        else:
            jax.block_until_ready(self._data if self._members is None else self._members)
        return self

    @property
    def traced(self) -> bool:
        """Whether it holds tracers, as inside `jax.jit`."""
        members = self._members
        return traced([self._data] if members is None else members)

    @property
    def dtype(self) -> Any:
        """The element type, as `data.dtype`."""
        return self._data.dtype if self._dtype is None else self._dtype

    @property
    def shapes(self) -> np.ndarray:
        """int64[N, 2], read-only: rows and columns of each member (1, 1 for scalars)."""
        return self.layout.shapes

    def __len__(self) -> int:
        return len(self.layout)

    # ------------------------------------------------------------ members

    @overload
    def __getitem__(self, index: slice) -> Ragged: ...
    @overload
    def __getitem__(self, index: int) -> jax.Array: ...

    def __getitem__(self, index: int | slice) -> jax.Array | Ragged:
        """Member `index` as `dtype[m, n]` (negative counts from the end), or a `Ragged` of a slice."""
        if isinstance(index, slice):
            return self._slice(index)
        try:
            member = operator.index(index)
        except TypeError:
            raise TypeError(
                f"a Ragged is indexed by a member's number or a slice, not {type(index).__name__}; "
                "take elements from the member, as in ragged[3][:, 0]"
            ) from None
        if not -len(self) <= member < len(self):
            raise IndexError(f"member {member} of a Ragged with {len(self)} members")
        return self._read([member % len(self)])[0]

    def __iter__(self) -> Iterator[jax.Array]:
        return iter(self.to_list())

    def to_list(self) -> list[jax.Array]:
        """Every member as an array `dtype[m, n]`, on the device of `data`."""
        if self.traced and self.packed:
            members = operations.separated(self._data, self.layout)
            if members is not None:
                return members
        return self._read()

    def to_numpy(self) -> list[np.ndarray]:
        """Every member as a read-only NumPy view of one host copy of `data` (no copy on CPU)."""
        kept = self._members
        if kept is not None:
            return [np.asarray(member) for member in kept]
        return cut_all(np.asarray(self._data), self.layout)

    def _read(self, members: Sequence[int] | None = None) -> list[Any]:
        """The chosen members (None: all)."""
        kept = self._members
        if kept is None:
            return unpacked(self._data, self.layout, members)
        return list(kept) if members is None else [kept[i] for i in members]

    def _slice(self, index: slice) -> Ragged:
        first, stop, step = index.indices(len(self))
        layout = self.layout.take(index)
        kept = self._members
        if kept is not None:
            return Ragged.of_value(kept[index], layout, self.dtype)
        start = int(self.layout.offsets[first]) if first < stop else 0
        where: Any = slice(start, start + layout.size)
        if step != 1:
            where = self.layout.elements(np.arange(first, stop, step))
        if on_host(self._data):
            return Ragged(beside([np.asarray(self._data)[..., where]], self._data)[0], layout)
        return Ragged(self._data[..., where], layout)

    # ------------------------------------------------------------ each member as a whole

    @property
    def T(self) -> Ragged:
        """Each member transposed.  Nothing is copied: products read the members as they lie.

        The elements stay where they are in `data`, so that members are column-major there;
        `row_major()` brings them in order.
        """
        return Ragged(self.data, self.layout.transposed)

    def row_major(self) -> Ragged:
        """The same members, row-major in `data`: this `Ragged` itself, or a copy of what `.T` gave."""
        if not self.layout.column_major:
            return self
        return Ragged(operations.row_major(self.data, self.layout), self.layout.row_major)

    @property
    def ordered(self) -> Ragged:
        """`row_major()`, as whatever reads a `Ragged` asks for it."""
        return self.row_major()

    def astype(self, dtype: Any) -> Ragged:
        """Every member converted to `dtype`, as by `jax.Array.astype`.

        The language's names of types are taken too, before NumPy's: `bf16`, `f16` (float16), `i8` (int8).
        """
        return Ragged(jnp.asarray(self.data).astype(named(dtype)), self.layout)

    def scale(self, factors: Any) -> Ragged:
        """Equivalent to `[s * a for s, a in zip(factors, self)]`; `factors` is `dtype[N]`.

        Raises `RmmError` RMM711 for factors of another shape.
        """
        scales = factors.data if isinstance(factors, Ragged) and factors.layout.scalar else factors
        return Ragged(operations.scaled(self.data, self.layout, scales), self.layout)

    def norm(self) -> jax.Array:
        """The Frobenius norm of each member, real[N]: equivalent to `[jnp.linalg.norm(a) for a in self]`.

        But its gradient at a member of zeros is zero, where that of `jnp.linalg.norm` is not a
        number.  Sums are kept in float32 or wider.
        """
        return operations.norm(self.data, self.layout)

    def sum(self) -> jax.Array:
        """The sum of each member, dtype[N]: equivalent to `[jnp.sum(a) for a in self]`.

        Sums of narrow floats are kept in float32; those of integers are int32.
        """
        return operations.sums(self.data, self.layout)

    # ------------------------------------------------------------ as a pytree, and for people

    def tree_flatten_with_keys(self) -> tuple[tuple[tuple[Any, Any]], Layout]:
        return ((jax.tree_util.GetAttrKey("data"), self.data),), self.layout

    def tree_flatten(self) -> tuple[tuple[Any], Layout]:
        return (self.data,), self.layout

    @classmethod
    def tree_unflatten(cls, layout: Layout, leaves: Sequence[Any]) -> Ragged:
        return cls(leaves[0], layout)

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError(
            "members of a Ragged have different shapes, so it is not one array: use .data for all elements, "
            ".to_numpy() for a list, or [i] for a member"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Ragged, (self.data, self.layout)

    def __repr__(self) -> str:
        dtype = getattr(self._data, "dtype", self._data) if self._dtype is None else self._dtype
        members = repr(self.layout).removeprefix("Layout(").removesuffix(")")
        return f"Ragged({dtype}, {members}; {self.layout.size} elements)"


def _members(arrays: Any) -> list[Any]:
    """`as_arrays`, whose error names the member."""
    if isinstance(arrays, str | bytes | Mapping) or not hasattr(arrays, "__iter__"):
        raise TypeError(
            f"a Ragged is made of a list of matrices, not of a value of type `{type(arrays).__name__}`"
        )
    try:
        return as_arrays(arrays)
    except NotAnArray as error:
        _refuse_member(error)


def _refuse_member(error: NotAnArray) -> NoReturn:
    raise TypeError(f"member {error.place} of a Ragged cannot be read as a matrix: {error.said}") from None


def _refuse_rank(shapes: Sequence[tuple[int, ...]]) -> NoReturn:
    ranks = [len(shape) for shape in shapes]
    expected = ranks[0] if ranks[0] in (0, 2) else 2
    wrong = next(i for i, rank in enumerate(ranks) if rank != expected)
    raise ValueError(
        f"a Ragged holds matrices, or only scalars: member {wrong} has {ranks[wrong]} "
        f"ax{'is' if ranks[wrong] == 1 else 'es'}, shape {shapes[wrong]}; reshape it to (rows, columns)"
    )
