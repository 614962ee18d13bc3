"""Runs the command as a process of its own, as a user would."""

import subprocess
import sys

import pytest

from tests.processes import environment


@pytest.fixture
def process(tmp_path):
    """`process("check", "a.rmm", stdin=b"…", env={…})` runs in its own folder and says how it went."""

    def run(*words, stdin=None, env=None, text=True, cwd=tmp_path):
        return subprocess.run(
            [sys.executable, "-m", "raggeddsl", *map(str, words)],
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=text,
            cwd=cwd,
            env=environment(**(env or {})),
            timeout=120,
        )

    return run
