"""Random builders for property tests, with NumPy doing the same beside each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st

import raggeddsl as rd
from raggeddsl.builder import Expression

Value = list[np.ndarray] | np.ndarray
"""A family's members, or one matrix; float64."""


def each(function: Callable[..., np.ndarray], *values: Value) -> Value:
    """`function` member by member; single matrices go with every member."""
    families = [value for value in values if isinstance(value, list)]
    if not families:
        return function(*values)
    return [
        function(*(value[k] if isinstance(value, list) else value for value in values))
        for k in range(len(families[0]))
    ]


@dataclass
class Both:
    """An expression and what NumPy makes of it."""

    handle: Expression
    value: Value

    def shapes(self) -> list[tuple[int, ...]]:
        members = self.value if isinstance(self.value, list) else [self.value]
        return [member.shape for member in members]

    @property
    def scalar(self) -> bool:
        return self.handle.shapes.shape[1] == 0

    @property
    def family(self) -> bool:
        return isinstance(self.value, list)


def binary(op: str, left: Both, right: Both) -> Both:
    apply = {
        "@": (lambda a, b: a @ b),
        "+": (lambda a, b: a + b),
        "-": (lambda a, b: a - b),
        "*": (lambda a, b: a * b),
    }[op]
    return Both(apply(left.handle, right.handle), each(apply, left.value, right.value))


