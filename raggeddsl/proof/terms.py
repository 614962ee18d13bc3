"""Terms of sums in, their fingerprints out: equal where two ways to cut and order them add up to the same.

A term is a block `C[i, j] += alpha · s · A[i, p] · B[p, j]` (summed over p) given by sizes, offsets and
strides.  Written out element by element it is a sum of monomials x^c y^a z^b, one for each
multiplication, whose exponents are the places of its elements; over a block that is a product of
three geometric series, so that no element need be looked at.  Two sets of terms are the same as sets of
multiplications if and only if these polynomials are equal, and unequal ones differ at a random point
of the field of 2^61 - 1 elements but for a chance of their degree over its size (Schwartz, 1980;
Zippel, 1979): below 2^-20 for buffers of 2^40 elements.  The point is drawn anew in every process.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

import numpy as np

from raggeddsl.plan.plan import Op, Plan, TaskTable
from raggeddsl.proof.fault import ScheduleFault, listed
from raggeddsl.proof.field import (
    Powers,
    hashed,
    inverses,
    minus_one,
    random_elements,
    sums,
    times,
)

BLOCK = 8192
"""Terms that are looked at together: what a cache holds."""


@dataclass(frozen=True, eq=False)
class Terms:
    """int64 columns, one entry a term; places count elements of the plan's buffers.

    C has m x n elements at `c + i · c_i + j · c_j`, A's are at `a + i · a_i + j · a_j + p · a_p` and B's at
    `b + j · b_j + p · b_p`, p < k.  A scaled sum has no B: its `b_buffer` is -1, and k is 1.
    """

    m: np.ndarray
    n: np.ndarray
    k: np.ndarray
    a_buffer: np.ndarray
    a: np.ndarray
    a_i: np.ndarray
    a_j: np.ndarray
    a_p: np.ndarray
    b_buffer: np.ndarray
    b: np.ndarray
    b_j: np.ndarray
    b_p: np.ndarray
    c_buffer: np.ndarray
    c: np.ndarray
    c_i: np.ndarray
    c_j: np.ndarray
    s_buffer: np.ndarray
    s: np.ndarray
    alpha: np.ndarray

    def __len__(self) -> int:
        return len(self.m)

    def take(self, chosen: np.ndarray | slice) -> Terms:
        """Some of them."""
        return Terms(*(getattr(self, field.name)[chosen] for field in fields(Terms)))

    @staticmethod
    def of(count: int, **columns: np.ndarray | int | float) -> Terms:
        """`count` terms; what is one value for all of them may be given as such, 0 if left out."""
        arrays = {}
        for field in fields(Terms):
            dtype = np.float64 if field.name == "alpha" else np.int64
            arrays[field.name] = np.broadcast_to(np.asarray(columns.get(field.name, 0), dtype), (count,))
        return Terms(**arrays)

    @staticmethod
    def joined(parts: list[Terms]) -> Terms:
        """All terms of `parts`."""
        if not parts:
            return Terms.of(0)
        return Terms(*(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(Terms)))


def terms_of_plan(tasks: TaskTable) -> tuple[Terms, np.ndarray]:
    """What the rows of a plan's table add, and the row of each; rows that only zero add nothing."""
    rows = np.flatnonzero(tasks.op != Op.ZERO)
    product = (tasks.op == Op.PRODUCT)[rows]
    m, n, k = tasks.m[rows], tasks.n[rows], tasks.k[rows]
    # op(A) is m x k, or m x n where there is no B.
    inner = np.where(product, k, n)
    a_t, b_t = tasks.a_t[rows], tasks.b_t[rows]
    along = np.where(a_t, m, 1)
    terms = Terms.of(
        len(rows),
        m=m,
        n=n,
        k=np.where(product, k, 1),
        a_buffer=tasks.a_buffer[rows],
        a=tasks.a_offset[rows],
        a_i=np.where(a_t, 1, inner),
        a_j=np.where(product, 0, along),
        a_p=np.where(product, along, 0),
        b_buffer=np.where(product, tasks.b_buffer[rows], -1),
        b=np.where(product, tasks.b_offset[rows], 0),
        b_j=np.where(product, np.where(b_t, k, 1), 0),
        b_p=np.where(product, np.where(b_t, 1, n), 0),
        c_buffer=tasks.c_buffer[rows],
        c=tasks.c_offset[rows],
        c_i=n,
        c_j=1,
        s_buffer=tasks.s_buffer[rows],
        s=np.where(tasks.s_buffer[rows] < 0, 0, tasks.s_offset[rows]),
        alpha=tasks.alpha[rows],
    )
    return terms, rows


