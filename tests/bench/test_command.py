"""`raggeddsl bench` as a user meets it: tables, JSON with stable keys, exit codes, usage errors."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import raggeddsl
from raggeddsl.bench import report
from raggeddsl.bench.peers import PEERS
from raggeddsl.cli import main

QUICK = ["--rounds", "1", "--quiet"]
TOP = {"schema", "kind", "machine", "peak", "versions", "settings", "workloads"}
WORKLOAD = {"name", "members", "products", "distinct_shapes", "flop", "bytes", "ways"}
WAY = {
    *("name", "status", "reason", "note", "first_s", "steady_s", "rounds_s", "ratio", "gflops", "gbytes_s"),
    *("peak_share", "error", "memory_bytes", "facts"),
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
    table = report.text(document).splitlines()
    assert "computed FLOP" in table[3] and table[5].startswith("mixed-6")


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
    rows = [line for line in lines if line.startswith("| ")]
    assert rows[0] == "| workload | raggeddsl | numpy |"
    assert [row.split(" | ")[0] for row in rows].count("| tiny-3") == 2  # later calls, first calls
    assert {row.count("|") for row in rows} == {4}


def test_what_was_skipped_is_said(capsys):
    assert main(["bench", "mixed-9", "--against", "jit-loop", "--shape-limit", "2", *QUICK]) == 0
    assert "jit-loop: skipped: 18 arrays across the jit boundary" in capsys.readouterr().out


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
    assert main(["bench", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured on Linux only")
def test_memory_counts_results_but_not_inputs(capsys):
    words = ["equal-1-1500", "--against", "numpy", "--memory", "--json", "-", *QUICK]
    assert main(["bench", *words]) == 0
    document = json.loads(capsys.readouterr().out)
    ways = document["workloads"][0]["ways"]
    assert "Peak memory" in report.markdown(document) and "memory later" in report.text(document)
    result = 4 * 1500 * 1500
    for way in ways:
        assert 0.9 * result < way["memory_bytes"]["steady"] < 6 * result, way["name"]
