"""Wrong usage is exit code 2 with one line that says what was meant; help is exit code 0 with an example."""

import pytest

from raggeddsl.cli import main
from raggeddsl.cli.entry import COMMANDS


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek", "a.rmm"], "no command `chek`; did you mean `check`?"),
        (["explian"], "did you mean `explain`?"),
        (["xyzzy"], "no command `xyzzy`"),
        (["--verison"], "unknown option `--verison`; did you mean `--version`?"),
        (["check"], "FILE"),
        (["check", "--colour", "a.rmm"], "unknown option `--colour`; did you mean `--color`?"),
        (["check", "--foo", "a.rmm"], "unknown option `--foo`\n"),
        (["check", "--color", "blue", "a.rmm"], "invalid choice: 'blue'"),
        (["check", "--col", "never", "a.rmm"], "unknown option `--col`"),
        (["check", "-D", "n", "a.rmm"], "`n` is not of the form NAME=SIZE"),
        (["check", "-D", "n=x", "a.rmm"], "the size in `n=x` is not a whole number"),
        (["check", "-D", "n=-1", "a.rmm"], "the size in `n=-1` is negative"),
        (["check", "--max-operations", "0", "a.rmm"], "not a whole number of at least 1"),
        (["run", "a.rmm"], "--inputs --random"),
        (["run", "a.rmm", "--random", "x"], "a seed is a whole number"),
        (["run", "a.rmm", "--random", "0", "--inputs", "x.npz"], "not allowed with"),
        (["run", "a.rmm", "--random", "0", "-o", "no/such/folder/x.npz"], "there is no folder"),
        (["run", "a.rmm", "--random", "0", "-o", "."], "it is a folder"),
        (["run", "a.rmm", "--random", "0", "-o", "-"], "do not go to standard output"),
        (["run", "a.rmm", "b.rmm", "--random", "0"], "unknown argument `b.rmm`"),
        (["compile", "a.rmm", "--emit", "grpah"], "did you mean `graph`?"),
        (["compile", "a.rmm", "--emit", "artifact"], "not in this edition"),
        (["compile", "a.rmm", "-o", "stages"], "say which with --emit (ast, graph"),
        (["fmt", "-w", "--check", "a.rmm"], "choose one"),
        (["fmt", "-w", "-"], "cannot write to standard input"),
        (["explain", "RMM999"], "no diagnostic has the code RMM999"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else None,
)
def test_wrong_usage_is_exit_code_2_and_says_what_is_wrong(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.rmm").write_text("input A : f32[2, 2]\noutput B = A @ A\n")
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert out == ""
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.rmm"], "nothing is written"


def test_no_command_prints_what_there_is(capsys):
    assert main([]) == 2
    err = capsys.readouterr().err
    assert all(name in err for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name, capsys):
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"raggeddsl {name}" in out.partition("example")[2]
    assert "--color" in out
    assert "--diagnostic-format" in out


def test_version_and_help_go_to_stdout(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("raggeddsl ")
    assert main(["--help"]) == 0
    assert "exit codes" in capsys.readouterr().out


def test_the_module_is_the_command(process):
    done = process("chek")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean `check`?" in done.stderr
