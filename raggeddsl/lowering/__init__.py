"""A plan in, what runs it out: one fused jitted program, or a launch for each task."""