@cache
def _powers() -> tuple[Powers, ...]:
    """Of a random x, y, z and s each."""
    return tuple(Powers(base) for base in random_elements(np.random.default_rng(), 4).tolist())


class Fingerprints:
    """A random point, and what terms come to there."""

    def __init__(self, buffers: int) -> None:
        rng = np.random.default_rng()
        self._x, self._y, self._z, self._s = _powers()
        # One weight for each buffer as each operand, and one, the last, for there being none.
        self._of_a, self._of_b, self._of_c, self._of_s = (random_elements(rng, buffers + 1) for _ in range(4))
        self._salt = int(rng.integers(1 << 63))

    def of(self, terms: Terms) -> np.ndarray:
        """uint64[T]: the value of each term's polynomial."""
        starts = range(0, len(terms), BLOCK)
        parts = [self._block(terms.take(slice(start, start + BLOCK))) for start in starts]
        return np.concatenate([np.zeros(0, np.uint64), *parts])

    def _block(self, t: Terms) -> np.ndarray:
        x, y, z = self._x, self._y, self._z
        values = times(times(x(t.c), y(t.a)), times(z(t.b), self._s(t.s)))
        for weight in (
            self._of_a[t.a_buffer],
            self._of_b[t.b_buffer],
            self._of_c[t.c_buffer],
            self._of_s[t.s_buffer],
        ):
            values = times(values, weight)
        values = times(values, hashed(t.alpha, self._salt))
        values = times(values, _series(t.m, times(x(t.c_i), y(t.a_i)), times(x(t.c_i * t.m), y(t.a_i * t.m))))
        along = times(times(x(t.c_j), y(t.a_j)), z(t.b_j))
        end = times(times(x(t.c_j * t.n), y(t.a_j * t.n)), z(t.b_j * t.n))
        values = times(values, _series(t.n, along, end))
        return times(values, _series(t.k, times(y(t.a_p), z(t.b_p)), times(y(t.a_p * t.k), z(t.b_p * t.k))))


def _series(count: np.ndarray, ratio: np.ndarray, power: np.ndarray) -> np.ndarray:
    """1 + ratio + ratio² + …, `count` of them; `power` is ratio^count."""
    below = minus_one(ratio)
    flat = below == 0
    total = times(minus_one(power), inverses(np.where(flat, np.uint64(1), below)))
    return np.where(flat, count.astype(np.uint64), total)


def compare_terms(plan: Plan, terms: Terms) -> None:
    """Raise `ScheduleFault` unless `terms` add to each block of C what the table says, each term once."""
    planned, rows = terms_of_plan(plan.tasks)
    prints = Fingerprints(len(plan.buffers))
    group_planned, group, groups = _groups(plan, planned, terms)
    wanted = sums(prints.of(planned), group_planned, groups)
    got = sums(prints.of(terms), group, groups)
    wrong = np.flatnonzero(wanted != got)
    if not len(wrong):
        return
    blame = rows[np.isin(group_planned, wrong)]
    labels = {plan.stages[stage].label for stage in np.unique(plan.stage_of_task[blame]).tolist()}
    raise ScheduleFault(
        f"the sums of {listed(blame.tolist(), 'row')} of the task table "
        f"({', '.join(sorted(labels)) or 'no stage'}) "
        "are scheduled with a term left out, added twice or read from elsewhere"
    )


def _groups(plan: Plan, planned: Terms, terms: Terms) -> tuple[np.ndarray, np.ndarray, int]:
    """A group for each planned term and each other one, and how many there are: the blocks of C that they
    write, where one term of either kind spans several blocks these together."""
    sizes = np.array([buffer.size for buffer in plan.buffers], np.int64)
    base = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes + 1)])
    # Where blocks begin, on one axis for all buffers; what a term reaches past its start joins them.
    start = base[planned.c_buffer] + planned.c
    begins = np.unique(start)
    term_start = base[terms.c_buffer] + terms.c
    last = term_start + (terms.m - 1) * terms.c_i + (terms.n - 1) * terms.c_j
    first = np.maximum(np.searchsorted(begins, term_start, side="right") - 1, 0)
    final = np.maximum(np.searchsorted(begins, last, side="right") - 1, 0)
    joined = np.zeros(len(begins) + 1, np.int64)
    np.add.at(joined, first, 1)
    np.add.at(joined, final, -1)
    opens = np.ones(len(begins), bool)
    opens[1:] = np.cumsum(joined)[: max(len(begins) - 1, 0)] == 0
    number = np.cumsum(opens) - 1
    if not len(begins):
        return np.zeros(0, np.int64), np.zeros(len(terms), np.int64), 1
    return number[np.searchsorted(begins, start)], number[first], int(number[-1]) + 1
