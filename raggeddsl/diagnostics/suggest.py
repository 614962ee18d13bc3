"""A misspelt word or path in, the one that is there and was probably meant out."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from pathlib import Path
from string import ascii_letters, digits

from raggeddsl.diagnostics.diagnostic import Fix
from raggeddsl.diagnostics.source import Span

FEW = 2000
"""Above this many words only those one edit away are looked for, which is a set look-up each."""

_FILES = 1000
"""Of a larger folder, so many files are looked at."""

_ALPHABET = ascii_letters + digits + "_"


def suggest(word: str, known: Collection[str]) -> str | None:
    """The word of `known` nearest to `word`, or None if none is near.

    A word that differs in the case of its letters alone wins, then one that is one edit away;
    otherwise, among at most `FEW` words, the best ratio of `difflib`.  Of a single letter every
    other one is one edit away, so there case alone counts.  Never slower than a few thousand
    look-ups, however many words are known.
    """
    if len(word) > 100:
        return None
    cased = (word.swapcase(), word.lower(), word.upper(), word.capitalize())
    same = next((spelling for spelling in cased if spelling != word and spelling in known), None)
    if same is not None or len(word) < 2:
        return same
    near = sorted(edit for edit in _one_edit(word) if edit in known)
    if near:
        return near[0]
    if len(known) > FEW:
        return None
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return close[0] if close else None


def did_you_mean(word: str, known: Collection[str]) -> str | None:
    """The help for a misspelt word, or None if nothing is near."""
    near = suggest(word, known)
    return None if near is None else f"did you mean `{near}`?"


def respelt(word: str, known: Collection[str], span: Span) -> tuple[str | None, list[Fix]]:
    """The help for a misspelt word at `span` and the fix that goes with it; neither if nothing is near."""
    near = suggest(word, known)
    return (None, []) if near is None else (f"did you mean `{near}`?", [Fix(span, near)])


def _one_edit(word: str) -> set[str]:
    """Every word one swap, deletion, change or insertion of a letter away."""
    cuts = [(word[:k], word[k:]) for k in range(len(word) + 1)]
    swaps = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    deletions = {a + b[1:] for a, b in cuts if b}
    changes = {a + c + b[1:] for a, b in cuts if b for c in _ALPHABET}
    insertions = {a + c + b for a, b in cuts for c in _ALPHABET}
    return (swaps | deletions | changes | insertions) - {word, ""}


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
