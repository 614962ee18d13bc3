"""`raggeddsl bench` as a user meets it: tables, JSON with stable keys, exit codes, usage errors."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import raggeddsl
from raggeddsl.bench import report
from raggeddsl.bench.peers import PEERS
from raggeddsl.cli import main

QUICK = ["--rounds", "1", "--quiet", "--no-keep-memory"]  # which would hold for all tests of this process
TOP = {"schema", "kind", "machine", "peak", "versions", "settings", "workloads"}
WORKLOAD = {
    *("name", "members", "products", "distinct_shapes", "flop", "bytes", "result_bytes", "counts", "ways"),
}
WAY = {
    *("name", "status", "reason", "note", "first_s", "steady_s", "rounds_s", "ratio", "gflops", "gbytes_s"),
    *("peak_share", "error", "memory_bytes", "facts", "members", "flop", "bytes", "copy_share"),
    "ratio_donated",
}


@pytest.fixture(autouse=True)
def small_peak(monkeypatch):
    """The machine's peak needs seconds to measure well; here any number serves."""
    monkeypatch.setattr("raggeddsl.bench.machine.peak", lambda: {"gflops": 100.0, "gbytes_s": 10.0})


def test_the_command_runs_as_a_process(tmp_path):
    words = ["bench", "tiny-5", "--against", "numpy", "--rounds", "2", "--json", "times.json"]
    done = subprocess.run(
        [sys.executable, "-m", "raggeddsl", *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(raggeddsl.__file__).parents[1])},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "tiny-5: 5 members" in done.stdout and "raggeddsl" in done.stdout and "numpy" in done.stdout
    assert "# tiny-5: numpy" in done.stderr
    assert set(json.loads((tmp_path / "times.json").read_text())) == TOP
    assert [path.name for path in tmp_path.iterdir()] == ["times.json"]


def test_json_has_its_stable_keys(capsys):
    assert main(["bench", "tiny-4", "equal-2-3", "--against", "numpy,pad-vmap", "--json", "-", *QUICK]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document) == TOP and document["schema"] == 1 and document["kind"] == "times"
    assert [set(each) for each in document["workloads"]] == [WORKLOAD, WORKLOAD]
    ways = document["workloads"][0]["ways"]
    assert [way["name"] for way in ways] == ["raggeddsl", "numpy", "pad-vmap"]
    assert all(set(way) == WAY for way in ways)
    assert ways[0]["ratio"] == 1.0 and ways[0]["status"] == "timed"
    assert ways[1]["ratio"] == pytest.approx(ways[1]["steady_s"] / ways[0]["steady_s"])
    assert {"compile_s", "kernel", "target", "computed_flop_ratio"} <= set(ways[0]["facts"])


def test_variants_of_raggeddsl_have_rows_of_their_own(capsys):
    variants = ["raggeddsl:fused", "raggeddsl:dispatch", "raggeddsl:reference"]
    assert main(["bench", "tiny-4", "--against", ",".join(variants), "--json", "-", *QUICK]) == 0
    ways = {way["name"]: way for way in json.loads(capsys.readouterr().out)["workloads"][0]["ways"]}
    assert ways["raggeddsl:fused"]["facts"]["target"] == "fused"
    assert ways["raggeddsl:dispatch"]["facts"]["target"] == "dispatch"
    assert ways["raggeddsl:reference"]["facts"]["kernel"] == "reference"


def test_target_and_kernel_apply_to_the_row_of_raggeddsl(capsys):
    words = ["--target", "dispatch", "--kernel", "xla", "--against", "none", "--json", "-", *QUICK]
    assert main(["bench", "tiny-4", *words]) == 0
    (way,) = json.loads(capsys.readouterr().out)["workloads"][0]["ways"]
    assert way["facts"]["target"] == "dispatch"


