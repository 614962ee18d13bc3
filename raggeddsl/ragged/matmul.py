"""Two lists of matrices in, their products one by one out: `matmul`."""

from __future__ import annotations

from typing import Any

from raggeddsl.options import KernelName, Target
from raggeddsl.packing.element_types import explicit
from raggeddsl.ragged.products import multiply, side_of
from raggeddsl.ragged.ragged import Ragged


def matmul(
    As: Any,
    Bs: Any,
    *,
    precision: Any = None,
    preferred_element_type: Any = None,
    target: Target = "auto",
    kernel: KernelName = "auto",
) -> Any:
    """Equivalent to `[a @ b for a, b in zip(As, Bs)]`, as one program.

    `As[i]` is `dtype[m_i, k_i]`, `Bs[i]` is `dtype[k_i, n_i]`.  A side is a `Ragged`, a list, an
    array with a leading axis of members, or one array of two axes, which every product shares.
    Two lists give a list of `jax.Array`s, a `Ragged` on either side gives a `Ragged`; transposes
    by `.T` are read where they lie.

    `precision` (one for both sides) and `preferred_element_type` are those of `jnp.matmul`, and
    element types promote as there, weak ones too; the language's names for them, such as `bf16`,
    are understood.  Integers narrower than 32 bits, uint32 and booleans are computed as i32, and
    wrap as there.  The program is kept for the next call with the same shapes.  Works under
    `jax.jit`, `jax.grad` and `jax.vmap`.

    Raises `RmmError`: RMM706 for what is not a matrix, RMM708 where lengths or inner sizes differ,
    RMM709 for an element type that there is not, such as int64, RMM711 for a batch outside of `jax.vmap`.
    """
    left, right = side_of(As, "As"), side_of(Bs, "Bs")
    preferred = None if preferred_element_type is None else explicit(preferred_element_type, "matmul")
    products = multiply(left, right, precision=precision, preferred=preferred, target=target, kernel=kernel)
    product = products.held_by(Ragged)
    return product if isinstance(As, Ragged) or isinstance(Bs, Ragged) else product.to_list()
