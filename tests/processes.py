"""Python processes of their own that import the raggeddsl under test, be it installed or a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import raggeddsl

PACKAGE_PARENT = Path(raggeddsl.__file__).parents[1]


def environment(**more: str) -> dict[str, str]:
    """The variables of this process, so that another one finds the same raggeddsl, and `more`."""
    return os.environ | {"PYTHONPATH": str(PACKAGE_PARENT)} | more


def printed(code: str, folder: Path, **more: str) -> str:
    """What `python -c code` prints in `folder`; raises `CalledProcessError` where it fails."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, cwd=folder, env=environment(**more), stdout=subprocess.PIPE, text=True, check=True
    ).stdout
