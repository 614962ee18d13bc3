"""The command `raggeddsl`: words in, an exit code out.

One file a subcommand, each with `add(parser)` and `run(args) -> int`, a thin call of the public
API.  Only the file of the subcommand that is asked for is imported.
"""

from raggeddsl.cli.entry import main

__all__ = ["main"]
