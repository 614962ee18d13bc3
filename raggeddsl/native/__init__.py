"""The compiled library: its C++ sources, how it is loaded, what of it is not a kernel."""
