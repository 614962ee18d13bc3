"""The lowering `dispatch`: a plan in, one small executable per exact shape and an order of launches out."""

from raggeddsl.lowering.dispatch.dispatched import Dispatched, lower_dispatch
from raggeddsl.lowering.dispatch.executables import clear_executables

__all__ = ["Dispatched", "clear_executables", "lower_dispatch"]
