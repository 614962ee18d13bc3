"""Columns of sizes and members in, the names of the `index`, `dim` and `map` that say them out."""

from __future__ import annotations

import numpy as np

from raggeddsl.builder.names import fresh
from raggeddsl.graph.nodes import Columns

WIDEST = 100
"""Characters of a line; longer lists are broken."""

INDEX_NAMES = ("i", "j", "k", "t", "u", "v")


class Declarations:
    """The declarations that the rest of a spec needs, each made when it is first asked for.

    All families of one length are over one index, so that they can be taken member by member.
    """

    def __init__(self, taken: set[str]) -> None:
        self.indices: list[str] = []
        self.dims: list[str] = []
        self.maps: list[str] = []
        self.taken = taken
        self._index: dict[tuple[int, bool], str] = {}
        self._dim: dict[bytes, str] = {}
        self._map: dict[tuple[str, str, bytes], str] = {}

    def name(self, *wanted: str) -> str:
        """The first of `wanted` that is free, or a numbered form of the first; taken from now on."""
        free = next((word for word in wanted if word not in self.taken), wanted[0])
        name = fresh(free, self.taken)
        self.taken.add(name)
        return name

    def index(self, length: int, *, other: bool = False) -> str:
        """The index of families with `length` members; `other` is a second one of the same length."""
        if (length, other) not in self._index:
            name = self.name(*INDEX_NAMES)
            self._index[length, other] = name
            self.indices.append(f"index {name} in {length}")
        return self._index[length, other]

    def size(self, column: Columns, wanted: str) -> str:
        """What to write for the size of each member: `48`, or `A_rows[i]`, whose `dim` is made."""
        if len(column) == 0:
            return "0"
        if bool((column == column[0]).all()):
            return str(int(column[0]))
        index = self.index(len(column))
        key = column.tobytes()
        if key not in self._dim:
            self._dim[key] = self.name(wanted)
            head = f"{self._dim[key]}[{index}]"
            self.dims.append(f"dim {head} = {listed(column, head)}")
        return f"{self._dim[key]}[{index}]"

    def map(self, members: Columns, index: str, into: str, wanted: str) -> str:
        """The map from `index` into `into` that has these members."""
        key = (index, into, members.tobytes())
        if key not in self._map:
            name = self._map[key] = self.name(wanted)
            head = f"{name}[{index}] in {into}"
            identity = len(members) > 1 and bool((members == np.arange(len(members))).all())
            value = f"range({len(members)})" if identity else listed(members, head)
            self.maps.append(f"map {head} = {value}")
        return self._map[key]


def listed(column: Columns, head: str) -> str:
    """`[1, 2, 3]`, over several lines where it would be too long behind `head`."""
    words = [str(number) for number in column.tolist()]
    line = f"[{', '.join(words)}]"
    if len(line) + len(head) + len("dim  = ") <= WIDEST:
        return line
    longest = max(len(word) for word in words)
    each = (WIDEST - 4) // (longest + 2)
    rows = [", ".join(words[first : first + each]) for first in range(0, len(words), each)]
    return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"
