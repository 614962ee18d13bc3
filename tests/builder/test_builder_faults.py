"""A fault has one code, whether a builder's call or a line of a spec makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import raggeddsl as rd

RESULTS = 3
"""Members of the index `e`, which sums go into."""

STEPS: dict[str, Callable[[Any], Any]] = {
    "X @ X": lambda X: X @ X,
    "X @ X.T": lambda X: X @ X.T,
    "2 * X - X": lambda X: 2 * X - X,
    "X + X.T": lambda X: X + X.T,
    "300 * X": lambda X: 300 * X,
    "0.5 * X": lambda X: 0.5 * X,
    "X + 1": lambda X: X + 1,
}
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "@": lambda a, b: a @ b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
NUMBERS = (2, 0.5, 2.0, 300, 3000000000, 1e39, 1e-50)


@dataclass(frozen=True)
class Thing:
    """A name of both programs; `index` is that of the spec, "" for a single matrix."""

    handle: rd.builder.Expression
    name: str
    index: str

    @property
    def text(self) -> str:
        return f"{self.name}[{self.index}]" if self.index else self.name


@dataclass
class Both:
    """One program by calls and in text, random and often wrong, up to the first fault."""

    random: Random
    builder: rd.Builder = field(default_factory=rd.Builder)
    lines: list[str] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    names: int = 0

    def name(self) -> str:
        self.names += 1
        return f"X{self.names}"

    def begin(self) -> None:
        self.count = self.random.choice([0, 1, 2, 2, 4])
        self.lines += [f"index i in {self.count}", f"index e in {RESULTS}"]
        for _ in range(4):
            self.input()

    def input(self) -> None:
        name, index = self.name(), self.random.choice(["", "i", "i"])
        dtype = self.random.choice(["f32", "f32", "f32", "f16", "i8", "i32"])
        how: dict[str, Any] = {"shape": self.random.choice([(), (2, 2), (2, 2), (1, 2), (2, 0)])}
        size = str(list(how["shape"]))
        if index and self.count > 1 and self.random.random() < 0.5:
            how = {"shapes": [self.random.choice([(2, 2), (2, 2), (2, 1)]) for _ in range(self.count)]}
            self.lines.append(f"dim n{name}[i] = {[cols for _, cols in how['shapes']]}")
            size = f"[2, n{name}[i]]"
        elif index:
            how["count"] = self.count
        handle = self.builder.input(name, dtype=dtype, **how)
        thing = Thing(handle, name, index)
        self.lines.append(f"input {thing.text} : {dtype}{size}")
        self.things.append(thing)

    def define(self, text: str, index: str, make: Callable[[], Any], type: str = "") -> None:
        """One more line, and the same by calls, which raise what is wrong with it."""
        name = self.name()
        self.lines.append(f"output {name}{f'[{index}]' if index else ''}{type} = {text}")
        self.things.append(Thing(self.builder.output(name, make()), name, index))

    # ------------------------------------------------------------ one random line

    def line(self) -> None:
        kind = self.random.choice(["sign"] * 5 + ["number", "number", "flip", "sum", "into", "iterate"])
        getattr(self, kind)(self.random.choice(self.things))

    def sign(self, one: Thing) -> None:
        fit = [thing for thing in self.things if not thing.index or not one.index or thing.index == one.index]
        other, sign = self.random.choice(fit), self.random.choice([*SIGNS, "@", "@"])
        if self.random.random() < 0.5:
            one, other = other, one
        self.define(
            f"{one.text} {sign} {other.text}",
            one.index or other.index,
            lambda: SIGNS[sign](one.handle, other.handle),
        )

    def number(self, one: Thing) -> None:
        number, sign = self.random.choice(NUMBERS), self.random.choice([*SIGNS, "*", "*"])
        if self.random.random() < 0.5:
            self.define(f"{number} {sign} {one.text}", one.index, lambda: SIGNS[sign](number, one.handle))
        else:
            self.define(f"{one.text} {sign} {number}", one.index, lambda: SIGNS[sign](one.handle, number))

    def flip(self, one: Thing) -> None:
        self.define(f"{one.text}.T", one.index, lambda: one.handle.T)

    def declared(self, one: Thing) -> tuple[str, dict[str, Any]]:
        """A declared shape, or none; of scalars only for scalars."""
        scalar = one.handle.shapes.shape[1] == 0
        shape = self.random.choice([None, (2, 2), (2, 1), *[()] * scalar])
        return ("", {}) if shape is None else (f" : {list(shape)}", {"shape": shape})

    def sum(self, one: Thing) -> None:
        if one.index:
            type, how = self.declared(one)
            text = f"sum({one.text} for {one.index})"
            self.define(text, "", lambda: self.builder.sum(one.handle, **how), type)

    def into(self, one: Thing) -> None:
        if one.index != "i" or self.count == 0:
            return
        owners = [self.random.randrange(RESULTS) for _ in range(self.count)]
        owner = f"o{self.name()}"
        self.lines.append(f"map {owner}[i] in e = {owners}")
        type, how = self.declared(one)
        text = f"sum({one.text} for i if {owner}[i] == e)"
        self.define(text, "e", lambda: self.builder.sum(one.handle, into=owners, count=RESULTS, **how), type)

    def iterate(self, one: Thing) -> None:
        step = self.random.choice(list(STEPS))
        times = (
            1 if step == "X + 1" else self.random.choice([0, 1, 2])
        )  # a builder sees that before the count
        function = f"f{self.name()}"
        self.lines.append(f"def {function}(X) = {step}")
        self.define(
            f"iterate({function}, {one.text}, {times})",
            one.index,
            lambda: self.builder.iterate(self.builder.macro(function, STEPS[step]), one.handle, times),
        )


@settings(max_examples=300)
@given(st.integers(0, 2**32))
def test_the_first_fault_of_a_builder_is_the_only_one_of_the_same_text(seed: int) -> None:
    both = Both(Random(seed))
    both.begin()
    code = None
    for _ in range(6):
        try:
            both.line()
        except rd.RmmError as error:
            (code,) = (one.code for one in error.diagnostics)
            break
    else:
        both.define(both.things[0].text, both.things[0].index, lambda: both.things[0].handle)
    text = "\n".join(both.lines) + "\n"
    errors = {one.code for one in rd.check(text) if one.severity == "error"}
    assert errors == (set() if code is None else {code}), text
