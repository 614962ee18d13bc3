"""The `xla` kernel: pure JAX, any backend."""

from raggeddsl.kernels.xla.kernel import XlaKernel

__all__ = ["XlaKernel"]
