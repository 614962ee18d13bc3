"""A text and its logical lines in, the tokens of every simple line out, as NumPy columns.

The grammar's lexer makes an object for each token, which is too slow for a spec that lists 100,000
matrices.  Here the same tokens are found by a few passes over the array of characters.  Only lines
that need no judgement are taken: ASCII names, plain numbers (no exponent, at most 18 digits),
one-character signs and `.T`; every other line is left to the grammar's lexer.  A test holds the two
against each other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

import numpy as np

from raggeddsl.dtypes import DTYPES
from raggeddsl.language.lines import LogicalLines
from raggeddsl.language.parser import parser

NAME, INT, FLOAT, TRANSPOSE = 1, 2, 3, 4
BLANKED = (NAME, INT, FLOAT)
FIRST_WORD = 256
"""Kinds of token: the four above, a one-character sign by its code, a kept word from here on."""

SIGNS = "=:,+-*@()[]"
LONGEST_NUMBER = 18
ATTRIBUTE_WORDS = ("precision", "accum", "default", "high", "highest")

LETTER, DIGIT, DOT, SPACE, SIGN, OTHER = 1, 2, 4, 8, 16, 32


@dataclass(frozen=True)
class Tokens:
    """The tokens of all simple lines: `kinds`, `starts` and `ends` are int64[tokens].

    Line `lines[k]` (its number among the logical lines) has the tokens `[first[k], first[k + 1])`.
    """

    kinds: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    lines: np.ndarray
    first: np.ndarray


@cache
def kept_words() -> dict[str, int]:
    """Words that tell forms apart, with their kinds: the grammar's words, dtypes, attributes."""
    words = set(DTYPES) | set(ATTRIBUTE_WORDS)
    for terminal in parser().terminals:
        if terminal.name == "RESERVED":
            words.update(re.findall(r"[a-z]+", terminal.pattern.value.split(")")[0]))
        elif terminal.pattern.type == "str" and terminal.pattern.value.isalpha():
            words.add(terminal.pattern.value)
    return {word: FIRST_WORD + place for place, word in enumerate(sorted(words))}


