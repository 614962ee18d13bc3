"""What each command does when all is well: results on stdout, files where they were asked for."""

import io
import json

import numpy as np
import pytest

from raggeddsl.cli import main
from raggeddsl.cli.report import colored

SPEC = """\
index i in 3
dim n = 4
dim m[i] = [2, 3, 5]
input A[i] : f32[m[i], n]
input W    : f32[n, n]
output G[i] = A[i] @ W @ A[i].T
output S = sum(A[i].T @ A[i] for i)
"""
UGLY = "input X:f32[2,2]   # kept\noutput   Y=X@X\n"
NEAT = "input X : f32[2, 2]  # kept\noutput Y = X @ X\n"
WRONG = "input X : f32[2, 3]\noutput Y = X @ X\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "model.rmm").write_text(SPEC)
    (tmp_path / "ugly.rmm").write_text(UGLY)
    (tmp_path / "neat.rmm").write_text(NEAT)
    (tmp_path / "wrong.rmm").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def said(folder, capsys):
    """`said("check", "a.rmm", code=0)`: run the command, which must end so; its (stdout, stderr)."""

    def run(*words, code=0):
        got = main([*map(str, words)])
        out, err = capsys.readouterr()
        assert got == code, out + err
        return out, err

    return run


# ---------------------------------------------------------------- check


def test_check_takes_several_files_and_reports_all(said):
    out, err = said("check", "model.rmm", "wrong.rmm", "neat.rmm", "misspelt.rmm", code=1)
    assert out == "model.rmm: no errors\nneat.rmm: no errors\n"
    assert "wrong.rmm:2:12" in err
    assert "there is no file `misspelt.rmm`" in err


def test_check_writes_json_to_stdout_as_one_array(said):
    out, err = said("check", "--diagnostic-format", "json", "wrong.rmm", "wrong.rmm", code=1)
    found = json.loads(out)
    assert [(one["code"], one["file"]) for one in found] == [("RMM301", "wrong.rmm")] * 2
    assert err == ""
    assert json.loads(said("check", "--diagnostic-format", "json", "neat.rmm")[0]) == []


def test_check_writes_a_line_a_finding_for_scripts_and_github(said):
    assert said("check", "--diagnostic-format", "short", "wrong.rmm", code=1)[0].startswith(
        "wrong.rmm:2:12: error"
    )
    assert said("check", "--diagnostic-format", "github", "wrong.rmm", code=1)[0].startswith(
        "::error file=wrong.rmm"
    )


def test_a_size_given_with_D_is_used(said, folder):
    file = "square.rmm"
    (folder / file).write_text("dim k = 4\ninput X : f32[4, k]\noutput Y = X @ X\n")
    said("check", file)
    assert "RMM301" in said("check", "-D", "k=5", file, code=1)[1]
    assert "`kk`" in said("check", "-D", "kk=5", file, code=1)[1]


def test_color_is_there_when_asked_for(said):
    assert "\x1b[" not in said("check", "wrong.rmm", code=1)[1]
    assert "\x1b[" in said("check", "--color", "always", "wrong.rmm", code=1)[1]


