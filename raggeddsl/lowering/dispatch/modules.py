"""A dispatched program in, the text of its many small modules out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from raggeddsl.lowering.dispatch.launcher import Launcher


@dataclass(frozen=True, eq=False)
class Modules:
    """What `jax.stages.Lowered` is for one module: `as_text` and `compile` for all of them."""

    launcher: Launcher

    def as_text(self, dialect: str | None = None) -> str:
        """Every module after a comment that says how often a call launches it."""
        return "\n".join(
            f"// launches: {count}\n{traced.lower().as_text(dialect)}" for count, traced in self._traced()
        )

    def jaxpr(self) -> str:
        """What each executable is traced to."""
        return "\n".join(f"# launches: {count}\n{traced.jaxpr}" for count, traced in self._traced())

    def compile(self) -> Launcher:
        """Compile what is not compiled yet."""
        self.launcher.compile()
        return self.launcher

    def _traced(self) -> Iterator[tuple[int, Any]]:
        launches = self.launcher.launches
        counts = Counter(launches.kind)
        for number, kind in enumerate(launches.kinds):
            if counts[number]:
                yield counts[number], kind.jitted().trace(*kind.operands())
