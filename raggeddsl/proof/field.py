"""Arithmetic modulo the prime 2^61 - 1 on NumPy columns, for fingerprints of sums.

Numbers are uint64 below the prime.  A Mersenne prime needs no division: 2^61 is 1.
"""

from __future__ import annotations

import numpy as np

PRIME = (1 << 61) - 1
_P = np.uint64(PRIME)
_LOW31, _LOW30 = np.uint64((1 << 31) - 1), np.uint64((1 << 30) - 1)
_1, _30, _31, _32, _61 = (np.uint64(n) for n in (1, 30, 31, 32, 61))
_WINDOW = 11
_WINDOWS = 5


def reduced(x: np.ndarray) -> np.ndarray:
    """uint64 of any size, below the prime."""
    x = (x & _P) + (x >> _61)
    return np.where(x >= _P, x - _P, x)


def times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a · b, both below the prime."""
    a_high, a_low = a >> _31, a & _LOW31
    b_high, b_low = b >> _31, b & _LOW31
    middle = a_low * b_high + a_high * b_low
    # a · b = high · 2^62 + middle · 2^31 + low, and each part stays below 2^63.
    total = (a_high * b_high << _1) + (middle >> _30) + ((middle & _LOW30) << _31) + a_low * b_low
    return reduced(total)


def plus(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a + b, both below the prime."""
    return reduced(a + b)


def minus_one(a: np.ndarray) -> np.ndarray:
    """a - 1."""
    return np.where(a == 0, _P - _1, a - _1)


def random_elements(rng: np.random.Generator, count: int) -> np.ndarray:
    """uint64[count], none of them 0 or 1."""
    return rng.integers(2, PRIME, count, dtype=np.uint64)


def hashed(values: np.ndarray, salt: int) -> np.ndarray:
    """A number for each float64 that depends on every bit of it (Steele et al., SplitMix, 2014)."""
    x = np.ascontiguousarray(values, np.float64).view(np.uint64) + np.uint64(salt)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return reduced(x ^ (x >> _31))


def inverses(a: np.ndarray) -> np.ndarray:
    """1 / a, none of which is 0: one inversion for all, by products of pairs (Montgomery, 1987)."""
    if not len(a):
        return a
    levels = [a]
    while len(levels[-1]) > 1:
        low = levels[-1]
        if len(low) % 2:
            low = levels[-1] = np.append(low, _1)
        levels.append(times(low[0::2], low[1::2]))
    inverse = np.array([pow(int(levels[-1][0]), PRIME - 2, PRIME)], np.uint64)
    for low in reversed(levels[:-1]):
        both, inverse = np.empty_like(low), inverse[: len(low) // 2]
        both[0::2], both[1::2] = times(inverse, low[1::2]), times(inverse, low[0::2])
        inverse = both
    return inverse[: len(a)]


class Powers:
    """Powers of one number by whole exponents from 0 to 2^55, looked up eleven bits at a time."""

    def __init__(self, base: int) -> None:
        self._tables = []
        for _ in range(_WINDOWS):
            table = np.ones(1 << _WINDOW, np.uint64)
            power = 1
            for place in range(1, 1 << _WINDOW):
                power = power * base % PRIME
                table[place] = power
            self._tables.append(table)
            base = power * base % PRIME

    def __call__(self, exponent: np.ndarray) -> np.ndarray:
        """base^exponent, int64 of any shape."""
        mask = (1 << _WINDOW) - 1
        power = self._tables[0][exponent & mask]
        largest = int(exponent.max(initial=0))
        assert int(exponent.min(initial=0)) >= 0 and largest < 1 << (_WINDOW * _WINDOWS), (
            "an exponent is out of range"
        )
        for window in range(1, -(-largest.bit_length() // _WINDOW)):
            power = times(power, self._tables[window][(exponent >> (window * _WINDOW)) & mask])
        return power


def sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """uint64[groups]: the sum of the values of each group."""
    low, high = np.zeros(groups, np.uint64), np.zeros(groups, np.uint64)
    # In halves, so that 2^29 values cannot overflow.
    np.add.at(low, group, values & np.uint64(0xFFFFFFFF))
    np.add.at(high, group, values >> _32)
    return plus(reduced(low), times(reduced(high), np.full(groups, 1 << 32, np.uint64)))
