"""Files are replaced whole or not at all, and keep their mode."""

import os
import stat
import threading

import pytest

from raggeddsl.cli.parser import WrongUsage
from raggeddsl.cli.write import write_text, write_whole


def test_a_failure_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.npz"
    path.write_text("old")

    def fail(stream):
        stream.write(b"half")
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        write_whole(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_replaced_file_keeps_its_mode_and_a_new_one_gets_the_usual(tmp_path):
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.write_text("x")
    old.chmod(0o640)
    plain.write_text("x")
    write_text(old, "y")
    write_text(new, "y")
    assert (old.read_text(), old.stat().st_mode & 0o777) == ("y", 0o640)
    assert new.stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("x")
    link.symlink_to(target)
    write_text(link, "y")
    assert link.is_symlink()
    assert target.read_text() == "y"


@pytest.mark.parametrize("name", ["no/such/folder/x", "."])
def test_what_cannot_be_written_is_wrong_usage_that_names_the_file(tmp_path, name):
    path = tmp_path / name
    with pytest.raises(WrongUsage, match="cannot write"):
        write_text(path, "y")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_text(pipe, "all of it")
    reader.join(timeout=30)
    assert read == ["all of it"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert list(tmp_path.iterdir()) == [pipe]
