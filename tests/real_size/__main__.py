"""`python tests/real_size --minutes 10`: a campaign of random programs of real size.

The raggeddsl that it tests is the installed one, with its compiled library, as in `conftest.py`.
"""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
ours = (CHECKOUT, Path(__file__).resolve().parent)
sys.path[:] = [*(place for place in sys.path if Path(place).resolve() not in ours), str(CHECKOUT)]

if __name__ == "__main__":
    from tests.real_size.campaign import main

    sys.exit(main())
