"""`Ragged`, N matrices of different shapes in one buffer: what they are, their members, their arithmetic."""

from raggeddsl.ragged import exported as exported  # tells jax.export of Ragged
from raggeddsl.ragged.like import full_like, ones_like, zeros_like
from raggeddsl.ragged.ragged import Ragged

__all__ = ["Ragged", "full_like", "ones_like", "zeros_like"]
