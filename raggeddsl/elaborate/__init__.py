"""Elaboration: names, sizes, shapes, dtypes and indices of a spec checked, its product graph built.

    symbols → names → declarations (index, dim, map, tables) → inputs → definitions

`build` in build.py runs these in order.  Values of definitions are worked out by `evaluate` in
expressions.py over the rows of a `Domain`, never member by member.
"""

from raggeddsl.elaborate.build import elaborate

__all__ = ["elaborate"]
