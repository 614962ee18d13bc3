"""Bad input of every kind: exit code 1, an error that says where, nothing written, no traceback."""

import os
import re
from contextlib import contextmanager

import numpy as np
import pytest

from raggeddsl.cli import main

GOOD = "index i in 2\ndim m[i] = [2, 3]\ninput A[i] : f32[m[i], 4]\noutput G[i] = A[i] @ A[i].T\n"
TAIL = "input A[i] : f32[m[i], 4]\noutput G[i] = A[i] @ A[i].T\n"
SQUARE = "input X : f32[4, 4]\n"

SPECS = {
    "empty file": b"",
    "only a comment": b"# nothing here\n",
    "binary file": b"\x7fELF\x02\x01\x01\x00\x00" + bytes(range(256)),
    "not UTF-8": GOOD.encode() + b"# caf\xe9\n",
    "used before it is defined": SQUARE + "output Y = Z @ X\nZ = X @ X\n",
    "defined twice": SQUARE + "Y = X @ X\nY = X\noutput Z = Y\n",
    "misspelt": "input weights : f32[4, 4]\noutput Y = weigths @ weights\n",
    "a keyword as a name": "input sum : f32[4, 4]\noutput Y = sum @ sum\n",
    "negative size": "dim n = 0 - 3\ninput X : f32[n, n]\noutput Y = X @ X\n",
    "negative size in a list": "index i\ndim m[i] = [2, -3]\n" + TAIL,
    "fractional size": "index i\ndim m[i] = [2, 2.5]\n" + TAIL,
    "lists of different length": "index i\ndim m[i] = [2, 3]\ndim k[i] = [1, 2, 3]\n" + TAIL,
    "list not as long as its index": "index i in 3\ndim m[i] = [2, 3]\n" + TAIL,
    "map out of range": "index e in 2\nindex i in 2\nmap o[i] in e = [0, 2]\n"
    "input W[e] : f32[4, 4]\noutput Y[i] = W[o[i]] @ W[o[i]]\n",
    "inner sizes differ in some members": "index i in 3\ndim k[i] = [4, 5, 4]\n"
    "input A[i] : f32[3, k[i]]\ninput B[i] : f32[4, 2]\noutput Y[i] = A[i] @ B[i]\n",
    "sum of differing shapes": "index i in 2\ndim m[i] = [2, 3]\ninput A[i] : f32[m[i], m[i]]\n"
    "output S = sum(A[i] for i)\n",
    "adding differing shapes": "input X : f32[2, 3]\ninput Z : f32[3, 2]\noutput Y = X + Z\n",
    "matrix times matrix with *": SQUARE + "output Y = X * X\n",
    "unknown dtype": "input X : float23[4, 4]\noutput Y = X @ X\n",
    "a cycle of defs": SQUARE + "def f(A) = g(A)\ndef g(A) = f(A)\noutput Y = f(X)\n",
    "a def of itself": SQUARE + "def f(A) = f(A) @ A\noutput Y = f(X)\n",
    "iterate a negative number of times": SQUARE + "def f(A) = A @ A\noutput Y = iterate(f, X, -1)\n",
    "iterate far too often": SQUARE + "def f(A) = A @ A\noutput Y = iterate(f, X, 1000000000000)\n",
    "defs that double": SQUARE
    + "def f0(A) = A @ A\n"
    + "".join(f"def f{n}(A) = f{n - 1}(A) + f{n - 1}(A.T)\n" for n in range(1, 40))
    + "output Y = f39(X)\n",
    "10,000 brackets": SQUARE + "output Y = " + "(" * 10_000 + "X" + ")" * 10_000 + "\n",
    "10,000 transposes": SQUARE + "output Y = X" + ".T" * 10_000 + "\n",
    "10,000 minus signs": SQUARE + "output Y = " + "-" * 10_000 + "X\n",
    "an open bracket": "dim m = (3 + 4\ninput X : f32[m, m]\noutput Y = X @ X\n",
    "a huge index": "index i in 1000000000000\ninput A[i] : f32[4, 4]\noutput G[i] = A[i] @ A[i]\n",
    "sizes whose product overflows": "dim n = 4000000000\ninput X : f32[n, n]\noutput Y = X @ X\n",
    "a size past 64 bits": "dim n = 99999999999999999999\ninput X : f32[n, n]\noutput Y = X @ X\n",
    "no outputs": "input X : f32[4, 4]\n",
    "unknown table column": 'index i\ndim m[i] = table("t.csv", m="heights")\n' + TAIL,
    "text in a table": 'index i\ndim m[i] = table("text.csv", m="rows")\n' + TAIL,
    "a fraction in a table": 'index i\ndim m[i] = table("fraction.csv", m="rows")\n' + TAIL,
    "a negative size in a table": 'index i\ndim m[i] = table("negative.csv", m="rows")\n' + TAIL,
    "a ragged row in a table": 'index i\ndim m[i] = table("ragged.csv", m="rows")\n' + TAIL,
    "an empty table": 'index i\ndim m[i] = table("empty.csv", m="rows")\n' + TAIL,
    "no such table": 'index i\ndim m[i] = table("none.csv", m="rows")\n' + TAIL,
    "a table that is a folder": 'index i\ndim m[i] = table("folder.csv", m="rows")\n' + TAIL,
    "a truncated table": 'index i\ndim m[i] = table("cut.npz", m="rows")\n' + TAIL,
    "a pickled table": 'index i\ndim m[i] = table("pickled.npz", m="rows")\n' + TAIL,
    "a table outside by ..": 'index i\ndim m[i] = table("../outside.csv", m="rows")\n' + TAIL,
    "a table by an absolute path": 'index i\ndim m[i] = table("/etc/hostname", m="rows")\n' + TAIL,
    "a table by a link": 'index i\ndim m[i] = table("link.csv", m="rows")\n' + TAIL,
}

