"""What rounding may do to a sum: the terms of sums in, the error that any order of adding them may make out.

A kernel may add the K terms of an entry in any order, in lanes, blocks or parts, with or without
fused multiply-adds.  Each rounding is at most u times the partial sum that it makes, u the unit
roundoff.  The error is the smaller of two bounds:

- always, u K/(1 - u K) Σ|t| (Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
  section 4.2: any order);
- where roundings are as good as independent, λ u √K s, where s is the root mean square of the partial
  sums: Azuma's inequality as Higham and Mary ("A New Approach to Probabilistic Rounding Error
  Analysis", 2019) and Ipsen and Zhou ("Probabilistic Error Analysis for Inner Products", 2020) use it.

Partial sums are measured, not bounded by Σ|t|, which is √K too large for terms of both signs: s² = |C|²
+ (mean square of the sums of the first eighth, two eighths, …) + L² + B² + Σ t².  L² stands for the sum of
squares of what 16 lanes add, every 16th term each, and B² for that of 64 blocks: the terms are added with
signs that are a bent sequence over the lanes or blocks (Rothaus, "On 'bent' functions", 1976), which are no
more like one alternating pattern than like another.  Below 256 terms, s is Σ|t|.

Roundings are not independent where terms are alike, since adding the same number again rounds the same
way: a sum of K equal numbers drifts by 0.2 u K s.  To λ√K are added there K √p, p the chance that two
terms are equal and not zero, and K / (1 + x²) with x the spread of the terms in units of the last
place of their sum, by Cauchy and Schwarz √(K Σt² / C² - 1) / (2 u K).

Measured: in f32, in sequence, on 4000 sums, the largest error in units of u √K s is 0.6 to 1.1 for
uniform, normal, squared normal and lognormal terms, 0.1 for sparse ones, K from 300 to 50,000 (at most 2.2
for sine waves); 0.21 √K for constants, 0.12 √K for ten different values, 0.11 √K for half zeros and half a
constant.  λ = 4 leaves room for the largest of billions.  tests/graph/test_roundings.py repeats it.

So one lost term of K shows if terms have both signs up to K of about 1 / (2 λ u), two million in f32; if
all are positive, while K √K < 1 / (1.2 λ u), 23,000.  Beyond, it is less than what rounding does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

LAMBDA = 4.0
_SHORT = 256
"""With fewer terms, partial sums need not be known well, and repeats drift less than λ√K."""

_PREFIXES = 8
_SAMPLE = 512
_PAIRINGS = 4


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms that are summed into each entry of one matrix.

    `count` is K, more than their number where a term takes several roundings; `total` at least Σ|t|, `length`
    at least √Σt², `size` the root mean square of partial sums (each f64[m, n]) and `alike` what repeats
    add to λ√K (f64[m, n] or one number).
    """

    count: float
    total: np.ndarray
    length: np.ndarray
    size: np.ndarray
    alike: np.ndarray | float = 0.0

    def map(self, change: Callable[[np.ndarray], np.ndarray]) -> Terms:
        """The terms of a transposed or reshaped matrix."""
        alike = change(self.alike) if isinstance(self.alike, np.ndarray) else self.alike
        return Terms(self.count, change(self.total), change(self.length), change(self.size), alike)

    def scaled(self, scale: float) -> Terms:
        """Each term multiplied, which takes two more roundings of it: of the factor and of the product."""
        if scale == 1.0:
            return self
        size = scale * self.size
        if self.total is self.size:
            return Terms(self.count + 2, size, size, size, self.alike)
        return Terms(self.count + 2, scale * self.total, scale * self.length, size, self.alike)


def single(value: np.ndarray) -> Terms:
    """One term."""
    size = np.abs(value)
    return Terms(1.0, size, size, size)


