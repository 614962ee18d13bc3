"""What a call needs around its kernel: checking inputs, packing them, cutting results."""
