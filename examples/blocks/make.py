"""Write left.csv, right.csv, result.csv and pairs.csv: two block-sparse matrices and their product.

Rows and columns fall into sectors, one a charge -12..12; a sector's size is a Gaussian over its
charge.  A block (charge r, charge c) is not zero if r and c differ by at most 2.
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent

charges = np.arange(-12, 13)
sizes = np.maximum(1, np.round(160 * np.exp(-((charges / 5.0) ** 2) / 2))).astype(int)


def write(name: str, header: str, rows: list[tuple[int, ...]]) -> None:
    lines = [header, *(",".join(map(str, row)) for row in rows)]
    (HERE / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


blocks = [(r, c) for r in range(25) for c in range(25) if abs(r - c) <= 2]
pairs = [(a, b) for a in range(len(blocks)) for b in range(len(blocks)) if blocks[a][1] == blocks[b][0]]
results = sorted({(blocks[a][0], blocks[b][1]) for a, b in pairs})
place = {block: number for number, block in enumerate(results)}

if __name__ == "__main__":
    for name in ("left.csv", "right.csv"):
        write(name, "rows,cols", [(sizes[r], sizes[c]) for r, c in blocks])
    write("result.csv", "rows,cols", [(sizes[r], sizes[c]) for r, c in results])
    write("pairs.csv", "left,right,result", [(a, b, place[blocks[a][0], blocks[b][1]]) for a, b in pairs])
