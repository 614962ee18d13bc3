"""The arrays of a file in, the text of a starter spec and its tables out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from raggeddsl.api import format as format_text
from raggeddsl.builder.columns import listed
from raggeddsl.dtypes import DTYPES
from raggeddsl.first_spec.array_info import ArrayInfo, refuse

FEW = 32
"""Matrices whose sizes are written into the spec itself; those of more go to a table beside it."""

MANY = 1000
"""Matrices that have their names beside their sizes where there is no table."""

SHOWN = 5
"""Names that a remark lists."""

LONGEST = 100
"""Characters of a name that are shown."""

NARROWED = {"f64": "f32", "c128": "c64"}
"""64-bit types, which jax has switched off unless asked."""

INDICES = "ijktuvwpqrs"


@dataclass(frozen=True)
class Starter:
    """A spec, the tables that belong beside it (name → text), and how many matrices it has."""

    text: str
    matrices: int
    tables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """The matrices of one element type, with the letters that the spec uses for them."""

    dtype: str
    suffix: str
    index: str
    names: list[str]
    rows: np.ndarray
    cols: np.ndarray

    def word(self, letter: str) -> str:
        return letter + self.suffix


def starter(
    path: Path, arrays: Sequence[ArrayInfo], *, beside: str | None = None, dtype: str | None = None
) -> Starter:
    """A spec that multiplies every matrix of `arrays`, which came from the file `path`, with itself.

    Arrays of more than two axes are flattened to their first axis by the rest, as convolutions'
    weights are; those of fewer, and those of element types that the language has not, are left out;
    comments say so.  `beside` is the spec's name without its ending: sizes of many matrices then go
    to tables called after it, with the names.  `dtype` replaces the element types of all.

    Raises `RmmError`: RMM432 where no matrix is left.
    """
    kept = [array for array in arrays if len(array.shape) >= 2 and array.dtype in DTYPES]
    if not kept:
        _no_matrix(path, arrays)
    for array in kept:
        if math.prod(array.shape[1:]) >= 2**63 or array.shape[0] >= 2**63:
            message = f"`{_plain(array.name)}` in `{path}` is said to have the shape {list(array.shape)}"
            refuse(path, "RMM431", message, "no file holds this many numbers; save it again")
    families = _families(kept, dtype)
    tables: dict[str, str] = {}
    blocks = [_remarks(path, arrays, kept, dtype), "rmm 1"]
    for family in families:
        table = None
        if beside is not None and len(family.names) > FEW:
            table = f"{beside}.{family.word('W')}.csv"
            tables[table] = _table(family)
        blocks.append(_family(family, table))
    return Starter(format_text("\n\n".join(blocks) + "\n"), len(kept), tables)


def _no_matrix(path: Path, arrays: Sequence[ArrayInfo]) -> None:
    content = f"{len(arrays)} arrays, none of them a matrix" if arrays else "no arrays"
    if len(arrays) == 1:
        content = "one array, which is no matrix"
    names = f": {_some(arrays)}" if arrays else ""
    help = "a matrix has two axes or more, and one of the types " + ", ".join(DTYPES)
    refuse(path, "RMM432", f"`{path}` has {content}{names}", help)


def _families(arrays: Sequence[ArrayInfo], dtype: str | None) -> list[Family]:
    groups: dict[str, list[ArrayInfo]] = {}
    for array in arrays:
        groups.setdefault(dtype or NARROWED.get(array.dtype, array.dtype), []).append(array)
    families = []
    for place, (element, group) in enumerate(groups.items()):
        rows = np.array([array.shape[0] for array in group], np.int64)
        cols = np.array([math.prod(array.shape[1:]) for array in group], np.int64)
        suffix = "" if len(groups) == 1 else f"_{element}"
        names = [_plain(array.name) for array in group]
        families.append(Family(element, suffix, INDICES[place], names, rows, cols))
    return families


# ---------------------------------------------------------------- comments


def _remarks(path: Path, arrays: Sequence[ArrayInfo], kept: Sequence[ArrayInfo], dtype: str | None) -> str:
    count = "1 matrix" if len(kept) == 1 else f"{len(kept)} matrices"
    lines = [f"The {count} of {_plain(path.name)}, written by `raggeddsl init`."]
    flat = [array for array in kept if len(array.shape) > 2]
    if flat:
        lines.append(f"Flattened to their first axis by the rest: {_some(flat)}.")
    vectors = [array for array in arrays if len(array.shape) < 2]
    if vectors:
        lines.append(f"Left out, since they are no matrices: {_some(vectors)}.")
    strange = [array for array in arrays if len(array.shape) >= 2 and array.dtype not in DTYPES]
    if strange:
        lines.append(f"Left out for their element type: {_some(strange)}.")
    wide = [array for array in kept if dtype is None and array.dtype in NARROWED]
    if wide:
        lines.append(f"Declared in 32 bits, since jax has 64 only when asked: {_some(wide)}.")
    changed = [array for array in kept if dtype not in (None, array.dtype)]
    if changed:
        lines.append(f"Declared {dtype}, as asked: {_some(changed)}.")
    return "\n".join(f"# {line}" for line in lines)


def _some(arrays: Sequence[ArrayInfo]) -> str:
    shown = ", ".join(f"{_plain(array.name)} {array.dtype}{list(array.shape)}" for array in arrays[:SHOWN])
    more = len(arrays) - SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _plain(name: str) -> str:
    """A name on one line and not too long: it comes from a file, and is written into comments."""
    word = "".join(sign if sign.isprintable() else "?" for sign in name[: LONGEST + 1])
    return word if len(word) <= LONGEST else f"{word[: LONGEST - 3]}..."


# ---------------------------------------------------------------- statements


def _family(family: Family, table: str | None) -> str:
    index, m, n, w = family.index, family.word("m"), family.word("n"), family.word("W")
    lines = [f"index {index} in {len(family.names)}"]
    if table is None:
        lines += [
            f"dim {m}[{index}] = {_named_list(family)}",
            f"dim {n}[{index}] = {listed(family.cols, n + '[i]')}",
        ]
    else:
        quoted = table.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'dim {m}[{index}], {n}[{index}] = table("{quoted}", {m}="rows", {n}="cols")')
    lines.append(f"input {w}[{index}] : {family.dtype}[{m}[{index}], {n}[{index}]]")
    return "\n".join(lines + _example(family))


def _named_list(family: Family) -> str:
    if len(family.names) > MANY:
        return listed(family.rows, f"{family.word('m')}[i]")
    rows = [
        f"{size},  # {place}: {name}"
        for place, (size, name) in enumerate(zip(family.rows, family.names, strict=True))
    ]
    return "[\n" + "\n".join(rows) + "\n]"


def _example(family: Family) -> list[str]:
    """A product of each matrix whose result is not much larger than the matrices are."""
    index, w, g = family.index, family.word("W"), family.word("G")
    rows, cols = family.rows.astype(np.float64), family.cols.astype(np.float64)
    room = 4 * float(rows @ cols)
    if float(rows @ rows) <= room:
        return [f"output {g}[{index}] = {w}[{index}] @ {w}[{index}].T"]
    if float(cols @ cols) <= room:
        return [f"output {g}[{index}] = {w}[{index}].T @ {w}[{index}]"]
    x, y, n = family.word("x"), family.word("y"), family.word("n")
    return [
        f"input {x}[{index}] : {family.dtype}[{n}[{index}], 1]",
        f"output {y}[{index}] = {w}[{index}] @ {x}[{index}]",
    ]


def _table(family: Family) -> str:
    quoted = ['"' + name.replace('"', '""') + '"' if set(name) & set(',"') else name for name in family.names]
    rows = zip(quoted, family.rows.tolist(), family.cols.tolist(), strict=True)
    return "name,rows,cols\n" + "".join(f"{name},{m},{n}\n" for name, m, n in rows)
