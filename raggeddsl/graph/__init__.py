"""The product graph: built from a spec (`build`), improved by `passes`, run by `interpret`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raggeddsl.graph.elaborate import elaborate

if TYPE_CHECKING:
    from raggeddsl.graph.graph import Graph
    from raggeddsl.language import ast
    from raggeddsl.language.source import Diagnostics
    from raggeddsl.options import Options

__all__ = ["build", "elaborate"]


def build(program: ast.Program, options: Options, diagnostics: Diagnostics) -> Graph:
    """The un-normalised product graph of `program`; equivalent to `elaborate(…).graph()`."""
    return elaborate(program, options, diagnostics).graph()
