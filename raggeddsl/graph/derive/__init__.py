"""Product graphs in, product graphs out: the derivative of one, its transpose, and many copies of it.

The three are closed: what each gives is planned, packed and run by the same code as any other
graph, and can be derived again.  They take graphs in normal form; what they give needs
`raggeddsl.graph.passes.normalise`, but for that of `batch`, which is in normal form already.
"""

from raggeddsl.graph.derive.batch import Batched, batch
from raggeddsl.graph.derive.jvp import Linearised, linearise
from raggeddsl.graph.derive.transpose import NotLinear, Transposed, transpose

__all__ = ["Batched", "Linearised", "NotLinear", "Transposed", "batch", "linearise", "transpose"]
