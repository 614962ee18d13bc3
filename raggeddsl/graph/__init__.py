"""The product graph: built from a spec (`build`), improved by `passes`, run by `interpret`."""

from raggeddsl.graph.elaborate import build

__all__ = ["build"]
