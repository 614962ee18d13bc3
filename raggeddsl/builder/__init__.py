"""Python calls in, the text of a spec and a `Program` out: `Builder`, the same graph without text."""

from raggeddsl.builder.builder import Builder
from raggeddsl.builder.expression import Expression
from raggeddsl.builder.macro import Macro

__all__ = ["Builder", "Expression", "Macro"]
