"""Write graphs.csv: the sizes of 5000 graphs, uniform from 5 to 60 nodes, seed 7."""

from pathlib import Path

import numpy as np

nodes = np.random.default_rng(7).integers(5, 61, 5000)
lines = ["nodes", *map(str, nodes)]
Path(__file__).with_name("graphs.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
