"""As a process of its own: pipes, signals and faults."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raggeddsl.cli import entry, main
from tests.processes import environment

SPEC = "input X : f32[2, 2]\noutput Y = X @ X\n"
WRONG = "input X : f32[2, 3]\noutput Y = X @ X\n"


def test_a_spec_may_come_from_standard_input(process):
    fine = process("check", "-", stdin=SPEC)
    assert (fine.returncode, fine.stdout, fine.stderr) == (0, "-: no errors\n", "")
    wrong = process("check", "-", stdin=WRONG)
    assert wrong.returncode == 1
    assert "<stdin>:2:12" in wrong.stderr


def test_a_run_from_standard_input_is_verified(process):
    done = process("run", "-", "--random", "0", "--verify", stdin=SPEC)
    assert done.returncode == 0, done.stderr
    assert "verified: the only member agrees" in done.stdout


def test_a_reader_that_leaves_ends_it_quietly(tmp_path, process):
    (tmp_path / "a.rmm").write_text(SPEC + "".join(f"# {'x' * 90} {n}\n" for n in range(5_000)))
    command = f"{sys.executable} -m raggeddsl fmt a.rmm | head -n 1; exit ${{PIPESTATUS[0]}}"
    # Unbuffered, Python does not notice that only a part was written.
    env = environment(PYTHONUNBUFFERED="")
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == SPEC.splitlines(keepends=True)[0]
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [
        ("check - <&-", 1, "error[RMM122]: there is no standard input"),
        ("init - <&-", 1, "there is no standard input"),
        ("check a.rmm >&-", 0, ""),
        ("fmt a.rmm >&-", 0, ""),
        ("check nowhere.rmm 2>&-", 1, ""),
    ],
)
def test_streams_may_be_closed(closed, code, said, tmp_path):
    (tmp_path / "a.rmm").write_text(SPEC)
    command = ["bash", "-c", f"{sys.executable} -m raggeddsl {closed}"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and "internal error" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_standard_output_that_is_full_is_said(unbuffered, tmp_path):
    (tmp_path / "a.rmm").write_text(SPEC)
    command = ["bash", "-c", f"{sys.executable} -m raggeddsl fmt a.rmm > /dev/full"]
    env = environment(PYTHONUNBUFFERED=unbuffered)
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "raggeddsl: cannot write to standard output: No space left on device\n"


def test_a_platform_that_jax_does_not_have_is_no_fault_of_ours(process):
    done = process("run", "-", "--random", "0", stdin=SPEC, env={"JAX_PLATFORMS": "xyzzy"})
    assert done.returncode == 2
    assert "jax finds no device to run on: " in done.stderr and "JAX_PLATFORMS is 'xyzzy'" in done.stderr
    assert "internal error" not in done.stderr


@pytest.fixture
def heeded():
    """Children heed interrupts, also where a shell runs the suite in the background, which ignores them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
def test_interrupting_is_exit_code_130_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "raggeddsl", "check", "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, cwd=tmp_path, env=environment(), text=True) as running:
        # More than a pipe holds: when all of it is written, the command reads, and waits for the rest.
        assert running.stdin is not None
        running.stdin.write("# a comment\n" * 100_000)
        running.stdin.flush()
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, out, err) == (130, "", "interrupted\n")


def test_without_the_native_library_another_kernel_runs_and_it_is_said(process):
    without = {"RAGGEDDSL_LIBRARY": "nowhere.so", "JAX_PLATFORMS": "cpu"}
    done = process("run", "-", "--target", "fused", "--random", "0", "--verify", stdin=SPEC, env=without)
    assert done.returncode == 0, done.stderr
    assert "verified: the only member agrees" in done.stdout
    words = " ".join(done.stdout.split())
    assert "kernel xla" in words and "RAGGEDDSL_LIBRARY names nowhere.so, which is not a file" in words


def test_asking_for_the_native_kernel_without_its_library_is_an_error(process):
    without = {"RAGGEDDSL_LIBRARY": "nowhere.so", "JAX_PLATFORMS": "cpu"}
    done = process("run", "-", "--kernel", "native", "--random", "0", stdin=SPEC, env=without)
    assert done.returncode == 1
    assert "RMM510" in done.stderr and "nowhere.so" in done.stderr


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_fault_of_our_own_names_versions_and_where_to_report(monkeypatch, capsys, debug):
    def fail(words, args):
        raise AssertionError("an invariant is broken")

    monkeypatch.setattr(entry, "dispatch", fail)
    monkeypatch.setenv("RAGGEDDSL_DEBUG", debug)
    assert main(["check", "a.rmm"]) == 3
    err = capsys.readouterr().err
    assert "internal error: AssertionError: an invariant is broken" in err
    assert all(name in err for name in ("raggeddsl ", "jax ", "Python ", "report"))
    assert ("Traceback" in err) == (debug == "1")


def test_output_that_the_terminal_cannot_show_is_escaped(process):
    wrong = process("check", "-", stdin=WRONG.replace("X", "\u00d7"), env={"PYTHONIOENCODING": "ascii"})
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    shown = process("explain", "-", stdin=SPEC, env={"PYTHONIOENCODING": "ascii"})
    assert shown.returncode == 0, shown.stderr
