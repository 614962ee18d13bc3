"""The product graph: its nodes, the passes over it, what is derived from it, its reference interpreter."""
