"""Names around what runs: `Program`, its inputs and outputs, and every stage from a text to it."""
