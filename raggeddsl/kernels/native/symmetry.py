"""A plan and its cells in, the products that are symmetric out: half of each need not be computed.

`X @ X.T` is symmetric for every X, and so is `S @ S` for a symmetric S; sums of symmetric terms
stay symmetric.  Entry (j, i) sums the same terms in the same order as entry (i, j), so copying
one to the other gives the same bits as computing both.
"""

from __future__ import annotations

import numpy as np

from raggeddsl.plan.cells import Cells
from raggeddsl.plan.plan import Op, Plan


def mirrored_products(plan: Plan, cells: Cells) -> np.ndarray:
    """bool[T]: the product rows of which half may be computed and copied to the other half.

    The row's own product must be symmetric, and so must what it is added to.
    """
    t = plan.tasks
    same = (t.op == Op.PRODUCT) & (t.a_buffer == t.b_buffer) & (t.a_offset == t.b_offset) & (t.m == t.n)
    mirrored = same & (t.a_t != t.b_t)
    symmetric = np.zeros(len(cells), bool)
    for stage in plan.stages:
        rows = slice(stage.start, stage.stop)
        a = cells.read[rows, 0]
        from_symmetric = (a >= 0) & symmetric[a]
        mirrored[rows] |= same[rows] & from_symmetric & (t.m[rows] == t.k[rows])
        term = np.where(t.op[rows] == Op.PRODUCT, mirrored[rows], from_symmetric | (t.op[rows] == Op.ZERO))
        written = cells.written[rows]
        # A cell is symmetric if every term of it is, and all its terms are in one stage.
        symmetric[written] = True
        symmetric[written[~term]] = False
    return mirrored & (~t.accumulate | symmetric[cells.written])


def triangular_cells(plan: Plan, cells: Cells, mirrored: np.ndarray) -> np.ndarray:
    """bool[C]: the cells of which every term may stop at the diagonal, since the last one is mirrored.

    Addends come before products (`plan/tasks.py`), and a product that is added to something is
    `mirrored` only where all of that is symmetric.  Sums that `sums.py` keeps elsewhere until their
    end have nothing above the diagonal to write to.
    """
    product = plan.tasks.op == Op.PRODUCT
    triangular = np.zeros(len(cells), bool)
    triangular[cells.written[product & mirrored]] = True
    triangular[cells.written[product & ~mirrored]] = False
    wider = np.array([stage.kept != plan.buffers[stage.buffer].dtype for stage in plan.stages], bool)
    kept_wide = np.zeros(len(cells), bool)
    kept_wide[cells.written[wider[plan.stage_of_task]]] = True
    return triangular & ~(kept_wide & (np.bincount(cells.written, minlength=len(cells)) > 1))
