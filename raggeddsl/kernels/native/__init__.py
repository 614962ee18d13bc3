"""The native CPU kernel: a C++ library that executes a plan's whole task table in one XLA call."""
