"""A file of arrays or of their shapes in, a first spec for its matrices out: what `raggeddsl init` writes."""

from raggeddsl.first_spec.array_info import ArrayInfo
from raggeddsl.first_spec.listing import list_arrays
from raggeddsl.first_spec.spec import Starter, starter
from raggeddsl.first_spec.standard_input import NAME as STDIN

__all__ = ["STDIN", "ArrayInfo", "Starter", "list_arrays", "starter"]
