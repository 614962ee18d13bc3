"""A file of arrays or of their shapes in, a first spec for its matrices out: what `raggeddsl init` writes."""

from raggeddsl.starter.listing import ArrayInfo, list_arrays
from raggeddsl.starter.spec import Starter, starter
from raggeddsl.starter.standard_input import NAME as STDIN

__all__ = ["STDIN", "ArrayInfo", "Starter", "list_arrays", "starter"]
