"""`python -m raggeddsl …` is the command `raggeddsl …`."""

import sys

from raggeddsl.cli import main

if __name__ == "__main__":
    sys.exit(main())