@dataclass
class Growing:
    """A builder in the making."""

    random: Random
    builder: rd.Builder = field(default_factory=rd.Builder)
    pool: list[Both] = field(default_factory=list)
    inputs: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    names: int = 0

    def pick(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def below(self, bound: int) -> int:
        return self.random.randint(0, bound)

    def name(self, base: str = "x") -> str:
        """A name, now and then one that the builder would like for itself."""
        self.names += 1
        wish = self.pick("", "", "h", "i", "at", "X", "owner")
        free = wish and wish not in self.builder._names
        return wish if free else f"{base}{self.names}"

    def numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        rng = np.random.default_rng(self.below(1000))
        return rng.integers(-2, 3, shape).astype(np.float64)

    # ------------------------------------------------------------ inputs

    def fresh(self, shapes: list[tuple[int, ...]], family: bool) -> Both:
        name = self.name("A")
        if family:
            value: Value = [self.numbers(shape) for shape in shapes]
            same = len(set(shapes)) == 1 and self.pick(True, False)
            how = {"shape": shapes[0], "count": len(shapes)} if same else {"shapes": shapes}
            if not shapes:
                how = {"shapes": np.zeros((0, 2), np.int64)}
            handle = self.builder.input(name, **how)
        else:
            value = self.numbers(shapes[0])
            handle = self.builder.input(name, shape=shapes[0])
        self.inputs[name] = value
        made = Both(handle, value)
        self.pool.append(made)
        return made

    def some(self) -> Both:
        """A matrix or a family of them, old or new."""
        old = [one for one in self.pool if not one.scalar]
        if old and self.pick(True, True, False):
            return self.pick(*old)
        family = self.pick(True, True, False)
        count = self.below(4) if family else 1
        return self.fresh([(self.below(3), self.below(3)) for _ in range(count)], family)

    def like(self, other: Both, shapes: list[tuple[int, ...]]) -> Both:
        """Something of these shapes that goes with `other`."""
        fit = [one for one in self.pool if one.family == other.family and one.shapes() == shapes]
        if fit and self.pick(True, True, False):
            return self.pick(*fit)
        if len(set(shapes)) == 1 and self.pick(True, False):
            return self.fresh(shapes[:1], False)
        return self.fresh(shapes, other.family)

    # ------------------------------------------------------------ operations

    def grow(self) -> None:
        kinds = ["product"] * 4 + [
            "add",
            "scale",
            "flip",
            "members",
            "sum",
            "into",
            "macro",
            "iterate",
            "name",
        ]
        made = getattr(self, f"make_{self.pick(*kinds)}")(self.some())
        if self.small(made):
            self.pool.append(made)

    def small(self, made: Both) -> bool:
        """Values that float64 holds exactly, whatever the order of summing."""
        members = made.value if isinstance(made.value, list) else [made.value]
        return all(np.abs(member).max(initial=0.0) < 1e9 for member in members)

    def make_product(self, x: Both) -> Both:
        if self.pick(True, False, False):
            return binary("@", x, Both(x.handle.T, each(np.transpose, x.value)))
        n = self.below(3)
        return binary("@", x, self.like(x, [(shape[1], n) for shape in x.shapes()]))

    def make_add(self, x: Both) -> Both:
        return binary(self.pick("+", "-"), x, self.like(x, x.shapes()))

    def make_scale(self, x: Both) -> Both:
        if self.pick(True, False):
            factor = self.pick(2, -1, 0.5, -3.0, 0, np.float32(2))
            product = factor * x.handle if self.pick(True, False) else x.handle * factor
            return Both(product, each(lambda a: factor * a, x.value))
        by = self.like(x, [()] * len(x.shapes())) if x.shapes() else self.fresh([()], False)
        return binary("*", *self.pick((by, x), (x, by)))

    def make_flip(self, x: Both) -> Both:
        if self.pick(True, False):
            return Both(-x.handle, each(np.negative, x.value))
        return Both(x.handle.T, each(np.transpose, x.value))

    def make_members(self, x: Both) -> Both:
        if not isinstance(x.value, list) or not x.value:
            return x
        value = x.value
        last = len(value) - 1
        if self.pick(True, False):
            member = self.below(last)
            return Both(x.handle[member], value[member])
        if self.pick(True, False):
            return Both(x.handle[::-1], value[::-1])
        chosen = [self.below(last) for _ in range(self.below(4))]
        return Both(x.handle[chosen], [value[k] for k in chosen])

    def make_sum(self, x: Both) -> Both:
        family = self.squared(x)
        if not isinstance(family.value, list):
            return family
        start = np.zeros((2, 2))
        return Both(self.builder.sum(family.handle, shape=(2, 2)), sum(family.value, start))

    def make_into(self, x: Both) -> Both:
        family = self.squared(x)
        if not isinstance(family.value, list):
            return family
        count = self.pick(1, 2, len(family.value) or 1)
        into = [self.below(count - 1) for _ in family.value]
        handle = self.builder.sum(family.handle, into=into, count=count, shape=(2, 2))
        value = [np.zeros((2, 2)) for _ in range(count)]
        for owner, member in zip(into, family.value, strict=True):
            value[owner] = value[owner] + member
        return Both(handle, value)

    def squared(self, x: Both) -> Both:
        """`x` between matrices that make every member 2 x 2, so that all can be added."""
        if not isinstance(x.value, list):
            return x
        left = self.like(x, [(2, shape[0]) for shape in x.shapes()])
        right = self.like(x, [(shape[1], 2) for shape in x.shapes()])
        if not left.family and not x.family:
            return x
        return binary("@", binary("@", left, x), right)

    def make_macro(self, x: Both) -> Both:
        singles = [one for one in self.pool if not one.family and one.scalar]
        factor = self.pick(*singles) if singles and self.pick(True, False) else None

        def body(X: Any, Y: Any) -> Any:
            shared = X @ X.T if isinstance(X, Expression) else each(lambda a: a @ a.T, X)
            if isinstance(shared, Expression):
                scaled = shared if factor is None else factor.handle * shared
                return 2 * Y - scaled @ Y + shared @ Y
            scaled = shared if factor is None else each(lambda s, a: s * a, factor.value, shared)
            return each(lambda y, s, t: 2 * y - s @ y + t @ y, Y, scaled, shared)

        macro = self.builder.macro(self.name("f"), body)
        return Both(macro(x.handle, x.handle), body(x.value, x.value))

    def make_iterate(self, x: Both) -> Both:
        times = self.pick(1, 2)

        def step(X: Any) -> Any:
            return X @ X.T @ X - X

        function = self.builder.macro(self.name("g"), step) if self.pick(True, False) else step
        value = x.value
        for _ in range(times):
            value = each(step, value)
        return Both(self.builder.iterate(function, x.handle, times), value)

    def make_name(self, x: Both) -> Both:
        return Both(self.builder.define(self.name("H"), x.handle, **self.attributes()), x.value)

    def attributes(self) -> dict[str, str]:
        return self.pick(
            {}, {}, {"precision": "highest"}, {"accum": "f32"}, {"precision": "high", "accum": "f32"}
        )

    def output(self, x: Both) -> None:
        name = self.name("Y")
        self.pool.append(Both(self.builder.output(name, x.handle, **self.attributes()), x.value))
        self.outputs[name] = x.value


@st.composite
def builders(draw: Any, operations: int = 6) -> Growing:
    """A builder with outputs, and what NumPy says that they are."""
    growing = Growing(Random(draw(st.integers(0, 2**32))))  # hypothesis' own choices are too often the first
    growing.fresh([(2, 2), (1, 2), (2, 1)], True)
    for _ in range(draw(st.integers(1, operations))):
        growing.grow()
        if growing.pick(True, False, False):
            growing.output(growing.some())
    growing.output(growing.pool[-1])
    return growing
