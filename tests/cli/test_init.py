"""`raggeddsl init`: what it writes runs, and nothing is lost by it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import raggeddsl as rd
from raggeddsl.cli import main
from tests.first_spec.files import safetensors
from tests.processes import environment

MANY = {f"layer.{k}.weight": ("F32", (k % 7 + 1, k % 5 + 2)) for k in range(60)}


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return safetensors(tmp_path / "model.safetensors", MANY | {"bias": ("F32", (3,))})


def test_what_is_written_checks_clean_and_runs(model, capsys):
    assert main(["init", "model.safetensors", "-o", "net.rmm"]) == 0
    assert "wrote net.rmm and net.W.csv for 60 matrices" in capsys.readouterr().out
    assert main(["check", "net.rmm"]) == 0
    assert main(["run", "net.rmm", "--random", "0", "--verify", "--kernel", "reference"]) == 0
    assert "all 60 members agree" in capsys.readouterr().out


def test_standard_output_gets_a_whole_spec(model, capsys, tmp_path):
    assert main(["init", "model.safetensors", "--dtype", "bf16"]) == 0
    out = capsys.readouterr().out
    assert "input W[i] : bf16" in out and "# 59: layer.59.weight" in out
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize("there", ["net.rmm", "net.W.csv"])
def test_no_file_is_replaced_without_force(model, capsys, tmp_path, there):
    (tmp_path / there).write_text("mine")
    before = sorted(file.name for file in tmp_path.iterdir())
    assert main(["init", "model.safetensors", "-o", "net.rmm"]) == 2
    assert "--force" in capsys.readouterr().err
    assert (tmp_path / there).read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == before
    assert main(["init", "model.safetensors", "-o", "net.rmm", "--force"]) == 0
    assert (tmp_path / there).read_text() != "mine"


def test_the_file_that_is_read_is_never_replaced(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("rows,cols\n1,2\n")
    assert main(["init", "x.csv", "-o", "x.csv", "--force"]) == 2
    assert (tmp_path / "x.csv").read_text() == "rows,cols\n1,2\n"


def files_of_every_kind(folder):
    np.savez(folder / "x.npz", a=np.ones((3, 4), np.float32), b=np.ones((5, 4), np.float32))
    np.save(folder / "x.npy", np.ones((3, 4), np.float32))
    (folder / "x.csv").write_text("rows,cols\n3,4\n5,6\n")
    (folder / "x.json").write_text('\n [{"rows": 3, "cols": 4}]')
    (folder / "columns.json").write_text('{"rows": [3, 5], "cols": [4, 6]}')
    safetensors(folder / "x.safetensors", MANY)
    return sorted(file for file in folder.iterdir() if file.suffix != ".rmm")


@pytest.mark.parametrize("through", ["file", "pipe"])
def test_standard_input_is_told_by_how_it_begins(through, tmp_path, monkeypatch, capsys):
    for file in files_of_every_kind(tmp_path):
        with given_through(through, file) as stream:
            monkeypatch.setattr("sys.stdin", stream)
            assert main(["init", "-"]) == 0
        told = capsys.readouterr().out
        assert main(["init", str(file)]) == 0
        named = capsys.readouterr().out
        assert told.splitlines()[1:] == [
            line.replace("0: x", "0: <stdin>") for line in named.splitlines()[1:]
        ]
        assert "<stdin>" in told.splitlines()[0] and rd.check(told) == []


def given_through(through, file):
    """A stream as a process has it at its standard input: a file, or a pipe that is written to meanwhile."""
    if through == "file":
        return file.open()
    read, write = os.pipe()

    def fill():
        with os.fdopen(write, "wb") as end:
            end.write(file.read_bytes())

    threading.Thread(target=fill, daemon=True).start()
    return os.fdopen(read)


def test_standard_input_of_a_process_is_read_as_its_file_is(tmp_path):
    *_, file = files_of_every_kind(tmp_path)
    command = [sys.executable, "-m", "raggeddsl", "init", "-"]
    options = {"env": environment(), "stdout": subprocess.PIPE, "check": True, "text": True}
    with file.open("rb") as stream:
        from_file = subprocess.run(command, **options, stdin=stream).stdout
    with subprocess.Popen(["cat", str(file)], stdout=subprocess.PIPE) as piped:
        from_pipe = subprocess.run(command, **options, stdin=piped.stdout).stdout
    assert from_file == from_pipe and "<stdin>" in from_file


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "RMM422"), (b"\xff" * 99, "RMM422"), (b"PK\x03\x04x", "RMM431"), (b'[{"rows": 1}', "RMM422")],
)
def test_standard_input_that_is_nothing_of_the_kind_is_a_finding(content, code, tmp_path):
    command = [sys.executable, "-m", "raggeddsl", "init", "-", "-o", "net.rmm"]
    done = subprocess.run(command, input=content, env=environment(), cwd=tmp_path, capture_output=True)
    assert done.returncode == 1 and f"error[{code}]".encode() in done.stderr and b"<stdin>" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_bad_file_is_a_finding(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 20)
    assert main(["init", "x.safetensors", "--diagnostic-format", "short"]) == 1
    assert "x.safetensors:1:1: error[RMM431]" in capsys.readouterr().err
    assert main(["init", "nothing.npz"]) == 1
    assert "RMM430" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_wrong_usage(model, capsys):
    assert main(["init", "model.safetensors", "-o", "nowhere/net.rmm"]) == 2
    assert "nowhere" in capsys.readouterr().err