def test_compile_times_are_told_by_part(capsys):
    assert main(["bench", "mixed-3", "mixed-6", "--compile", "--json", "-", *QUICK]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["kind"] == "compile"
    for each in document["workloads"]:
        assert {"trace", "lower", "compile"} <= set(each["compile"]["parts_s"])
        assert 0 < each["compile"]["xla_s"] <= each["compile"]["total_s"]
        assert each["compile"]["gradient_s"] is None
    last = document["workloads"][1]["compile"]
    first, matmul = document["workloads"][0]["compile"], document["matmul"]
    assert set(matmul["parts_s"]) == {"trace", "lower", "compile"}
    assert last["to_first"] == pytest.approx(last["xla_s"] / first["xla_s"])
    assert last["to_matmul"] == pytest.approx(last["xla_s"] / matmul["xla_s"])
    lines = report.text(document).splitlines()
    heads = [line.split() for line in lines if line.startswith("workload ")]
    assert heads[0][-8:] == ["together", "to", "the", "first", "to", "a", "@", "b"]
    assert heads[1][-4:] == ["computed", "FLOP", "XLA", "operations"]
    assert sum(line.startswith("mixed-6 ") for line in lines) == 2
    assert any(line.startswith("a @ b, jitted") for line in lines)


def test_the_compiling_of_gradients_is_told_where_it_is_asked_for(capsys):
    assert main(["bench", "mixed-3", "--compile", "--gradient", "--json", "-", *QUICK]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["workloads"][0]["compile"]["gradient_s"] > 0
    assert "to forward" in report.text(document)
    assert main(["bench", "mixed-3", "--gradient", *QUICK]) == 2
    assert "raggeddsl:grad" in capsys.readouterr().err


def test_several_workloads_end_in_geometric_means(capsys):
    assert main(["bench", "tiny-3", "equal-2-3", "--against", "numpy", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "geometric means" in out
    assert out.splitlines()[-1].split()[0] == "numpy" and out.splitlines()[-1].split()[2] == "2"


def test_markdown_has_a_row_a_workload(capsys):
    assert main(["bench", "tiny-3", "equal-2-3", "--against", "numpy", "--markdown", *QUICK]) == 0
    lines = capsys.readouterr().out.splitlines()
    end = next(number for number, line in enumerate(lines) if line.startswith("Geometric means"))
    rows, means = ([line for line in part if line.startswith("| ")] for part in (lines[:end], lines[end:]))
    assert rows[0] == "| workload | raggeddsl | numpy |"
    assert [row.split(" | ")[0] for row in rows].count("| tiny-3") == 2  # later calls, first calls
    assert {row.count("|") for row in rows} == {4}
    assert [row.split(" | ")[0] for row in means] == ["| way", "| ---", "| numpy"]


def test_what_was_skipped_is_said(capsys):
    assert main(["bench", "mixed-9", "--against", "jit-loop", "--shape-limit", "2", *QUICK]) == 0
    out = capsys.readouterr().out
    assert "jit-loop: skipped: 18 arrays across the jit boundary" in out and "--shape-limit 9 tries" in out
    assert re.search(r"^jit-loop +skipped$", out, re.MULTILINE), "the table has it too"
    assert "JAX's ways: timed: none; skipped: jit-loop" in out
    assert main(["bench", "mixed-9", "--against", "jit-loop", "--shape-limit", "9", *QUICK]) == 0
    assert "skipped" not in capsys.readouterr().out


def test_one_call_of_one_product_stands_beside_pairs_of_one_shape(capsys):
    assert main(["bench", "equal-10-8", "tiny-3", "--against", "jit-one,numpy", *QUICK]) == 0
    out = capsys.readouterr().out
    assert re.search(r"jit-one: does 1 of the 10 members; raggeddsl's call for all takes [\d.]+ times", out)
    assert "jit-one: skipped: one call does one product" in out
    means = out[out.index("geometric means") :]
    assert "numpy" in means and "jit-one" not in means


def test_large_results_are_written_over_too_and_that_counts(capsys, monkeypatch):
    monkeypatch.setattr("raggeddsl.bench.session.LARGE", 100)
    assert main(["bench", "equal-1-5", "equal-2-5", "--against", "numpy", "--json", "-", *QUICK]) == 0
    document = json.loads(capsys.readouterr().out)
    small, large = document["workloads"]
    assert (small["counts"], [way["name"] for way in small["ways"]]) == ("raggeddsl", ["raggeddsl", "numpy"])
    assert large["counts"] == "raggeddsl:donate"
    assert [way["name"] for way in large["ways"]] == ["raggeddsl", "raggeddsl:donate", "numpy"]
    _, donated, numpy = large["ways"]
    assert numpy["ratio_donated"] == pytest.approx(numpy["steady_s"] / donated["steady_s"])
    assert small["ways"][1]["ratio_donated"] is None


def test_memory_that_cannot_be_kept_is_told(capsys, monkeypatch):
    monkeypatch.setattr("raggeddsl.native.memory.keep_memory", lambda: False)
    assert main(["bench", "tiny-3", "--against", "none", *QUICK, "--keep-memory"]) == 0
    assert "may go back to the system: only glibc can be told" in capsys.readouterr().out
    assert main(["bench", "tiny-3", "--against", "none", *QUICK]) == 0
    assert "as the C library will have it (--no-keep-memory)" in capsys.readouterr().out


def test_a_wrong_way_is_exit_code_1(capsys, monkeypatch):
    monkeypatch.setattr("raggeddsl.bench.check.EPS", 0.0)
    assert main(["bench", "tiny-3", "--against", "numpy", *QUICK]) == 1
    assert "numpy: wrong" in capsys.readouterr().out


def test_list_names_everything(capsys):
    assert main(["bench", "--list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in [*PEERS, "mixed-N", "gram:TABLE", "resnet50"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--list"),
        (["mixd-3"], "no workload is called 'mixd-3'"),
        (["tiny-3", "--against", "nump"], "no peer is called 'nump'"),
        (["gram:nothing"], "no such file"),
        (["tiny-3", "--rounds", "0"], "--rounds"),
    ],
)
def test_wrong_usage_is_exit_code_2(words, said, capsys):
    assert main(["bench", *words, "--no-keep-memory"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured on Linux only")
def test_memory_counts_results_but_not_inputs(capsys):
    words = ["equal-1-1500", "--against", "numpy", "--memory", "--json", "-", *QUICK]
    assert main(["bench", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    ways = document["workloads"][0]["ways"]
    assert "Peak memory" in report.markdown(document) and "peak memory above" in report.text(document)
    result = 4 * 1500 * 1500
    for way in ways:
        found = way["memory_bytes"]
        assert 0.9 * result < found["steady"] < 6 * result, way["name"]
        assert found["bound"] == pytest.approx(1.1 * result)  # one product, no intermediates
        assert found["ratio"] == pytest.approx(found["steady"] / found["bound"])
