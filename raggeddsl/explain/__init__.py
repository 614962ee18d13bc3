"""What a program does and costs, in words and numbers."""

from raggeddsl.explain.explain import explain

__all__ = ["explain"]
