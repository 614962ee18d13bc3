"""Pytrees of matrices in, a pytree of matrices out: the language as a function of the leaves."""

from raggeddsl.pytree.map import tree_map, tree_matmul

__all__ = ["tree_map", "tree_matmul"]