def error(terms: Terms, unit: float) -> np.ndarray:
    """f64[m, n]: how far a sum of `terms`, with unit roundoff `unit`, may be off."""
    worst = terms.count / (1 - unit * terms.count) if unit * terms.count < 1 else np.inf
    usual = LAMBDA * np.sqrt(terms.count) + terms.alike
    if terms.total is terms.size:
        return (unit * np.minimum(worst, usual)) * terms.size
    return unit * np.minimum(worst * terms.total, usual * terms.size)


# ---------------------------------------------------------------- products


def product(
    a: np.ndarray, b: np.ndarray, unit: float, exact: np.ndarray | None = None
) -> tuple[np.ndarray, Terms]:
    """`a @ b` (which may be given), as well as `unit` asks for, and its terms.

    A complex term counts as four: two real ones a part, and the parts need not be multiplied one by one.
    """
    k = a.shape[1]
    count = k * (4.0 if np.iscomplexobj(a) or np.iscomplexobj(b) else 1.0)
    if k < _SHORT:
        total = np.abs(a) @ np.abs(b)
        return a @ b if exact is None else exact, Terms(count, total, total, total)
    (left, rows), (right, cols) = _scaled(a, 1, unit), _scaled(b, 0, unit)
    scale = rows * cols
    value, squares = _prefixes(left, right)
    plain = _square(left) @ _square(right)
    squares += _square(value) + plain
    for signs in _patterns(k):
        squares += _square((left * signs) @ right)
    # squares of small numbers among large ones may have vanished
    length = np.maximum(np.sqrt(plain), np.abs(value) / np.sqrt(k)).astype(np.float64)
    alike = k * np.maximum(_alike(k, value, length, unit), np.minimum(_repeats(a), _repeats(b.T).T))
    length = scale * length
    return scale * value, Terms(count, np.sqrt(k) * length, length, scale * np.sqrt(squares), alike)


def signed(a: np.ndarray, b: np.ndarray, unit: float) -> np.ndarray:
    """`a @ b`, as well as `unit` asks for."""
    (left, rows), (right, cols) = _scaled(a, 1, unit), _scaled(b, 0, unit)
    return rows * cols * (left @ right)


def independent(a: np.ndarray, b: np.ndarray, unit: float) -> np.ndarray:
    """√(|a|² @ |b|²): the size of `a @ b` if one of them has independent random entries of that size."""
    (left, rows), (right, cols) = _scaled(a, 1, unit), _scaled(b, 0, unit)
    return rows * cols * np.sqrt(_square(left) @ _square(right))