@pytest.mark.parametrize(
    ("choice", "terminal", "env", "wanted"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"TERM": "dumb"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_color_follows_the_choice_the_terminal_and_NO_COLOR(choice, terminal, env, wanted, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal, raising=False)
    assert colored(choice, stream) is wanted


# ---------------------------------------------------------------- fmt


def test_fmt_prints_writes_checks_and_shows_the_difference(said, folder):
    assert said("fmt", "ugly.rmm")[0] == NEAT
    out, _ = said("fmt", "--check", "--diff", "ugly.rmm", "neat.rmm", code=1)
    assert "-output   Y=X@X\n" in out
    assert "+output Y = X @ X\n" in out
    assert "would format ugly.rmm" in out
    assert "neat.rmm" not in out
    assert (folder / "ugly.rmm").read_text() == UGLY
    assert said("fmt", "-w", "ugly.rmm", "neat.rmm")[0] == "formatted ugly.rmm\n"
    assert (folder / "ugly.rmm").read_text() == NEAT
    said("fmt", "--check", "ugly.rmm")


def test_fmt_keeps_the_kind_of_line_ending_and_the_mode(said, folder):
    path = folder / "ugly.rmm"
    path.write_bytes(UGLY.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    said("fmt", "-w", "ugly.rmm")
    assert path.read_bytes() == NEAT.replace("\n", "\r\n").encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_fmt_writes_nothing_if_any_file_has_syntax_errors(said, folder):
    (folder / "broken.rmm").write_text("output = (\n")
    assert "broken.rmm:1" in said("fmt", "-w", "ugly.rmm", "broken.rmm", code=1)[1]
    assert (folder / "ugly.rmm").read_text() == UGLY


# ---------------------------------------------------------------- explain, graph, compile


def test_explain_is_for_people_and_for_machines(said):
    text, _ = said("explain", "model.rmm")
    found = json.loads(said("explain", "--json", "model.rmm")[0])
    assert text.startswith("G, S: 4 matrices")
    assert found["summary"]["members"] == 4


@pytest.mark.parametrize("code", ["RMM301", "rmm721"])
def test_explain_prints_the_page_of_a_code(said, code):
    assert said("explain", code)[0].startswith(f"# {code.upper()}: ")


@pytest.mark.parametrize(("style", "start"), [("text", ""), ("dot", "digraph"), ("mermaid", "flowchart")])
def test_graph_draws_every_input_and_output(said, style, start):
    out, _ = said("graph", "--format", style, "model.rmm")
    assert out.startswith(start)
    assert all(name in out for name in "AWGS")


@pytest.mark.parametrize(
    ("stage", "first"),
    [
        ("parse", "IndexDecl()"),
        ("elaborate", "%0 = input A"),
        ("normalise", "%0 = input A"),
        ("plan", "G, S: 4 matrices"),
        ("lower", "G, S: 4 matrices"),
    ],
)
def test_compile_stops_after_a_stage_and_prints_what_it_gives(said, stage, first):
    out, err = said("compile", "model.rmm", "--stop-after", stage)
    assert out.startswith(first) and err == ""
    assert ("transpose(" in out) == (stage == "elaborate"), "normalising folds it into the product"
    assert ("target " in out) == (stage == "lower"), "only then it is known what runs"


def test_compile_stops_at_errors_and_takes_one_way_to_print(said):
    _, err = said("compile", "wrong.rmm", "--stop-after", "elaborate", code=1)
    assert "wrong.rmm:2:12" in err
    out, _ = said("compile", "wrong.rmm", "--stop-after", "parse")
    assert "Definition(" in out
    _, err = said("compile", "model.rmm", "--stop-after", "plan", "--emit", "ast", code=2)
    assert "leave out --emit" in err


def test_compile_writes_the_stages_that_are_named(said, folder):
    out, _ = said("compile", "model.rmm", "--emit", "ast,graph,plan,jaxpr,stablehlo", "-o", "stages")
    assert "4 matrices" in out
    found = {path.name: path.read_text() for path in (folder / "stages").iterdir()}
    assert set(found) == {"ast.txt", "graph.txt", "plan.json", "jaxpr.txt", "program.stablehlo.mlir"}
    assert "Definition" in found["ast.txt"]
    assert json.loads(found["plan.json"])["summary"]["products"] > 0
    assert "lambda" in found["jaxpr.txt"]
    assert "stablehlo." in found["program.stablehlo.mlir"]


def test_what_compile_writes_to_stdout_can_be_piped_on(said):
    out, err = said("compile", "model.rmm", "--emit", "plan")
    assert json.loads(out)["summary"]["members"] == 4
    assert "4 matrices" in err


# ---------------------------------------------------------------- run


def test_run_gives_what_numpy_gives(said, folder):
    rng = np.random.default_rng(0)
    members = [rng.standard_normal((m, 4)).astype(np.float32) for m in (2, 3, 5)]
    w = rng.standard_normal((4, 4)).astype(np.float32)
    np.savez(folder / "in.npz", W=w, **{f"A[{i}]": a for i, a in enumerate(members)})
    out, _ = said("run", "model.rmm", "--inputs", "in.npz", "-o", "out.npz", "--verify", "--repeat", 1)
    assert "all 4 members agree with the float64 reference" in out
    assert "G: 3 members, f32[2, 2] to f32[5, 5]" in out
    with np.load(folder / "out.npz", allow_pickle=False) as got:
        assert set(got) == {"G[0]", "G[1]", "G[2]", "S"}
        for i, a in enumerate(members):
            np.testing.assert_allclose(got[f"G[{i}]"], a @ w @ a.T, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(got["S"], sum(a.T @ a for a in members), rtol=1e-4, atol=1e-4)


def test_run_says_how_an_archive_holds_members(said, folder):
    np.savez(folder / "in.npz", W=np.eye(4, dtype="f4"), A_0=np.ones((2, 4), "f4"))
    _, err = said("run", "model.rmm", "--inputs", "in.npz", code=1)
    assert "`in.npz`: the program has no input `A_0`" in err
    assert "an archive holds its members as `A[0]`, `A[1]`, …, or as `A.data` with `A.shapes`" in err


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32", "c64", "i32"])
@pytest.mark.parametrize("form", [(), ("--packed",)])
def test_results_of_every_type_can_be_inputs_again(said, folder, dtype, form):
    types = f"index i in 2\ndim m[i] = [2, 3]\ninput A[i] : {dtype}[m[i], 4]\ninput s[i] : {dtype}[]\n"
    (folder / "first.rmm").write_text(types + "output B[i] = 2 * A[i]\noutput t[i] = 2 * s[i]\n")
    (folder / "again.rmm").write_text(
        types.replace("A[", "B[").replace("s[", "t[") + "output C[i] = t[i] * B[i]\n"
    )
    said("run", "first.rmm", "--random", 3, "--repeat", 1, "-o", "first.npz", *form)
    out, _ = said("run", "again.rmm", "--inputs", "first.npz", "--repeat", 1, "--verify")
    assert "verified: all 2 members agree" in out


def test_a_seed_gives_the_same_bytes_again(said, folder):
    for name in ("one.npz", "two.npz"):
        said("run", "model.rmm", "--random", 7, "--repeat", 1, "--packed", "-o", name)
    assert (folder / "one.npz").read_bytes() == (folder / "two.npz").read_bytes()


def test_many_steps_of_an_iteration_are_proven(said, folder):
    text = "input X : f32[6, 4]\ndef ns(y) = 1.5 * y - 0.5 * y @ y.T @ y\noutput Z = iterate(ns, X, 8)\n"
    (folder / "steps.rmm").write_text(text)
    out, _ = said("run", "steps.rmm", "--random", 0, "--verify")
    assert "verified: the only member agrees" in out and "proves nothing" not in out


def test_a_bound_that_proves_nothing_is_told(said, folder):
    text = "input X : f32[6, 4]\noutput Z = (X @ X.T) @ X - X @ (X.T @ X)\n"  # nothing but rounding
    (folder / "nothing.rmm").write_text(text)
    out, _ = said("run", "nothing.rmm", "--random", 0, "--verify")
    assert "verified" not in out and "\nagrees, but proves nothing of 1 of 1 member: " in out


@pytest.mark.parametrize("choice", [("--kernel", "reference"), ("--kernel", "xla"), ("--target", "dispatch")])
def test_every_choice_of_how_to_run_is_verified(said, choice):
    out, _ = said("run", "model.rmm", "--random", 1, "--verify", "--repeat", 1, *choice)
    assert "verified: all 4 members agree" in out


def test_a_result_that_does_not_agree_is_exit_code_1(said, monkeypatch):
    import raggeddsl as rd

    right = rd.Program.reference

    def wrong(self, inputs):
        return right(
            self, {name: value if name == "W" else [2 * a for a in value] for name, value in inputs.items()}
        )

    monkeypatch.setattr(rd.Program, "reference", wrong)
    out, _ = said("run", "model.rmm", "--random", 1, "--verify", "--repeat", 1, "-o", "out.npz", code=1)
    assert "NOT verified: " in out
