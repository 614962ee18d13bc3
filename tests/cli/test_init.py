"""`raggeddsl init`: what it writes runs, and nothing is lost by it."""

from __future__ import annotations

import pytest

from raggeddsl.cli import main
from tests.starter.files import safetensors

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
