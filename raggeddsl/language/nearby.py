"""The path of a file that is not there in, the one beside it that was probably meant out."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path

_FILES = 1000
"""Of a larger folder, so many files are looked at."""


def nearby(path: Path, kinds: Collection[str]) -> Path | None:
    """The file in the same folder that is of one of these `kinds` and has nearly this name, or None.

    Suffixes are left out of the likeness, as `net.npy` and `net.npz` would be alike by them alone.
    """
    try:
        names = [file.name for file, _ in zip(path.parent.iterdir(), range(_FILES), strict=False)]
    except (OSError, ValueError):
        return None
    stems = {Path(name).stem: name for name in sorted(names) if name.endswith(tuple(kinds))}
    close = difflib.get_close_matches(path.stem, list(stems), n=1, cutoff=0.6)
    return path.parent / stems[close[0]] if close else None
