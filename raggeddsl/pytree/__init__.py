"""Pytrees of matrices in, a pytree of matrices out: the language as a function of the leaves."""

from raggeddsl.pytree.map import clear_tree, tree_map, tree_matmul

__all__ = ["clear_tree", "tree_map", "tree_matmul"]