TABLES = {
    "t.csv": "rows,cols\n2,3\n3,4\n",
    "text.csv": "rows,cols\n2,3\nmany,4\n",
    "fraction.csv": "rows,cols\n2,3\n2.5,4\n",
    "negative.csv": "rows,cols\n2,3\n-2,4\n",
    "ragged.csv": "rows,cols\n2,3\n2\n",
    "empty.csv": "",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with every faulty table in it."""
    here = tmp_path / "here"
    here.mkdir()
    for name, text in TABLES.items():
        (here / name).write_text(text)
    (tmp_path / "outside.csv").write_text("rows\n2\n3\n")
    (here / "link.csv").symlink_to(tmp_path / "outside.csv")
    (here / "folder.csv").mkdir()
    np.savez(here / "whole.npz", rows=np.array([2, 3]))
    (here / "cut.npz").write_bytes((here / "whole.npz").read_bytes()[:-30])
    np.savez(here / "pickled.npz", rows=np.array([2, {}], dtype=object))
    monkeypatch.chdir(here)
    return here


def refused(capsys, folder, *words):
    """Run the command, which must refuse: what it said on stderr."""
    before = sorted(folder.rglob("*"))
    code = main([*map(str, words)])
    out, err = capsys.readouterr()
    assert code == 1, (code, out, err)
    assert re.search(r"error\[RMM\d{3}\]: ", err), err
    assert "Traceback" not in err
    assert "internal error" not in err
    assert out == "" or words[0] == "run"
    assert sorted(folder.rglob("*")) == before, "nothing is written"
    return err


@pytest.mark.parametrize("case", SPECS)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_bad_spec_is_a_located_error(case, command, folder, capsys):
    content = SPECS[case]
    (folder / "bad.rmm").write_bytes(content if isinstance(content, bytes) else content.encode())
    words = ["check"] if command == "check" else ["run", "--random", 0, "-o", "out.npz"]
    err = refused(capsys, folder, *words, "bad.rmm")
    assert re.search(r"--> \S+?(:\d+:\d+)?$", err, re.MULTILINE), err
    assert "bad.rmm" in err


@pytest.mark.parametrize(
    ("case", "place"),
    [
        ("text in a table", "text.csv:3:1"),
        ("a fraction in a table", "fraction.csv:3:1"),
        ("a negative size in a table", "negative.csv:3:1"),
        ("a ragged row in a table", "ragged.csv:3:"),
    ],
)
def test_a_fault_in_a_table_names_its_file_row_and_column(case, place, folder, capsys):
    (folder / "bad.rmm").write_text(SPECS[case])
    assert place in refused(capsys, folder, "check", "bad.rmm")


@pytest.mark.parametrize("spec", ["bom", "crlf", "tabs", "no last newline"])
def test_harmless_habits_of_editors_are_fine(spec, folder, capsys):
    text = {
        "bom": b"\xef\xbb\xbf" + GOOD.encode(),
        "crlf": GOOD.replace("\n", "\r\n").encode(),
        "tabs": GOOD.replace(" ", "\t").encode(),
        "no last newline": GOOD.rstrip().encode(),
    }[spec]
    (folder / "fine.rmm").write_bytes(text)
    assert main(["check", "fine.rmm"]) == 0
    assert capsys.readouterr().out == "fine.rmm: no errors\n"


def test_a_folder_and_a_missing_file_are_named(folder, capsys):
    assert "folder.csv" in refused(capsys, folder, "check", "folder.csv")
    assert "none.rmm" in refused(capsys, folder, "check", "none.rmm")


def test_an_unreadable_file_is_named(folder, capsys):
    path = folder / "secret.rmm"
    path.write_text(GOOD)
    path.chmod(0)
    main(["check", "none.rmm"])  # imports late what is imported late, while that can be read
    capsys.readouterr()
    with no_privileges():
        if os.access(path, os.R_OK, effective_ids=True):
            pytest.skip("this system lets everybody read everything")
        code = main(["check", str(path)])
    err = capsys.readouterr().err
    assert code == 1
    assert "error[RMM122]" in err
    assert "secret.rmm" in err


@contextmanager
def no_privileges():
    """Root may read anything, so be somebody else for a while."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(was)


def test_wider_types_need_x64(folder, capsys):
    (folder / "wide.rmm").write_text("input X : f64[4, 4]\noutput Y = X @ X\n")
    err = refused(capsys, folder, "run", "wide.rmm", "--random", 0, "-o", "out.npz")
    assert "jax_enable_x64" in err


def test_a_program_larger_than_memory_is_refused_before_it_allocates(folder, capsys):
    text = "index i in 1000000\ninput A[i] : f32[3000, 3000]\noutput G[i] = A[i] @ A[i].T\n"
    (folder / "large.rmm").write_text(text)
    assert "TiB" in refused(capsys, folder, "run", "large.rmm", "--random", 0, "-o", "out.npz")


A = [np.ones((2, 4), np.float32), np.ones((3, 4), np.float32)]
INPUTS = {
    "a missing name": {"B": A[0]},
    "an extra name": {"A[0]": A[0], "A[1]": A[1], "B": A[0]},
    "a missing member": {"A[0]": A[0]},
    "too many members": {"A[0]": A[0], "A[1]": A[1], "A[2]": A[1]},
    "a wrong shape": {"A[0]": A[0], "A[1]": A[0]},
    "a wrong number of axes": {"A[0]": A[0], "A[1]": np.ones(4, np.float32)},
    "a wrong dtype": {"A[0]": A[0].astype(np.complex64), "A[1]": A[1].astype(np.complex64)},
    "text": {"A[0]": np.array([["a"] * 4] * 2), "A[1]": A[1]},
    "one array for a ragged family": {"A": A[0]},
    "pickled": {"A": np.array([1, {}], dtype=object)},
}


@pytest.mark.parametrize("case", INPUTS)
def test_wrong_inputs_are_refused_by_name(case, folder, capsys):
    (folder / "good.rmm").write_text(GOOD)
    np.savez(folder / "in.npz", **INPUTS[case])
    err = refused(capsys, folder, "run", "good.rmm", "--inputs", "in.npz", "-o", "out.npz")
    assert "in.npz" in err
    assert re.search(r"error\[RMM7\d\d\]", err)


def test_a_truncated_file_of_inputs_is_refused(folder, capsys):
    (folder / "good.rmm").write_text(GOOD)
    refused(capsys, folder, "run", "good.rmm", "--inputs", "cut.npz", "-o", "out.npz")


def test_nan_is_carried_through(folder):
    (folder / "good.rmm").write_text(GOOD)
    np.savez(folder / "in.npz", **{"A[0]": A[0] * np.nan, "A[1]": A[1]})
    assert main(["run", "good.rmm", "--inputs", "in.npz", "-o", "out.npz", "--verify"]) == 0
    with np.load(folder / "out.npz") as out:
        assert np.isnan(out["G[0]"]).all()
        assert (out["G[1]"] == 4).all()
