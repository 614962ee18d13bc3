"""A file of arrays or of their shapes in, a first spec for its matrices out: what `raggeddsl init` writes."""

from raggeddsl.starter.listing import ArrayInfo, list_arrays
from raggeddsl.starter.spec import Starter, starter

__all__ = ["ArrayInfo", "Starter", "list_arrays", "starter"]