def _scaled(x: np.ndarray, axis: int, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """`x` with the largest entry of each row (axis 1) or column about 1, so that squares stay in range, and
    the powers of two taken out; in single precision where `unit` is no finer."""
    narrow = unit >= 2.0**-24
    exponents = np.clip(np.frexp(np.abs(x).max(axis=axis, keepdims=True, initial=0.0))[1], -1000, 1000)
    scaled = x * np.ldexp(1.0, -exponents)
    if narrow:
        scaled = scaled.astype(np.complex64 if np.iscomplexobj(x) else np.float32)
    return scaled, np.ldexp(1.0, exponents)


def _square(x: np.ndarray) -> np.ndarray:
    return x.real**2 + x.imag**2 if np.iscomplexobj(x) else x * x


def _prefixes(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`a @ b`, and the mean square of the sums of its first eighth, two eighths, …"""
    cuts = np.linspace(0, a.shape[1], _PREFIXES + 1).astype(int)
    value = np.zeros((len(a), b.shape[1]), np.result_type(a, b))
    squares = np.zeros(value.shape, value.real.dtype)
    for start, stop in pairwise(cuts):
        value += a[:, start:stop] @ b[start:stop]
        squares += _square(value)
    squares /= _PREFIXES
    return value, squares


def _patterns(k: int) -> Iterator[np.ndarray]:
    """Signs of k terms, one bent sequence a way of adding: in lanes and, if there are many, in blocks."""
    terms = np.arange(k)
    yield _bent(16)[terms % 16]
    if k >= 16 * 64:
        yield _bent(64)[terms * 64 // k]


@cache
def _bent(size: int) -> np.ndarray:
    """±1 `size` times, a power of four: (-1)^(x0 x1 + x2 x3 + …) of the bits of the place."""
    places = np.arange(size)
    products = sum((places >> bit) & (places >> (bit + 1)) & 1 for bit in range(0, size.bit_length() - 1, 2))
    return np.where(products % 2, np.float32(-1), np.float32(1))


# ---------------------------------------------------------------- terms that are alike


def _alike(count: float, value: np.ndarray, length: np.ndarray, unit: float) -> np.ndarray:
    """1 / (1 + x²), x the spread of the terms in units of the last place of their sum."""
    spread = np.maximum(count * _square(length) / _square(value) - 1, 0)
    return np.nan_to_num(1 / (1 + spread / (2 * unit * count) ** 2), posinf=0.0)


def _repeats(x: np.ndarray) -> np.ndarray:
    """f64[m, 1]: √p, p the share of equal entries, not zero, among 2048 pairs of entries of a row."""
    rng = np.random.default_rng(x.shape[1])
    some = rng.permutation(x.shape[1])[:_SAMPLE]
    size = np.abs(x[:, some]).astype(np.float32)
    shares = np.zeros((len(x), 1))
    for shift in range(1, _PAIRINGS + 1):
        rolled = np.roll(size, shift, axis=1)
        shares += ((size == rolled) & (size != 0)).mean(axis=1, keepdims=True)
    return np.sqrt(shares / _PAIRINGS)


class Accumulation:
    """Matrices added up one after another, and the terms of their sum.

    Partial sums are those so far and those within each matrix; repeats are found by comparing each matrix
    with the two before it.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.value = np.zeros(shape, dtype)
        self.parts = 0
        self._first: Terms | None = None
        self._count = 0.0
        self._alike: np.ndarray | float = 0.0
        self._total, self._squares, self._partial, self._each, self._equal = (
            np.zeros(shape) for _ in range(5)
        )
        self._before: list[np.ndarray] = []

    def add(self, value: np.ndarray, terms: Terms) -> None:
        """One more matrix, itself the sum of `terms`."""
        size = np.abs(value)
        self._partial += terms.count * (_square(self.value) + _square(terms.size))
        self._count += terms.count
        self._alike = self._alike + terms.alike
        self._total += terms.total
        self._squares += _square(terms.length)
        self._each += _square(size)
        for earlier in self._before:
            self._equal += (size == earlier) & (size != 0)
        self._before = [size, *self._before[:1]]
        self.value = self.value + value if self.parts else value
        self._first = None if self.parts else terms
        self.parts += 1

    def terms(self, unit: float) -> Terms:
        """The terms of the whole."""
        if self.parts == 0:
            return single(self.value)
        if self._first is not None:
            return self._first
        count, alike = self._count + self.parts, self._alike
        if count >= _SHORT:
            repeats = np.sqrt(np.minimum(self._equal / self.parts, 1))
            spread = _alike(self.parts, self.value, np.sqrt(self._each), unit * count / self.parts)
            alike = alike + count * np.maximum(repeats, spread)
        size = np.sqrt(_square(self.value) + 2 * self._partial / max(self._count, 1) + self._squares)
        return Terms(count, self._total, np.sqrt(self._squares), size, alike)


def together(columns: list[Terms]) -> Terms:
    """The terms of a sum of a few matrices, each the sum of its own."""
    if len(columns) == 1:
        return columns[0]
    return Terms(
        sum(terms.count for terms in columns) + len(columns),
        sum((terms.total for terms in columns[1:]), columns[0].total),
        np.sqrt(sum((_square(terms.length) for terms in columns[1:]), _square(columns[0].length))),
        sum((terms.size for terms in columns[1:]), columns[0].size),
        sum((terms.alike for terms in columns[1:]), columns[0].alike),
    )