@cache
def _classes() -> np.ndarray:
    table = np.full(129, OTHER, np.uint8)
    table[[*map(ord, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")]] = LETTER
    table[[*map(ord, "0123456789")]] = DIGIT
    table[ord(".")] = DOT
    table[[*map(ord, " \t\r")]] = SPACE
    table[[*map(ord, SIGNS)]] = SIGN
    return table


def tokenise(text: str, lines: LogicalLines) -> Tokens:
    """The tokens of the lines of `text` that are simple (see the module's head)."""
    codes = _codes(text)
    chars = _classes()[codes]
    starts = np.asarray(lines.starts, np.int64)
    ends = np.asarray(lines.ends, np.int64)
    bad = _sums((chars == OTHER) | _doubled(codes), starts, ends)
    simple = np.asarray(lines.plain) & (bad == 0)
    inside = _cover(starts[simple], ends[simple], len(codes))
    return _tokens(codes, chars, inside, np.flatnonzero(simple), starts[simple])


def _codes(text: str) -> np.ndarray:
    """The characters of `text` as uint8 (four blanks added); any that is not ASCII is 128."""
    if text.isascii():
        codes = np.frombuffer(text.encode("ascii"), np.uint8)
    else:
        codes = np.minimum(np.frombuffer(text.encode("utf-32-le"), np.uint32), 128).astype(np.uint8)
    return np.concatenate([codes, np.full(16, ord(" "), np.uint8)])


def _doubled(codes: np.ndarray) -> np.ndarray:
    """Where the second `=` of `==` stands, the one sign here that is part of a longer one."""
    equal: np.ndarray = codes == ord("=")
    equal[1:] &= equal[:-1]
    equal[0] = False
    return equal


def _sums(flags: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """How many of `flags` are set in each `[start, end)`."""
    total = np.zeros(len(flags) + 1, np.int32)
    np.cumsum(flags, out=total[1:])
    counts: np.ndarray = total[ends] - total[starts]
    return counts


def _cover(starts: np.ndarray, ends: np.ndarray, length: int) -> np.ndarray:
    """Which of `length` characters lie in one of the disjoint `[start, end)`."""
    change = np.zeros(length + 1, np.int8)
    change[starts] += 1
    np.subtract.at(change, ends, 1)
    covered: np.ndarray = np.cumsum(change[:-1], dtype=np.int8).astype(bool)
    return covered


def _tokens(
    codes: np.ndarray, chars: np.ndarray, inside: np.ndarray, numbers: np.ndarray, line_starts: np.ndarray
) -> Tokens:
    word = (chars & (LETTER | DIGIT)) != 0
    dot = chars == DOT
    transpose = np.zeros_like(dot)
    transpose[:-2] = dot[:-2] & (codes[1:-1] == ord("T")) & ~word[2:]
    glue = (word | dot) & ~transpose
    glue[1:] &= ~transpose[:-1]
    begins = glue.copy()
    begins[1:] &= ~glue[:-1]
    begins |= transpose | (chars == SIGN)
    starts = np.flatnonzero(begins & inside)
    ends = _ends(starts, glue, transpose)
    kinds = codes[starts].astype(np.int64)
    kinds[transpose[starts]] = TRANSPOSE
    runs = np.flatnonzero(glue[starts])
    kinds[runs], odd_runs = _runs(codes, chars, starts[runs], ends[runs])
    odd = np.zeros(len(starts), bool)
    odd[runs] = odd_runs
    follows = np.zeros(len(starts), bool)
    follows[1:] = (starts[1:] == ends[:-1]) & ((kinds[:-1] == INT) | (kinds[:-1] == FLOAT))
    odd |= follows & (kinds == TRANSPOSE)
    return _without_odd_lines(Tokens(kinds, starts, ends, numbers, np.searchsorted(starts, line_starts)), odd)


def _ends(starts: np.ndarray, glue: np.ndarray, transpose: np.ndarray) -> np.ndarray:
    stops = glue.copy()
    stops[:-1] &= ~glue[1:]
    run_ends = np.flatnonzero(stops) + 1
    ends = starts + 1
    runs = glue[starts]
    ends[runs] = run_ends[np.searchsorted(run_ends, starts[runs], side="right")]
    ends[transpose[starts]] += 1
    return ends


def _runs(
    codes: np.ndarray, chars: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(kind, whether it needs the grammar's lexer) of each run of letters, digits, `_` and dots."""
    letters = _sums(chars == LETTER, starts, ends)
    dots = _sums(chars == DOT, starts, ends)
    length = ends - starts
    name = chars[starts] == LETTER
    kinds = np.where(name, NAME, np.where(dots > 0, FLOAT, INT))
    odd = np.where(name, dots > 0, (letters > 0) | (dots > 1) | (length == dots) | (length > LONGEST_NUMBER))
    kinds[name] = _words(codes, starts[name], length[name])
    return kinds, odd


def _words(codes: np.ndarray, starts: np.ndarray, length: np.ndarray) -> np.ndarray:
    """The kind of each name-like run: that of a kept word, or NAME.

    A word is compared as two integers of eight characters each, all words at once.
    """
    eights = np.lib.stride_tricks.sliding_window_view(codes, 8)
    masks = np.array([(1 << (8 * k)) - 1 for k in range(9)], np.uint64)

    def eight(at: np.ndarray, count: np.ndarray) -> np.ndarray:
        integers: np.ndarray = np.ascontiguousarray(eights[at]).view("<u8")[:, 0] & masks[count]
        return integers

    kinds = np.full(len(starts), NAME)
    low = eight(starts, np.minimum(length, 8))
    words = {word.encode(): kind for word, kind in kept_words().items()}
    keys = np.array(sorted(int.from_bytes(word[:8], "little") for word in words), np.uint64)
    place = np.minimum(np.searchsorted(keys, low), len(keys) - 1)
    maybe = np.flatnonzero((keys[place] == low) & (length <= 16))
    for word, kind in words.items():
        same = maybe[(length[maybe] == len(word)) & (low[maybe] == int.from_bytes(word[:8], "little"))]
        if len(word) > 8:
            high = eight(starts[same] + 8, length[same] - 8)
            same = same[high == int.from_bytes(word[8:], "little")]
        kinds[same] = kind
    return kinds


def _without_odd_lines(tokens: Tokens, odd: np.ndarray) -> Tokens:
    """`tokens` without the lines that hold an odd one."""
    first = np.append(tokens.first, len(tokens.starts))
    good = _sums(odd, first[:-1], first[1:]) == 0
    counts = np.diff(first)
    kept = np.repeat(good, counts)
    return Tokens(
        kinds=tokens.kinds[kept],
        starts=tokens.starts[kept],
        ends=tokens.ends[kept],
        lines=tokens.lines[good],
        first=np.concatenate([[0], np.cumsum(counts[good])]),
    )
