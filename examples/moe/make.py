"""Write routing.csv: where 8192 tokens (8 sequences of 1024) go among 64 experts, seed 7.

Tokens choose experts by one Dirichlet(0.5) draw, so a few experts get most of them and some none.
"""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(7)
popularity = rng.dirichlet(np.full(64, 0.5))
counts = rng.multinomial(1024, popularity, size=8)  # int64[sequence, expert]
sequence, expert = np.nonzero(counts)
lines = ["sequence,expert,tokens"]
lines += [f"{s},{e},{n}" for s, e, n in zip(sequence, expert, counts[sequence, expert], strict=True)]
Path(__file__).with_name("routing.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
